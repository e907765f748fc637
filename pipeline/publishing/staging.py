"""The folder in which a revision is made before it has a name that readers see.

`.staging-<date>-<uuid>`, beside the dates so that one rename is enough. Its maker holds the lock of the
`.owner` file inside; whoever can take that lock knows that the maker is dead.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pipeline import storage
from pipeline.clock import parse_day
from pipeline.errors import PublishError
from pipeline.packs import Stored
from pipeline.publishing import claim, locks, sums
from pipeline.publishing.sums import Facts

if TYPE_CHECKING:
    from pipeline.publishing.folder_store import FolderStore

OWNER = ".owner"
FILE_MODE = 0o444
FOLDER_MODE = 0o555

_NAME = re.compile(r"\.staging-([0-9]{4}-[0-9]{2}-[0-9]{2})-.+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """A private folder of this process, and whether NOREPLACE was seen to work in its file system."""

    folder: Path
    noreplace: bool


@contextmanager
def opened(store: FolderStore, day: dt.date) -> Iterator[Staging]:
    """A new staging folder; gone afterwards unless it was renamed. To be used under the date's lock.

    Raises:
        OSError: the file system cannot make files or names durable.
    """
    folder = store.root / f".staging-{day.isoformat()}-{uuid.uuid4().hex}"
    try:  # a signal may end the run as soon as the folder is there
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)
        noreplace = _make_owner(folder)
        with locks.if_free(folder / OWNER):
            yield Staging(folder=folder, noreplace=noreplace)
    finally:
        discard(folder)


def _make_owner(folder: Path) -> bool:
    """Makes the owner's file in the two ways a revision will be made, which tries out the file system."""
    unnamed = folder / f"{OWNER}.new"
    write(unnamed, b"")
    noreplace = claim.rename_noreplace(unnamed, folder / OWNER)
    if not noreplace:
        unnamed.rename(folder / OWNER)
    storage.fsync_folder(folder)
    return noreplace


def discard(folder: Path) -> None:
    """Removes a folder of ours with all in it, as far as it can be; a second failure hides no first."""
    for place, _, _ in os.walk(folder):
        os.chmod(place, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def sweep(store: FolderStore, day: dt.date) -> None:
    """Removes staging folders whose makers are dead: known by their locks, never by age or pid.

    To be called under the lock of `day`. The folder of another date goes only if that date's lock is
    free as well. A name that is not ours stays.
    """
    for name in sorted(os.listdir(store.root)):
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        with _date_free(store, match[1], day) as free:
            if free:
                _sweep_one(store.root / name)


@contextmanager
def _date_free(store: FolderStore, text: str, held: dt.date) -> Iterator[bool]:
    if text == held.isoformat():
        yield True
        return
    try:
        lock = store.lock(parse_day(text))
    except ValueError:
        yield False
        return
    with locks.if_free(lock) as free:
        yield free


def _sweep_one(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        return
    with locks.if_free(folder / OWNER) as free:
        if free:
            discard(folder)


def copy(source: Stored, target: Path) -> Facts:
    """Copies bytes durably into a file, mode 0444, and says what was copied."""
    with source.open() as reading, _durable(target) as writing:
        return sums.drain(reading, writing)


def write(target: Path, data: bytes) -> None:
    """Writes a file durably, mode 0444; `target` must not exist."""
    with _durable(target) as handle:
        handle.write(data)


@contextmanager
def _durable(target: Path) -> Iterator[BinaryIO]:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "xb") as handle:
        yield handle
        handle.flush()
        os.fchmod(handle.fileno(), FILE_MODE)
        os.fsync(handle.fileno())
        # What is read back afterwards shall come from the disk, not from memory.
        os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sync_folders(folder: Path) -> None:
    """Seals the sub-folders and makes every name in the tree durable, from the bottom up."""
    for place, _, _ in os.walk(folder, topdown=False):
        if Path(place) != folder:
            os.chmod(place, FOLDER_MODE)
        storage.fsync_folder(Path(place))


def put_in_place(folder: Path, sealed: Path) -> None:
    """Moves every file of a folder to its name in a sealed one, which is sealed again afterwards.

    Raises:
        PublishError: a folder inside is a link, which could lead out of it.
        OSError: the disk says no.
    """
    os.chmod(sealed, 0o700 | FOLDER_MODE)
    try:
        for place, _, names in os.walk(folder):
            goal = sealed / Path(place).relative_to(folder)
            goal.mkdir(exist_ok=True)
            if goal.is_symlink():
                raise PublishError(f"{goal}: is a link, wanted a folder; move it away")
            os.chmod(goal, 0o700 | FOLDER_MODE)
            for name in names:
                os.replace(Path(place, name), goal / name)
    finally:
        sync_folders(sealed)
        os.chmod(sealed, FOLDER_MODE)
