"""What would run for a range of days, why, and how long that took before. Nothing is built or written
but stamps of what is found fresh.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pipeline import arrivals, layout
from pipeline.freshness import graph, receipt
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.model.feeds import ATAS_FEEDS
from pipeline.publishing import day_state, index, revisions
from pipeline.publishing.day_state import MISSING, PENDING, PUBLISHED, UNBUILT
from pipeline.publishing.index import Entry
from pipeline.publishing.opening import open_store
from pipeline.publishing.store import ALWAYS, Store
from pipeline.tasks import context

_WORDS = {PUBLISHED: "fresh", PENDING: "pending", MISSING: "missing", UNBUILT: "stale"}
_NEVER_BUILT = "unbuilt"

AT_MOST = "at most: a unit whose inputs are made anew with equal content will not run"


PAST_DAYS = 3
"""Of so many of the newest published dates it is known how long their units took."""

Past = dict[tuple[str, str | None, str | None], list[float]]
"""Step, feed and symbol -> how many seconds its units took."""


@dataclass(slots=True, kw_only=True)
class Plan:
    """The units that are missing or stale, each with its reasons, and an estimate from past runs.

    `seconds` is the work of those whose like ran before; `unmeasured` counts the others.
    """

    reasons: dict[Unit, list[str]] = field(default_factory=dict)
    pending: list[dt.date] = field(default_factory=list)
    seconds: float = 0.0
    unmeasured: int = 0

    def steps(self) -> dict[str, int]:
        """Step -> how many of its units."""
        return dict(Counter(unit.stage for unit in self.reasons))

    def why(self) -> dict[str, int]:
        """Reason -> how many units have it for their own, inherited staleness left out."""
        own = (text for texts in self.reasons.values() for text in texts if not _inherited(text))
        return dict(Counter(own).most_common())

    def days(self) -> list[dt.date]:
        """The dates with something to do."""
        return sorted({unit.day for unit in self.reasons if unit.stage == "Snapshot"})


def _inherited(text: str) -> bool:
    return text.startswith("input ") and " is stale" in text


def plan(days: Iterable[dt.date]) -> Plan:
    """What the days lack.

    Args:
        days: Which dates are asked for.
    """
    found, finished, freshness = Plan(), context.finished(), context.freshness()
    seen: set[Unit] = set()  # of all days, which share their history
    with freshness.one_look():
        for day in days:
            if finished.holds(day) or not arrivals.expected_symbols(context.kitchen(), day):
                continue
            if day_state.without_raw(context.kitchen(), day):
                found.pending.append(day)
                continue
            for unit, why in _behind(freshness, Unit("Snapshot", day), seen):
                if why:
                    found.reasons[unit] = why
    past = _past(freshness, found.reasons)
    spent_by = [_typical(unit, past) for unit in found.reasons]
    found.seconds = round(sum(spent for spent in spent_by if spent is not None), 1)
    found.unmeasured = spent_by.count(None)
    return found


def _past(freshness: Freshness, units: Iterable[Unit]) -> Past:
    """What the same steps, feeds and symbols took on the newest published dates."""
    kitchen, past = freshness.kitchen, Past()
    kinds = {(unit.stage, unit.source, unit.symbol) for unit in units}
    for day in open_store(kitchen.snapshots).published_days()[-PAST_DAYS:] if kinds else ():
        for stage, source, symbol in kinds:
            unit = Unit(stage, day, symbol, source)
            kept = receipt.read(graph.folder(kitchen, unit), unit.name)
            spent = kept.facts.get("seconds") if kept else None
            if spent is not None:
                past.setdefault((stage, source, symbol), []).append(spent)
    return past


def _typical(unit: Unit, past: Past) -> float | None:
    """The median of its step, feed and symbol; else of all symbols; None where none ever ran."""
    own = past.get((unit.stage, unit.source, unit.symbol)) or [
        spent
        for (stage, source, _), all_spent in past.items()
        if (stage, source) == (unit.stage, unit.source)
        for spent in all_spent
    ]
    return sorted(own)[len(own) // 2] if own else None


def _behind(freshness: Freshness, root: Unit, seen: set[Unit]) -> Iterator[tuple[Unit, list[str]]]:
    """Every unit not seen yet that a stale one reads, and why it has to run."""
    waiting = [root]
    while waiting:
        unit = waiting.pop()
        if unit in seen:
            continue
        seen.add(unit)
        why = freshness.reasons(unit)
        if not why and unit.stage == "Snapshot":
            why = day_state.unseen(freshness.kitchen, unit.day)
        yield unit, why
        if why:
            waiting.extend(edge.unit for edge in graph.edges(freshness.kitchen, unit))


def why(day: dt.date, symbol: str | None) -> dict[str, list[str]]:
    """Unit -> why it has to run, of all behind the date's snapshot, or of one symbol's alone."""
    found = plan([day])
    return {
        str(unit): texts
        for unit, texts in sorted(found.reasons.items(), key=lambda item: str(item[0]))
        if symbol is None or unit.symbol in (symbol, None)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStatus:
    """A date: its current revision, None where none is sealed, and whether it is still true.

    `state` is `fresh`, `stale`, `unbuilt`, where nothing is published yet, `pending`, where raw data may
    still come, `missing`, where no klines came before their deadline, or `none`, where no symbol is expected.
    `symbols`: those expected or published, with their conditions.
    """

    date: str
    revision: int | None
    state: str
    symbols: dict[str, str]


Counted = Callable[[list[dt.date]], Iterable[dt.date]]
"""Gives dates one by one, and may say how far it is."""


def newest(count: int) -> list[dt.date]:
    """The newest dates that are published or have raw data, oldest first; at most so many."""
    kitchen = context.kitchen()
    feeds = ("binance_1m", *ATAS_FEEDS)
    raw = [layout.raw_days(kitchen, it, feed) for it in kitchen.symbols.values() for feed in feeds]
    published = open_store(kitchen.snapshots).look(ALWAYS).published_days()
    return sorted(set(published).union(*raw))[-count:]


def status(days: list[dt.date], counted: Counted = iter) -> list[DayStatus]:
    """The state of each date.

    Args:
        days: The dates.
        counted: Gives them one by one.
    """
    finished = context.finished()
    store = open_store(context.kitchen().snapshots).look(ALWAYS)
    known = index.read(store, days).days
    with context.freshness().one_look():
        return [_status(store, day, finished.holds(day), known.get(day)) for day in counted(days)]


def _status(store: Store, day: dt.date, holds: bool, known: Entry | None) -> DayStatus:
    """Of a date that is finished the index says it; a manifest of hundreds of symbols is slow to read."""
    kitchen = context.kitchen()
    if holds and known is not None and known.revision == store.named_revision(day):
        return DayStatus(
            date=day.isoformat(),
            revision=known.revision,
            state="fresh",
            symbols={name: entry.condition for name, entry in known.symbols.items()},
        )
    sealed = revisions.current(store, day)
    expected = [symbol.name for symbol in arrivals.expected_symbols(kitchen, day)]
    conditions: dict[str, str] = {}
    if sealed is not None:
        said = revisions.read_manifest(sealed).condition.symbols
        conditions = {name: entry.condition for name, entry in said.items()}
    state = "fresh" if holds else "none"
    if expected and not holds:
        state = _WORDS[day_state.judged(context.freshness(), day).state]
        state = _NEVER_BUILT if state == _WORDS[UNBUILT] and sealed is None else state
    return DayStatus(
        date=day.isoformat(),
        revision=sealed.revision if sealed else None,
        state=state,
        symbols={**dict.fromkeys(expected, "missing"), **conditions},
    )
