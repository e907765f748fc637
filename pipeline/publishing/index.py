"""`snapshots/index.json`: the condition of every day and symbol at a glance.

A hint like the links, never the truth: it is brought up to date by each publication and can be made anew
from the revisions at any time. Written under the store-wide lock, whole or not at all.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import msgspec

from pipeline import storage
from pipeline.contracts.manifest import TapeEntry
from pipeline.contracts.value import Value, to_json
from pipeline.contracts.verdict import Condition
from pipeline.publishing import links, locks, preflight, revisions
from pipeline.publishing.revisions import Sealed
from pipeline.publishing.store import Store

FILE = "index.json"
_SHARE_DECIMALS = 4


class SymbolEntry(Value, frozen=True, kw_only=True):
    """The condition of a symbol's day, the codes of its reasons, and the proven share of its minutes with a
    tape; None without one.
    """

    condition: Condition
    codes: tuple[str, ...]
    proven: float | None = None


class Entry(Value, frozen=True, kw_only=True):
    """What the index says of a date's current revision."""

    revision: int
    condition: Condition
    rows: int
    symbols: dict[str, SymbolEntry]
    simulated: bool
    manifest_sha256: str
    data_manifest_hash: str


class Index(Value, frozen=True):
    """Every published date."""

    days: dict[dt.date, Entry] = msgspec.field(default_factory=dict)


def path(store: Store) -> Path:
    """Where the index lies."""
    return store.root / FILE


def read(store: Store) -> Index:
    """The index; empty where it is not there or cannot be read."""
    try:
        return msgspec.json.decode(path(store).read_bytes(), type=Index)
    except (OSError, msgspec.DecodeError, RecursionError):
        return Index()


def entry(sealed: Sealed) -> Entry:
    """What the index says of a revision.

    Raises:
        OSError, ValueError: its manifest cannot be read.
    """
    manifest = revisions.read_manifest(sealed)
    bars = manifest.files.get("bars_1m.parquet")
    return Entry(
        revision=sealed.revision,
        condition=manifest.condition.day,
        rows=(bars.rows or 0) if bars else 0,
        symbols={
            name: SymbolEntry(
                condition=it.condition,
                codes=tuple(r.code for r in it.reasons),
                proven=_proven(manifest.tape.get(name)),
            )
            for name, it in manifest.condition.symbols.items()
        },
        simulated=manifest.simulated,
        manifest_sha256=sealed.manifest_sha256,
        data_manifest_hash=manifest.data_manifest_hash,
    )


def _proven(tape: TapeEntry | None) -> float | None:
    return round(tape.proven / tape.minutes, _SHARE_DECIMALS) if tape and tape.minutes else None


def note(store: Store, sealed: Sealed) -> None:
    """Brings the index up to date with a date's current revision; touches nothing when it is.

    To be called under the date's lock. An index that cannot be read is made anew.
    """
    wanted = entry(sealed)
    if read(store).days.get(sealed.day) == wanted:
        return
    with locks.held(store.lock(sealed.day).with_name("LATEST")):
        days = read(store).days or _all(store).days
        _write(store, Index(days | {sealed.day: wanted}))


def rebuild(store: Store) -> Index:
    """Makes the index anew from the revisions that the dates' links name, and returns it.

    Raises:
        PublishError, OSError: the store cannot be written.
    """
    preflight.prepare(store)
    with locks.held(store.root / ".locks" / "LATEST"):
        made = _all(store)
        if made != read(store) or not path(store).is_file():
            _write(store, made)
    return made


def _all(store: Store) -> Index:
    """Of the revisions that readers get; one that cannot be read has no place in the index."""
    named = ((day, links.named_revision(store, day)) for day in links.published_days(store))
    there = (revisions.find(store, day, number) for day, number in named if number is not None)
    return Index({sealed.day: entry(sealed) for sealed in there if sealed is not None})


def _write(store: Store, made: Index) -> None:
    """As `links._switch` does: a fixed temporary name among the locks, so that a kill leaves no litter."""
    temporary = store.root / ".locks" / f"{FILE}.new"
    with open(temporary, "wb") as handle:
        handle.write(storage.readable_json(to_json(made)))
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path(store))
    storage.fsync_folder(store.root)
