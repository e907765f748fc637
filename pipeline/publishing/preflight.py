"""What is refused before a byte is written.

Names that lead elsewhere, and stores that cannot keep a promise: no room, no durability, several devices.
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import storage
from pipeline.errors import ParameterError, PublishError
from pipeline.publishing import fence, sums
from pipeline.symbols import is_symbol

if TYPE_CHECKING:
    from pipeline.publishing.folder_store import FolderStore

STORE_MODE = 0o755

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
_ROOM = 2
"""So many times its size must be free before a snapshot is begun."""

_OVERHEAD_BYTES = 1 << 16
_OVERHEAD_FILES = 16


def check_day(day: dt.date) -> None:
    """Refuses what is no plain date; an instant would make a name of its own.

    Raises:
        ParameterError: so it is.
    """
    if type(day) is not dt.date:
        raise ParameterError(f"{day!r} is not a date; name a UTC date such as 2025-01-02")


def check_names(names: Iterable[str]) -> None:
    """Refuses file names that could leave the snapshot, hide in it or pass for its own papers.

    Raises:
        ParameterError: the name, and the form that is wanted.
    """
    for name in names:
        parts = name.split("/")
        if parts[0] == "qc" and len(parts) == 3 and is_symbol(parts[1]):
            del parts[:2]
        plain = len(parts) == 1 and parts[0] != "qc" and _PART.fullmatch(parts[0]) is not None
        if not plain or name in sums.RESERVED:
            raise ParameterError(
                f"{name!r} cannot be a file of a snapshot; wanted <name> or qc/<SYMBOL>/<name> of"
                " letters, digits, _ . -, and not one of its own papers"
            )


def prepare(store: FolderStore) -> None:
    """Makes the store's folders where they are not, durably; each must be a real folder in its place.

    Raises:
        PublishError: a link leads elsewhere, or another file system is mounted inside.
        OSError: the folders cannot be made.
    """
    if not store.root.is_dir():
        store.root.parent.mkdir(parents=True, exist_ok=True)
        _make(store.root, store.root.parent)
    root = Path(os.path.realpath(store.root))
    fence.complete(store.locks)
    for folder in (store.revisions, store.locks):
        if not os.path.lexists(folder):
            _make(folder, store.root)
        # Looked at once: another host may put its mark there at any moment.
        found, beside = Path(os.path.realpath(folder)), root / fence.BESIDE
        is_marked = folder == store.locks and found == beside
        if not (found == root / folder.name or is_marked) or not folder.is_dir():
            raise PublishError(
                f"{folder}: leads elsewhere or is no folder, wanted a folder right in {root};"
                " move it away"
            )
        if folder.stat().st_dev != root.stat().st_dev:
            raise PublishError(
                f"{folder}: lies on another file system than {root}, wanted one for all of the store,"
                " because a rename cannot cross; unmount it"
            )


def _make(folder: Path, above: Path) -> None:
    try:
        folder.mkdir()
    except FileExistsError:  # another publisher was quicker
        return
    folder.chmod(STORE_MODE)
    storage.fsync_folder(above)


def check_room(disk: Path, sizes: list[int]) -> None:
    """Refuses to begin where the disk could fill up half-way.

    Raises:
        OSError: ENOSPC, when less than twice the bytes or inodes needed are free.
    """
    status = os.statvfs(disk)
    bytes_free, files_free = status.f_bavail * status.f_frsize, status.f_favail
    short = bytes_free < _ROOM * (sum(sizes) + _OVERHEAD_BYTES)
    # A file system that makes inodes as it needs them reports none at all.
    short |= status.f_files > 0 and files_free < _ROOM * (len(sizes) + _OVERHEAD_FILES)
    if short:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(disk))


def explain(error: OSError, disk: Path, state: str, sizes: list[int]) -> PublishError:
    """The one sentence of an error of the operating system; `state` says how far the snapshot came."""
    needed = sum(sizes) + _OVERHEAD_BYTES
    where = error.filename2 or error.filename or disk
    told = f"snapshot {state}: {error.strerror or error} at {where}"
    cause: Any = error.errno
    if cause in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return PublishError(
            f"{told}; it needs {_ROOM * needed} bytes and {_ROOM * (len(sizes) + _OVERHEAD_FILES)} inodes,"
            f" {_free(disk)}; make room and ask again, what was published before is untouched"
        )
    if cause in (errno.EACCES, errno.EPERM, errno.EROFS):
        return PublishError(
            f"{told}; wanted a store that user {os.geteuid()} may write;"
            " fix its permissions or mount and ask again"
        )
    return PublishError(
        f"{told}; it needs {needed} bytes, {_free(disk)}; what was published before is untouched,"
        " look at the disk and ask again"
    )


def _free(disk: Path) -> str:
    try:
        status = os.statvfs(disk)
    except OSError:
        return "free room unknown"
    return f"{status.f_bavail * status.f_frsize} bytes and {status.f_favail} inodes are free"
