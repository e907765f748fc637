"""Pins: revisions that somebody relies on, which are never collected.

A pin is a file `.pins/<date>.r<N>` with who wants it kept and why. A name there that is no pin makes
collecting refuse to work at all: what cannot be read might be a pin.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

import msgspec

from pipeline import clock, storage
from pipeline.contracts.value import Value, to_json
from pipeline.errors import ParameterError, PublishError
from pipeline.publishing import revisions
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
    now = clock.utc_now().isoformat().replace("+00:00", "Z")
    made = Pin(note=note, pinned_at=now)
    with store.alone():
        store.write(f"{FOLDER}/{sealed.path.name}", storage.readable_json(to_json(made)))
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
    store.remove(f"{FOLDER}/{name}")
    return name


def pinned(store: Store) -> dict[str, Pin]:
    """Pinned revision -> what its pin says, by name; a damaged pin still pins.

    Raises:
        PublishError: something else lies among the pins.
    """
    found: dict[str, Pin] = {}
    for name in store.names(FOLDER):
        if name.startswith(".") and name.endswith(".tmp"):  # of a pin that was being written
            continue
        with suppress(ParameterError):
            if revisions.parse(name)[1] is not None:
                found[name] = _read(store, name)
                continue
        raise PublishError(
            f"{store.name}/{FOLDER}/{name}: is no pin, wanted names such as 2025-01-02.r1;"
            " look at it and move it away"
        )
    return found


def _read(store: Store, name: str) -> Pin:
    try:
        return msgspec.json.decode(store.read(f"{FOLDER}/{name}") or b"", type=Pin)
    except (OSError, ValueError, msgspec.DecodeError, RecursionError):
        return Pin()
