"""`snapshots/index.json`: the condition of every day and symbol at a glance.

A hint like the links, never the truth: it is brought up to date by each publication and can be made anew
from the revisions at any time. Written under the store-wide lock, whole or not at all.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.publishing import doors, links, locks, revisions
from pipeline.publishing.revisions import Sealed
from pipeline.publishing.store import Store

FILE = "index.json"


def path(store: Store) -> Path:
    """Where the index lies."""
    return store.root / FILE


def read(store: Store) -> dict[str, Any]:
    """`{date: {revision, condition, rows, symbols, manifest_sha256, ..}}`; empty where it is not there
    or cannot be read.
    """
    try:
        days = storage.read_json(path(store))["days"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return days if isinstance(days, dict) else {}


def entry(sealed: Sealed) -> dict[str, Any]:
    """What the index says of a revision.

    Raises:
        OSError, ValueError: its manifest cannot be read.
    """
    manifest = revisions.read_manifest(sealed)
    bars = manifest.files.get("bars_1m.parquet")
    return {
        "revision": sealed.revision,
        "condition": manifest.condition.day,
        "rows": bars.rows if bars else 0,
        "symbols": {
            name: {"condition": found.condition, "codes": [r.code for r in found.reasons]}
            for name, found in manifest.condition.symbols.items()
        },
        "simulated": manifest.simulated,
        "manifest_sha256": sealed.manifest_sha256,
        "data_manifest_hash": manifest.data_manifest_hash,
    }


def note(store: Store, sealed: Sealed) -> None:
    """Brings the index up to date with a date's current revision; touches nothing when it is.

    To be called under the date's lock. An index that cannot be read is made anew.
    """
    wanted = entry(sealed)
    if read(store).get(sealed.day.isoformat()) == wanted:
        return
    with locks.held(store.lock(sealed.day).with_name("LATEST")):
        days = read(store) or _all(store)
        _write(store, days | {sealed.day.isoformat(): wanted})


def rebuild(store: Store) -> dict[str, Any]:
    """Makes the index anew from the revisions that the dates' links name, and returns its days.

    Raises:
        PublishError, OSError: the store cannot be written.
    """
    doors.prepare(store)
    with locks.held(store.root / ".locks" / "LATEST"):
        days = _all(store)
        if days != read(store) or not path(store).is_file():
            _write(store, days)
    return days


def _all(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for day in links.published_days(store):
        sealed = _named(store, day)
        if sealed is not None:
            found[day.isoformat()] = entry(sealed)
    return found


def _named(store: Store, day: dt.date) -> Sealed | None:
    """The revision that readers get; one that cannot be read has no place in the index."""
    number = links.named_revision(store, day)
    return None if number is None else revisions.find(store, day, number)


def _write(store: Store, days: dict[str, Any]) -> None:
    """As `links._switch` does: a fixed temporary name among the locks, so that a kill leaves no litter."""
    temporary = store.root / ".locks" / f"{FILE}.new"
    with open(temporary, "wb") as handle:
        handle.write(storage.readable_json({"days": dict(sorted(days.items()))}))
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path(store))
    storage.fsync_folder(store.root)
