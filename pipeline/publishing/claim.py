"""Giving a folder its final name so that nothing that stands there can ever be overwritten.

A plain `rename` replaces an empty folder without a word; `renameat2` with RENAME_NOREPLACE refuses
whatever has the name. Where the file system lacks it, an exclusively created marker file is the claim.
"""

from __future__ import annotations

import errno
import importlib
import os
from pathlib import Path

from pipeline import storage

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2
_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})


def rename_noreplace(source: Path, target: Path) -> bool:
    """Renames where nothing has the target's name; False where the system cannot promise that.

    Raises:
        FileExistsError: something has the name: a folder, a file or a link, dangling or not.
        OSError: the rename failed.
    """
    return _rename(source, target, _RENAME_NOREPLACE)


def exchange(one: Path, other: Path) -> bool:
    """Lets two change names, both at one moment; False where the system cannot.

    Raises:
        OSError: one is not there, or the change failed.
    """
    return _rename(one, other, _RENAME_EXCHANGE)


def _rename(source: Path, target: Path, how: int) -> bool:
    ctypes = importlib.import_module("ctypes")  # slow to load, and most runs claim nothing
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    names = os.fsencode(source), os.fsencode(target)
    if call(_AT_FDCWD, names[0], _AT_FDCWD, names[1], how) == 0:
        return True
    code: int = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(source), None, str(target))


def claim(staging: Path, target: Path, marker: Path, *, noreplace: bool) -> None:
    """Gives the staging folder its final name, or raises with nothing overwritten.

    Args:
        staging: A folder in which everything is durable.
        target: The revision's final name.
        marker: The file whose exclusive creation is the claim where NOREPLACE is lacking. It stays:
            a number whose claimer died is never used again.
        noreplace: Whether NOREPLACE was seen to work here (`staging.Staging`).

    Raises:
        FileExistsError: another run has this revision; take the next number.
        OSError: the rename failed; staging is as it was.
    """
    if noreplace and rename_noreplace(staging, target):
        return
    os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644))
    storage.fsync_folder(marker.parent)
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    os.rename(staging, target)
