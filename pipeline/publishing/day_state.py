"""What a date is, judged by what is there and still true, never by what a run said of itself."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pipeline import arrivals, layout
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.publishing import revisions
from pipeline.publishing.opening import open_store
from pipeline.settings.config import Kitchen

PUBLISHED = "published"
PENDING = "pending"
MISSING = "missing"
UNBUILT = "unbuilt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A date's state.

    Args:
        day: The date.
        state: `published`: there, and what raw data, code and rules would give now; `pending`: raw data
            may still come; `missing`: it did not come in time and nothing can be published; `unbuilt`:
            all is there but the snapshot is not, or is stale.
        why: In words.
        waits_for: Of a pending date: `SYMBOL vendor` of each feed that is not settled.
    """

    day: dt.date
    state: str
    why: str
    waits_for: tuple[str, ...] = ()


def judge(kitchen: Kitchen, days: list[dt.date]) -> dict[dt.date, Judged]:
    """The state of each date that has any expected symbol; everything is looked at afresh."""
    layout.forget_listings()
    freshness = Freshness(kitchen)
    expected = [day for day in days if arrivals.expected_symbols(kitchen, day)]
    with freshness.one_look():
        return {day: judged(freshness, day) for day in expected}


def judged(freshness: Freshness, day: dt.date) -> Judged:
    """The state of a date with expected symbols, by what is known to be fresh."""
    reasons = freshness.reasons(Unit("Snapshot", day)) or unseen(freshness.kitchen, day)
    if not reasons:
        return Judged(day=day, state=PUBLISHED, why="published and true")
    unbuilt = Judged(day=day, state=UNBUILT, why="; ".join(reasons))
    return without_raw(freshness.kitchen, day) or unbuilt


def unseen(kitchen: Kitchen, day: dt.date) -> list[str]:
    """Why a snapshot has to run although its receipt is fresh; empty where readers get what it published."""
    store = open_store(kitchen.snapshots)
    sealed = revisions.current(store, day)
    seen = sealed is not None and store.settled(sealed)
    return [] if seen else ["readers cannot see it yet"]


def without_raw(kitchen: Kitchen, day: dt.date) -> Judged | None:
    """That the date cannot be published whatever is built, `pending` or `missing`; None where it can."""
    waits = unsettled(kitchen, day)
    if waits:
        return Judged(
            day=day, state=PENDING, why=f"waits for {', '.join(waits)}", waits_for=tuple(waits)
        )
    if has_klines(kitchen, day):
        return None
    return Judged(day=day, state=MISSING, why="no klines of any symbol came before their deadline")


def has_klines(kitchen: Kitchen, day: dt.date) -> bool:
    """Whether some expected symbol has files of the exchange of record."""
    expected = arrivals.expected_symbols(kitchen, day)
    return any(arrivals.vendor_files(kitchen, symbol, "binance", day) for symbol in expected)


def unsettled(kitchen: Kitchen, day: dt.date) -> list[str]:
    """`SYMBOL vendor` of every expected feed whose files may still come or change."""
    return [
        f"{symbol.name} {vendor}"
        for symbol in arrivals.expected_symbols(kitchen, day)
        for vendor in arrivals.unsettled(kitchen, symbol, day)
    ]
