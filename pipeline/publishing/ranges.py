"""Ranges of published files with a digest each, so that a reader verifies no more than it reads.

Belongs here: the row groups of a table as its manifest names them, and the parts of a manifest as its
publication names them. How a row group is read by itself is `tables/row_groups.py`.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import BinaryIO

from msgspec import structs

from pipeline import storage
from pipeline.contracts.manifest import FileEntry, Footer, Manifest, Range, RowGroup, to_json
from pipeline.contracts.value import changed
from pipeline.free_form import Json
from pipeline.packs import Stored
from pipeline.tables import row_groups
from pipeline.tables.row_groups import Group, Span

PARTS = "manifest_parts"
"""Key of `publication.json`: `condition`, and each table's name -> the range of the manifest that says it."""

CONDITION = "condition"


def with_row_groups(entry: FileEntry, place: Stored) -> FileEntry:
    """A table's entry with where its symbols lie; as it was where a row group may have rows of two."""
    found = row_groups.layout(place)
    if found is None:
        return entry
    with place.open() as file:
        return changed(
            entry,
            row_groups=tuple(_row_group(file, group) for group in found.groups),
            footer=Footer(schema=_range(file, found.schema), writer=_range(file, found.writer)),
        )


def parts(data: bytes, manifest: Manifest) -> dict[str, Json]:
    """Where in a manifest's bytes its condition and each table's entry stand."""
    tables = {n: e for n, e in manifest.files.items() if e.content_hash is not None}
    found: dict[str, Json] = {}
    for name, value in {CONDITION: manifest.condition, **tables}.items():
        text = storage.canonical_json(to_json(value)).rstrip(b"\n")
        # Any place will do where these very bytes stand.
        found[name] = to_json(_described(text, data.index(text)))
    return found


def wrong_part(said: Json, data: bytes) -> str | None:
    """The first part of a publication that its manifest does not bear out; None where there is none."""
    document = json.loads(data)
    values = {n: e for n, e in document["files"].items() if "content_hash" in e}
    values[CONDITION] = document["condition"]
    names: set[str] = {*said, *values}
    for name in sorted(names):
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            start = said[name]["offset"]
            text = data[start : start + said[name]["bytes"]]
            if to_json(_described(text, start)) == said[name] and json.loads(text) == values[name]:
                continue
        return name
    return None


def _row_group(file: BinaryIO, group: Group) -> RowGroup:
    data, footer = _range(file, group.data), _range(file, group.footer)
    return RowGroup(**structs.asdict(data), symbol=group.symbol, rows=group.rows, footer=footer)


def _range(file: BinaryIO, span: Span) -> Range:
    file.seek(span.offset)
    return _described(file.read(span.bytes), span.offset)


def _described(data: bytes, offset: int) -> Range:
    return Range(offset=offset, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
