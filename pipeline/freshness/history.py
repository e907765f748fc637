"""The daily statistics that macro features look back on, month by month.

A day looks back on hundreds of days of each symbol. Whether all of them are still true is asked once a
month of them and process, from the month's stamp; a day then compares one number.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline import arrivals, layout
from pipeline.freshness import graph, listing, stamp
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.freshness.listing import Listing
from pipeline.freshness.stamp import Basis, Stamp
from pipeline.settings.config import Symbol
from pipeline.stages import MACRO_LOOK_BACK_DAYS

UNKNOWN = 1 << 256
"""The number of a day that is not known to be fresh: beyond the sum of all that are, so that a sum tells."""

_KLINES = ("binance_1m", "binance_1d")
"""The feeds of which a day has daily statistics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthStamp(Stamp):
    """`days` has each day's number, in hex; None where it was not known."""

    days: list[str | None]


@dataclass(slots=True)
class History:
    """Answers for one look at the files.

    A day's number is of its content, 0 without raw data, `UNKNOWN` where it is not known to be fresh.

    Args:
        freshness: The deep comparison.
        seen: How the files look.
        basis: What else results depend on.
    """

    freshness: Freshness
    seen: Listing
    basis: Basis
    _months: dict[tuple[str, dt.date], list[int]] = field(default_factory=dict)
    _sums: dict[str, tuple[dt.date, list[int]]] = field(default_factory=dict)
    _looked: set[tuple[str, dt.date]] = field(default_factory=set)

    def number(self, symbol: Symbol, day: dt.date, *, look: bool) -> str | None:
        """One number for all that the day looks back on; None where some of it is not known fresh.

        Args:
            symbol: Whose statistics.
            day: The day that looks back.
            look: Whether to compare deeply where no stamp serves, and to leave one.
        """
        first = day - dt.timedelta(days=MACRO_LOOK_BACK_DAYS)
        total = self._total(symbol, first, day)
        if total >= UNKNOWN and look and self._compare_anew(symbol, first, day):
            total = self._total(symbol, first, day)
        return None if total >= UNKNOWN else f"{total % (1 << 128):x}"

    def _total(self, symbol: Symbol, first: dt.date, stop: dt.date) -> int:
        """The sum from the first day to the one before the stop, by the running sums of a range of days."""
        start, sums = self._sums.get(symbol.name, (dt.date.max, [0]))
        if first < start:
            start, sums = self._sums[symbol.name] = (first.replace(day=1), [0])
        while len(sums) <= (stop - start).days:
            for number in self._month(symbol, start + dt.timedelta(days=len(sums) - 1)):
                sums.append(sums[-1] + number)
        return sums[(stop - start).days] - sums[(first - start).days]

    def _month(self, symbol: Symbol, day: dt.date) -> list[int]:
        key = symbol.name, day.replace(day=1)
        if key not in self._months:
            length = stamp.days_in(day)
            if self._is_empty(symbol, day):
                self._months[key] = [0] * length
            else:
                self._months[key] = self._stamped(symbol, key[1]) or [UNKNOWN] * length
        return self._months[key]

    def _is_empty(self, symbol: Symbol, day: dt.date) -> bool:
        """Whether no name begins as a file of klines of the day's month does."""
        month = day.isoformat()[:7]
        kitchen = self.freshness.kitchen
        return not any(
            self.seen.beginning(prefix)
            for feed in _KLINES
            for prefix in listing.prefixes(kitchen, symbol, feed, month)
        )

    def _compare_anew(self, symbol: Symbol, first: dt.date, stop: dt.date) -> bool:
        """Compares the months with unknown days deeply, each once; whether there was one.

        Such a month has no stamp, or one from before some of its days were built.
        """
        days = (first + dt.timedelta(days=n) for n in range((stop - first).days))
        unknown = [day for day in days if self._month(symbol, day)[day.day - 1] == UNKNOWN]
        new = {(symbol.name, day.replace(day=1)) for day in unknown} - self._looked
        for key in sorted(new):
            self._looked.add(key)
            self._months[key] = self._compared(symbol, key[1])
        if new:
            del self._sums[symbol.name]
        return bool(new)

    def _stamped(self, symbol: Symbol, month: dt.date) -> list[int] | None:
        path = stamp.month_file(self.freshness.kitchen, symbol, month)
        kept = stamp.read(path, MonthStamp)
        if kept is None or kept.environment != self._environment(symbol):
            return None
        if not kept.is_true(self.seen):
            return None
        return [UNKNOWN if number is None else int(number, 16) for number in kept.days]

    def _compared(self, symbol: Symbol, month: dt.date) -> list[int]:
        kitchen = self.freshness.kitchen
        days = sorted(d for d in _raw_days(self.freshness, symbol) if d.replace(day=1) == month)
        numbers = [0] * stamp.days_in(month)
        for day in days:
            numbers[day.day - 1] = self._content(symbol, day)
        known = [day for day in days if numbers[day.day - 1] != UNKNOWN]
        depends_on = stamp.month_dependencies(kitchen, self.seen, symbol, month, known)
        made = MonthStamp(
            prefixes=depends_on.prefixes,
            paths=depends_on.paths,
            mark=self.seen.mark(depends_on.prefixes, depends_on.paths),
            environment=self._environment(symbol),
            days=[None if number == UNKNOWN else f"{number:x}" for number in numbers],
        )
        if stamp.is_stable(self.freshness, depends_on, self._units(symbol, known)):
            stamp.write(stamp.month_file(kitchen, symbol, month), made)
        return numbers

    def _units(self, symbol: Symbol, days: list[dt.date]) -> Iterator[Unit]:
        """The daily statistics of the days, and what they are made of."""
        for day in days:
            unit = Unit("DailyStats", day, symbol.name)
            yield unit
            yield from (edge.unit for edge in graph.edges(self.freshness.kitchen, unit))

    def _content(self, symbol: Symbol, day: dt.date) -> int:
        """A number of a day's content; the sum over days is the digest of a whole history.

        A day whose files are not at rest is not known: whether it counts depends on the clock.
        """
        if not arrivals.is_settled(self.freshness.kitchen, symbol, "binance", day):
            return UNKNOWN
        kept = self.freshness.receipt(Unit("DailyStats", day, symbol.name))
        if kept is None:
            return UNKNOWN
        text = f"{day.isoformat()} {kept.contents['daily_stats']}".encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:16], "big")

    def _environment(self, symbol: Symbol) -> list[str]:
        others = self.freshness.kitchen.held_against(symbol)
        return self.basis.of([symbol, *others])


def _raw_days(freshness: Freshness, symbol: Symbol) -> frozenset[dt.date]:
    kitchen = freshness.kitchen
    return frozenset().union(*(layout.raw_days(kitchen, symbol, feed) for feed in _KLINES))
