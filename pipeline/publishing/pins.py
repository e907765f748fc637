"""Pins: revisions that somebody relies on, which are never collected.

A pin is a file `.pins/<date>.r<N>` with who wants it kept and why. A name there that is no pin makes
collecting refuse to work at all: what cannot be read might be a pin.
"""

from __future__ import annotations

import datetime as dt
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from pipeline import clock, storage
from pipeline.contracts.value import Value, to_json
from pipeline.errors import ParameterError, PublishError
from pipeline.publishing import preflight, revisions
from pipeline.publishing.store import Store

FOLDER = ".pins"


class Pin(Value, frozen=True, kw_only=True):
    """Who needs the revision and for what, and since when it is pinned; empty where a pin is damaged."""

    note: str = ""
    pinned_at: str = ""


def pin(store: Store, day: dt.date, number: int | None, note: str) -> str:
    """Pins a revision (the current one without a number), and returns its name.

    Raises:
        ParameterError: no such revision.
    """
    sealed = revisions.wanted(store, day, number)
    folder = store.root / FOLDER
    folder.mkdir(exist_ok=True)
    folder.chmod(preflight.STORE_MODE)
    storage.fsync_folder(store.root)
    now = clock.utc_now().isoformat().replace("+00:00", "Z")
    path, made = folder / sealed.path.name, Pin(note=note, pinned_at=now)
    path.unlink(missing_ok=True)
    storage.write_json(path, to_json(made))
    return path.name


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
    (store.root / FOLDER / name).unlink()
    storage.fsync_folder(store.root / FOLDER)
    return name


def pinned(store: Store) -> dict[str, Pin]:
    """Pinned revision -> what its pin says, by name; a damaged pin still pins.

    Raises:
        PublishError: something else lies among the pins.
    """
    folder = store.root / FOLDER
    found: dict[str, Pin] = {}
    for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
        if name.startswith(".") and name.endswith(".tmp"):  # of a pin that was being written
            continue
        with suppress(ParameterError):
            if revisions.parse(name)[1] is not None:
                found[name] = _read(folder / name)
                continue
        raise PublishError(
            f"{folder / name}: is no pin, wanted names such as 2025-01-02.r1; look at it and move it away"
        )
    return found


def _read(path: Path) -> Pin:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Pin)
    except (OSError, ValueError, msgspec.DecodeError, RecursionError):
        return Pin()
