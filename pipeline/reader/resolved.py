"""What the revision of a date says: its condition, and the entry of one table's file.

Read from the parts of the manifest that its publication names, so that a day of hundreds of symbols costs no
more than what is asked of it; of earlier releases' revisions from the whole manifest.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec

from pipeline.contracts.manifest import DayCondition, FileEntry, Range
from pipeline.contracts.value import changed
from pipeline.errors import ContractError
from pipeline.free_form import Json
from pipeline.publishing import ranges, revisions, sums
from pipeline.publishing.store import Store
from pipeline.reader import verified

Kind = TypeVar("Kind")

_Said: TypeAlias = tuple[DayCondition, FileEntry | None]


@dataclass(frozen=True, slots=True)
class Question:
    """A table's file, and the symbols of which its row groups are asked for; None means all."""

    file: str
    symbols: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A revision and what it says; no entry where it has no file of the table.

    The entry has the row groups that are asked for alone: those of a year of hundreds of symbols would fill
    the memory.
    """

    day: dt.date
    number: int
    condition: DayCondition
    entry: FileEntry | None


_seen: dict[tuple[Path, str, Question], Resolved] = {}
"""By folder, digest of the manifest and question, of this process."""


def find(
    store: Store, day: dt.date, number: int, asked: Question
) -> tuple[Resolved, dt.datetime] | None:
    """What the revision of that number says of a file, and since when it is known; None without papers.

    Raises:
        ContractError: what it says has a form that this version does not know.
        SnapshotCorruptError: its manifest is not the one that its publication names.
    """
    publication = revisions.paper(store, day, number)
    if not publication:
        return None
    path = store.fetch(day, number, [sums.MANIFEST])
    digest = publication["manifest_sha256"]
    key = (path, digest, asked)
    if key not in _seen:
        parts = publication.get(ranges.PARTS)
        said = _whole(store, day, number, asked) if parts is None else _of_parts(path, parts, asked)
        if said is None:
            return None
        condition, entry = said
        _seen[key] = Resolved(day=day, number=number, condition=condition, entry=entry)
    return _seen[key], _known_since(store, day, number, publication)


def was_published(store: Store, day: dt.date, instant: dt.datetime) -> bool:
    """Whether a revision of a published date was known at an instant; no manifest is read."""

    def knew(number: int) -> bool:
        publication = revisions.paper(store, day, number)
        return bool(publication) and _known_since(store, day, number, publication) <= instant

    # The first most often stands and says it, without a look at what else there is.
    return knew(1) or any(knew(number) for number in store.numbers(day))


def _known_since(store: Store, day: dt.date, number: int, publication: Json) -> dt.datetime:
    published_at = dt.datetime.fromisoformat(publication["published_at"])
    return store.known_since(day, number, published_at)


def _of_parts(path: Path, parts: Json, asked: Question) -> _Said:
    names = [name for name in (ranges.CONDITION, asked.file) if name in parts]
    manifest = path / sums.MANIFEST
    condition, *entry = verified.ranges(
        manifest, [msgspec.convert(parts[name], Range) for name in names]
    )
    return (
        _decoded(manifest, condition, DayCondition),
        _narrowed(_decoded(manifest, entry[0], FileEntry), asked) if entry else None,
    )


def _narrowed(entry: FileEntry, asked: Question) -> FileEntry:
    wanted = () if asked.symbols is None else asked.symbols
    return changed(entry, row_groups=tuple(g for g in entry.row_groups if g.symbol in wanted))


def _decoded(path: Path, text: bytes, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise ContractError(
            f"{path}: {error}; it is not of this version, read it with the release that published it"
        ) from None


def _whole(store: Store, day: dt.date, number: int, asked: Question) -> _Said | None:
    sealed = revisions.find(store, day, number)
    if sealed is None:
        return None
    try:
        manifest = revisions.read_manifest(sealed)
    except (OSError, ValueError) as error:
        raise verified.corrupt(sealed.path, str(error)) from error
    entry = manifest.files.get(asked.file)
    return manifest.condition, None if entry is None else _narrowed(entry, asked)
