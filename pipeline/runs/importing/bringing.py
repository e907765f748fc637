"""How a vendor's file comes into the raw folder: copied, or linked where the file system can.

Belongs here: bytes from one place to another. Which file goes where is `placing.py`'s.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pipeline import storage, system
from pipeline.errors import KitchenError

COPIED, LINKED = "copied", "linked"

Bring = Callable[[Path, Path], str]
"""Brings a file to a place where none is, or whole into that of its beginning; says `COPIED` or `LINKED`."""


def copy(source: Path, target: Path) -> str:
    """Its bytes and times.

    Raises:
        KitchenError: it cannot be written.
    """
    try:
        with open(source, "rb") as reader, storage.replacing(target) as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
        shutil.copystat(source, target)
    except OSError as error:
        raise KitchenError(
            f"{target}: cannot be written ({error.strerror}); see to its folder"
        ) from error
    return COPIED


def link(source: Path, target: Path) -> str:
    """Shares its blocks (a reflink), so that a change of one is none of the other; else another name of the
    same file (a hard link); else, on another file system, a copy.

    Raises:
        KitchenError: it cannot be written.
    """
    with suppress(OSError):
        _cloned(source, target)
        return LINKED
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source.resolve(), target)
        storage.fsync_folder(target.parent)
        return LINKED
    return copy(source, target)


def _cloned(source: Path, target: Path) -> None:
    with open(source, "rb") as reader, storage.replacing(target) as writer:
        system.share_blocks(reader.fileno(), writer.fileno())
    shutil.copystat(source, target)


def way(*, links: bool) -> Bring:
    """How files are to come."""
    return link if links else copy
