"""What a new revision of a day changes: in words as its reason, and row by row in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from pipeline.contracts.manifest import Manifest
from pipeline.errors import SnapshotCorruptError
from pipeline.free_form import Json
from pipeline.publishing import diff, revisions
from pipeline.publishing.revisions import Sealed
from pipeline.publishing.store import Store

FIRST = "first publication"


def changes(before: Manifest | None, after: Manifest) -> str:
    """What differs between two manifests of a date that is worth a revision, and the raw files behind it.

    Args:
        before: The manifest of the current revision; None where there is none.
        after: The manifest to be published.
    """
    if before is None:
        return FIRST
    words = [
        *_named("content of", _hashes(before), _hashes(after)),
        *_named("condition of", before.condition.symbols, after.condition.symbols),
        *(["correction"] if before.calibration_hash != after.calibration_hash else []),
    ]
    raw = _named("", _inputs(before), _inputs(after))
    because = f"; raw files: {', '.join(raw)}" if raw else ""
    return f"{', '.join(words) or 'nothing but form'} changed{because}"


def summary(store: Store, parent: Sealed, folder: Path, manifest: Manifest) -> Json:
    """How many rows of which columns differ from the parent, and whose condition.

    Args:
        store: Where the revision before lies.
        parent: It.
        folder: Where the new one's files lie.
        manifest: What describes them.
    """
    before = revisions.read_manifest(parent)
    try:
        names = diff.differing((before, manifest))
        old = store.fetch(parent.day, parent.revision, before.files.keys() & names)
        tables: Json | None = diff.counts(old, folder, (before, manifest))
    except (OSError, SnapshotCorruptError, pa.ArrowException):
        tables = None  # a damaged parent is the very reason to publish anew
    return {
        "tables": tables,
        "conditions": diff.conditions((before, manifest)),
        "correction": before.calibration_hash != manifest.calibration_hash,
    }


def between(
    store: Store, sides: tuple[Sealed, Sealed], manifests: tuple[Manifest, Manifest]
) -> list[diff.TableDiff]:
    """As `diff.diff_folders`, of two revisions of a store, of which no file need be on this machine.

    Raises:
        SnapshotCorruptError: as `Store.fetch`.
    """
    for side, manifest in zip(sides, manifests, strict=True):
        store.fetch(side.day, side.revision, manifest.files.keys() & diff.differing(manifests))
    return diff.diff_folders(sides[0].path, sides[1].path, manifests)


def _hashes(manifest: Manifest) -> dict[str, str]:
    files = manifest.files.items()
    return {name: entry.content_hash for name, entry in files if entry.content_hash is not None}


def _inputs(manifest: Manifest) -> dict[str, str | None]:
    inputs = manifest.inputs.values()
    return {name: entry.sha256 for files in inputs for name, entry in files.items()}


def _named(what: str, before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """The keys whose values differ; a key that one side lacks is new or gone."""
    words = []
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            how = " (new)" if key not in before else " (gone)" if key not in after else ""
            words.append(f"{what} {key}{how}".strip())
    return words
