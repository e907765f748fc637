"""Collected revisions of a folder store: in the trash first, deleted after a time of grace.

A revision in the trash has its old name with `.trash-` before it, in the same folder: renaming it back
undoes the collection. When it was put there stands in a record beside it; the clock of a file system decides
nothing.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import storage
from pipeline.errors import ParameterError, PublishError
from pipeline.publishing import claim
from pipeline.publishing.store import Trash

if TYPE_CHECKING:
    from pipeline.publishing.folder_store import FolderStore

PREFIX = ".trash-"
RECORD = ".json"


def throw(store: FolderStore, name: str, now: dt.datetime) -> None:
    """Record first, then the one rename; a record without its revision is used up by the next run.

    Raises:
        PublishError: the rename could replace something.
    """
    target = store.revisions / f"{PREFIX}{name}"
    storage.write_json(
        store.revisions / f"{target.name}{RECORD}",
        {"trashed_at": now.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")},
    )
    if os.path.lexists(target) or not claim.rename_noreplace(store.revisions / name, target):
        raise PublishError(
            f"{target}: has the name already, or the file system cannot rename without replacing;"
            f" {name} stays, look at it"
        )
    storage.fsync_folder(store.revisions)


def found(store: FolderStore) -> Iterator[Trash]:
    """Every piece of trash, by name."""
    names = os.listdir(store.revisions) if store.revisions.is_dir() else []
    for name in sorted(n for n in names if n.startswith(PREFIX) and not n.endswith(RECORD)):
        yield Trash(name=name, since=_thrown_at(store, name), bytes=size(store.revisions / name))


def _thrown_at(store: FolderStore, name: str) -> dt.datetime | None:
    try:
        text = storage.read_json(store.revisions / f"{name}{RECORD}")["trashed_at"]
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def delete(store: FolderStore, name: str) -> None:
    """The folder, then its record: a kill in between leaves what the next run deletes."""
    folder = store.revisions / name
    for place, _, _ in os.walk(folder):
        os.chmod(place, 0o700)
    shutil.rmtree(folder)
    (store.revisions / f"{name}{RECORD}").unlink(missing_ok=True)
    storage.fsync_folder(store.revisions)


def restore(store: FolderStore, day: dt.date, number: int) -> Path:
    """Brings a revision back.

    Raises:
        ParameterError: it is not there.
    """
    target = store.revision(day, number)
    folder = store.revisions / f"{PREFIX}{target.name}"
    if not folder.is_dir() or not claim.rename_noreplace(folder, target):
        raise ParameterError(
            f"{target.name}: is not in the trash of {store.root}; see `kitchen gc`"
        )
    (store.revisions / f"{folder.name}{RECORD}").unlink(missing_ok=True)
    storage.fsync_folder(store.revisions)
    return target


def size(path: Path) -> int:
    """Bytes of all files below."""
    found = (Path(place, name) for place, _, names in os.walk(path) for name in names)
    return sum(file.lstat().st_size for file in found)
