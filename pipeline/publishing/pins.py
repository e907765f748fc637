"""Pins: revisions that somebody relies on, which are never collected.

A pin is a file `.pins/<date>.r<N>` with who wants it kept and why. A name there that is no pin makes
collecting refuse to work at all: what cannot be read might be a pin.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

from pipeline import clock, storage
from pipeline.errors import ParameterError, PublishError
from pipeline.publishing import doors, revisions
from pipeline.publishing.store import Store

FOLDER = ".pins"


def pin(store: Store, day: dt.date, number: int | None, note: str) -> str:
    """Pins a revision (the current one without a number), and returns its name.

    Raises:
        ParameterError: no such revision.
    """
    sealed = revisions.wanted(store, day, number)
    folder = store.root / FOLDER
    folder.mkdir(exist_ok=True)
    folder.chmod(doors.STORE_MODE)
    storage.fsync_folder(store.root)
    said = {"note": note, "pinned_at": clock.utc_now().isoformat().replace("+00:00", "Z")}
    _path(store, sealed.path.name).unlink(missing_ok=True)
    storage.write_json(_path(store, sealed.path.name), said)
    return sealed.path.name


def unpin(store: Store, day: dt.date, number: int | None) -> str:
    """Takes a pin away, and returns the revision's name.

    Raises:
        ParameterError: it is not pinned; says what is.
    """
    name = f"{day}.r{number}"
    if number is None or name not in pinned(store):
        there = ", ".join(pinned(store)) or "nothing"
        raise ParameterError(
            f"{day if number is None else name}: is not a pinned revision; pinned: {there}"
        )
    _path(store, name).unlink()
    storage.fsync_folder(store.root / FOLDER)
    return name


def pinned(store: Store) -> dict[str, dict[str, Any]]:
    """Pinned revision -> what its pin says, by name.

    Raises:
        PublishError: something else lies among the pins.
    """
    folder = store.root / FOLDER
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
        if name.startswith(".") and name.endswith(".tmp"):  # of a pin that was being written
            continue
        try:
            day, number = revisions.parse(name)
        except ParameterError:
            day, number = None, None
        if day is None or number is None:
            raise PublishError(
                f"{folder / name}: is no pin, wanted names such as 2025-01-02.r1; look at it and move it"
                " away"
            )
        found[name] = _said(folder / name)
    return found


def _said(path: Path) -> dict[str, Any]:
    """What a pin says; a damaged pin still pins."""
    try:
        value = storage.read_json(path)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _path(store: Store, name: str) -> Path:
    return store.root / FOLDER / name
