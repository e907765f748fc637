"""What makes two revisions say the same, and which content a rollback took back.

A rollback publishes an older content again and names in its publication what it withdraws: the content of
every later revision. As long as the rolled-back revision is the current one, a withdrawn content is not
published again, however often the day is asked for; any other content is, as a revision like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.packs import Stored
from pipeline.publishing import revisions
from pipeline.publishing.revisions import Sealed
from pipeline.tables import parquet

if TYPE_CHECKING:
    from pipeline.contracts.manifest import FileEntry, Manifest
    from pipeline.publishing.store import Store

WITHDRAWN = "withdrawn"
"""Key of a rollback's `publication.json`: revision and content of all that it takes back."""

ROLLED_BACK_TO = "rolled_back_to"
"""Key of a rollback's `publication.json`: the revision whose content it has."""

_IDENTITY = ("data_manifest_hash", "calibration_hash")


def identity(manifest: Manifest) -> dict[str, str]:
    """Tables, conditions, reasons and applied corrections of a day, as two hashes.

    Different bytes, code, inputs, libraries or governance with the same result are no change.
    """
    return {key: getattr(manifest, key) for key in _IDENTITY}


def says_the_same(sealed: Sealed, manifest: Manifest, files: Mapping[str, Stored]) -> bool:
    """Whether a revision has the content that a manifest describes, and that lies in these files.

    Columns that a later release added are no other content, as long as the raw files are the same.
    """
    before = revisions.read_manifest(sealed)
    return identity(before) == identity(manifest) or _has_grown(before, manifest, files)


def _has_grown(before: Manifest, after: Manifest, files: Mapping[str, Stored]) -> bool:
    old, new = _tables(before), _tables(after)
    return (
        (before.condition, before.calibration_hash) == (after.condition, after.calibration_hash)
        and _raw_files(before) == _raw_files(after)
        and old.keys() == new.keys()
        and all(_is_beginning(old[name], new[name], files[name]) for name in old)
    )


def _tables(manifest: Manifest) -> dict[str, FileEntry]:
    return {name: file for name, file in manifest.files.items() if file.content_hash is not None}


def _raw_files(manifest: Manifest) -> dict[tuple[str, str], str | None]:
    return {
        (symbol, name): entry.sha256
        for symbol, entries in manifest.inputs.items()
        for name, entry in entries.items()
    }


def _is_beginning(old: FileEntry, new: FileEntry, file: Stored) -> bool:
    """Whether a table's first columns are another one's."""
    if old.content_hash == new.content_hash:
        return True
    names = [column.name for column in old.columns]
    if names != [column.name for column in new.columns][: len(names)]:
        return False
    return parquet.content_hash(parquet.by_columns(file, names)) == old.content_hash


def is_withdrawn(
    store: Store, sealed: Sealed, manifest: Manifest, files: Mapping[str, Stored]
) -> bool:
    """Whether the current revision is a rollback that took this content back, grown columns or not.

    A withdrawn revision that was collected since is known by its hashes alone.
    """
    withdrawn = revisions.read_publication(sealed.path).get(WITHDRAWN) or []
    if identity(manifest) in [{key: entry.get(key) for key in _IDENTITY} for entry in withdrawn]:
        return True
    kept = (revisions.find(store, sealed.day, entry["revision"]) for entry in withdrawn)
    return any(says_the_same(revision, manifest, files) for revision in kept if revision)
