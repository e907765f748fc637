"""The store that a caller names, and what is said where there is none.

Belongs here: a folder or an address as a store. What is asked of it is `loading.py`'s.
"""

from __future__ import annotations

import difflib
import os
from contextlib import suppress
from itertools import islice
from pathlib import Path

from pipeline.errors import ParameterError
from pipeline.optional import all_there
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.opening import open_store
from pipeline.publishing.store import Store
from pipeline.settings import config

_LOOKED_AT = 1000
"""So many names of a folder at most, to guess at what was meant."""


def store_at(root: Path | str | None) -> Store:
    """The store at a folder or an address; None means the configured one.

    Raises:
        ParameterError: there is no such folder, or it holds no store; names a store that is near.
        ConfigError: of the configuration, or of a library that is not installed.
    """
    if root is None:
        with all_there():
            return open_store(config.load_kitchen().snapshots)
    place = config.store_place(os.path.expanduser(str(root)))
    if isinstance(place, Path):
        _check(place)
    return open_store(place)


def _check(place: Path) -> None:
    """A folder without revisions is a store where nothing is published yet, unless it has other folders."""
    if _is_store(place):
        return
    if not place.exists():
        what = "there is no such folder"
    elif not place.is_dir():
        what = "that is a file, not the folder of a store"
    elif _folders(place):
        what = "that folder holds no snapshots"
    else:
        return
    begin = "" if place.is_absolute() else f" (relative paths start at {Path.cwd()})"
    raise ParameterError(f"root={str(place)!r}: {what}{begin}; {_instead(place)}")


def _is_store(folder: Path) -> bool:
    return FolderStore(folder).revisions.is_dir()


def _folders(folder: Path) -> list[Path]:
    """Those right in a folder, but for hidden ones."""
    with suppress(OSError), os.scandir(folder) as entries:
        return [
            Path(entry)
            for entry in islice(entries, _LOOKED_AT)
            if entry.is_dir() and not entry.name.startswith(".")
        ]
    return []


def _instead(place: Path) -> str:
    """The stores nearest to a place: in it or beside it, else above it."""
    wanted = Path(os.path.abspath(place))
    for folder in (wanted, *wanted.parents):
        found = {it.name: it for it in (folder, *_folders(folder)) if _is_store(it)}
        like = difflib.get_close_matches(wanted.name, found, n=2, cutoff=0)
        if like:
            return f"did you mean {' or '.join(str(found[name]) for name in like)}?"
    return "give the folder that paths.snapshots of kitchen.yaml names, once a day is built"
