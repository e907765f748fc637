"""Is a date finished: sealed, linked, and everything it came from unchanged?

The quick answer for "nothing to do", from stamps (`freshness/stamp.py`); it never says yes where the deep
comparison would find the day itself untrue. Standard library only.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from pipeline import arrivals
from pipeline.clock import DAY_US, day_open_us
from pipeline.errors import PublishError
from pipeline.freshness import graph, listing, stamp
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.freshness.history import History
from pipeline.freshness.listing import Listing
from pipeline.freshness.stamp import Basis, Stamp
from pipeline.publishing import revisions
from pipeline.publishing.opening import open_store
from pipeline.publishing.store import ALWAYS
from pipeline.settings.config import Symbol

NEVER = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStamp(Stamp):
    """That a date is finished.

    Args:
        history: Symbol -> the number of all that the day looks back on.
        until: From when on, in microseconds, the clock alone may change the answer.
        revision: The name of the current revision's folder.
        taken: See `Store.taken`.
        available: Whether the revision's condition is available.
    """

    history: dict[str, str | None]
    until: int
    revision: str
    taken: list[str]
    available: bool


class Finished:
    """Answers for one look at the files; make a new one after any work."""

    def __init__(self, freshness: Freshness) -> None:
        """Nothing is looked at yet but code and rules.

        Args:
            freshness: The deep comparison, and the configuration.
        """
        self.freshness, self.kitchen = freshness, freshness.kitchen
        self._store = open_store(self.kitchen.snapshots).look(ALWAYS)
        self._basis = Basis(self.kitchen, freshness.code, freshness.libraries)
        self._seen = Listing(str(self.kitchen.raw))
        self._history = History(freshness, self._seen, self._basis)

    def holds(self, day: dt.date) -> bool:
        """Whether the date's stamp proves that there is nothing to do."""
        kept = stamp.read(stamp.day_file(self.kitchen, day), DayStamp)
        if kept is None or kept.until < time.time_ns() // 1_000:
            return False
        symbols = self._expected(day)
        if kept.environment != self._basis.of(symbols) or not self._is_linked(day, kept):
            return False
        return kept.is_true(self._seen) and all(
            self._history.number(symbol, day, look=False) == kept.history[symbol.name]
            for symbol in symbols
        )

    def remember(self, day: dt.date) -> bool:
        """Leaves a stamp for a date that is fresh and settled; False where none can prove it."""
        if any(listing.has_undated(self._seen, s) for s in self.kitchen.symbols.values()):
            return False  # names alone do not tell the days of all raw files
        symbols = self._expected(day)
        history = {s.name: self._history.number(s, day, look=True) for s in symbols}
        sealed = revisions.current(self._store, day)
        if sealed is None or None in history.values():
            return False
        units = graph.behind(self.kitchen, Unit("Snapshot", day))
        papers = self._store.watched(sealed)
        depends_on = stamp.day_dependencies(self.kitchen, self._seen, units, day, papers)
        made = DayStamp(
            prefixes=depends_on.prefixes,
            paths=depends_on.paths,
            mark=self._seen.mark(depends_on.prefixes, depends_on.paths),
            environment=self._basis.of(symbols),
            history=history,
            until=self._until(symbols, day),
            revision=sealed.path.name,
            taken=self._store.taken(day),
            available=revisions.is_available(sealed),
        )
        is_stable = stamp.is_stable(self.freshness, depends_on, units)
        if is_stable:
            stamp.write(stamp.day_file(self.kitchen, day), made)
        return is_stable

    def _expected(self, day: dt.date) -> list[Symbol]:
        return [symbol for symbol, since, until in self._spans if since <= day <= until]

    @cached_property
    def _spans(self) -> list[tuple[Symbol, dt.date, dt.date]]:
        """From when to when each symbol is expected, of those that are at all."""
        return list(self._expected_spans())

    def _expected_spans(self) -> Iterator[tuple[Symbol, dt.date, dt.date]]:
        for symbol in self.kitchen.symbols.values():
            since = symbol.since or listing.first_raw_day(self._seen, self.kitchen, symbol)
            if since is not None:
                yield symbol, since, symbol.until or dt.date.max

    def _until(self, symbols: list[Symbol], day: dt.date) -> int:
        """When the clock alone may make a neighbour day count; in microseconds."""
        ends = [NEVER]
        for back in (-2, -1, 1):
            beside = day + dt.timedelta(days=back)
            for symbol in symbols:
                if any(arrivals.unsettled(self.kitchen, symbol, beside)):
                    ends.append(day_open_us(beside) + DAY_US)
        return min(ends)

    def _is_linked(self, day: dt.date, kept: DayStamp) -> bool:
        """Whether readers get the revision that they got, whose publication and manifest have not changed."""
        with suppress(PublishError):
            number = self._store.named_revision(day)
            if f"{day}.r{number}" == kept.revision and self._store.taken(day) == kept.taken:
                latest, available = self._latest
                own = day.isoformat()
                return latest >= own and (available >= own if kept.available else available != own)
        return False

    @cached_property
    def _latest(self) -> list[str]:
        """The dates of LATEST and LATEST_AVAILABLE; empty without."""
        found = (self._store.newest(available=available) for available in (False, True))
        return [day.isoformat() if day else "" for day in found]
