"""A mark in a folder store past which releases that know no epochs cannot publish.

They want `.locks` to be a folder right in the store, and look before they write anything: it becomes a link
to one beside it. Names below `.locks` are found as before, and no reader looks there. To take the mark away,
remove the link and give the folder its name back.
"""

from __future__ import annotations

import os
from pathlib import Path

from pipeline import storage
from pipeline.publishing import claim

BESIDE = ".locks-with-epochs"


def stands(locks: Path) -> bool:
    """Whether the mark is there."""
    return os.path.islink(locks) and os.readlink(locks) == BESIDE


def put(locks: Path) -> None:
    """Puts the mark, unless it is there. Locks that are held stay so.

    Raises:
        OSError: the folder cannot be renamed.
    """
    with storage.alone_in(locks.parent):
        if stands(locks):
            return
        folder = locks.with_name(BESIDE)
        if not folder.is_dir():
            folder.unlink(missing_ok=True)
            folder.symlink_to(BESIDE)
            if not claim.exchange(locks, folder):
                # For a moment nothing has the name: who wants it then is refused, and asks again.
                folder.unlink()
                locks.rename(folder)
        complete(locks)
        storage.fsync_folder(locks.parent)


def complete(locks: Path) -> None:
    """Lets the name lead to the folder, where a run died that had only renamed it."""
    if locks.with_name(BESIDE).is_dir() and not os.path.lexists(locks):
        locks.symlink_to(BESIDE)
