"""The daily statistics that macro features look back on, month by month.

A day looks back on hundreds of days of each symbol. Whether all of them are still true is asked once a
month of them and process, from the month's stamp; a day then compares one number.
"""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline import layout
from pipeline.freshness import graph, stamp
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.freshness.listing import Listing
from pipeline.settings.config import Symbol
from pipeline.stages import MACRO_LOOK_BACK_DAYS

Numbers = list[int | None]
"""A number for each day of a month: of its content, 0 without raw data, None where not known to be fresh."""


@dataclass(slots=True)
class Running:
    """Sums of the numbers, and counts of unknown ones, from one day on to each later day in turn."""

    start: int
    _sums: list[int] = field(default_factory=lambda: [0])
    _unknown: list[int] = field(default_factory=lambda: [0])

    @property
    def stop(self) -> int:
        """The ordinal of the last day that was added."""
        return self.start + len(self._sums) - 2

    def add(self, numbers: Numbers) -> None:
        """Adds the days that come next."""
        for number in numbers:
            self._sums.append(self._sums[-1] + (number or 0))
            self._unknown.append(self._unknown[-1] + (number is None))

    def between(self, first: dt.date, last: dt.date) -> int | None:
        """The sum from first to last, None where one of the numbers is not known."""
        low, high = first.toordinal() - self.start, last.toordinal() - self.start + 1
        known = self._unknown[low] == self._unknown[high]
        return self._sums[high] - self._sums[low] if known else None


@dataclass(slots=True)
class History:
    """Answers for one look at the files.

    Args:
        freshness: The deep comparison.
        seen: How the files look.
        environment: What else results depend on, see `stamp.environment`.
        symbols: Symbol -> its settings, see `stamp.of_symbol`.
    """

    freshness: Freshness
    seen: Listing
    environment: str
    symbols: Mapping[str, str]
    _months: dict[tuple[str, str], Numbers] = field(default_factory=dict)
    _running: dict[str, Running] = field(default_factory=dict)
    _looked: set[tuple[str, str]] = field(default_factory=set)

    def number(self, symbol: Symbol, day: dt.date, *, look: bool) -> str | None:
        """One number for all that the day looks back on; None where some of it is not known fresh.

        Args:
            symbol: Whose statistics.
            day: The day that looks back.
            look: Whether to compare deeply where no stamp serves, and to leave one.
        """
        first, last = day - dt.timedelta(days=MACRO_LOOK_BACK_DAYS), day - dt.timedelta(days=1)
        total = self._total(symbol, first, last)
        if total is None and look and self._compare_anew(symbol, first, last):
            total = self._total(symbol, first, last)
        return None if total is None else f"{total % (1 << 128):x}"

    def _total(self, symbol: Symbol, first: dt.date, last: dt.date) -> int | None:
        running = self._running.get(symbol.name)
        if running is None or first.toordinal() < running.start:
            running = self._running[symbol.name] = Running(first.replace(day=1).toordinal())
        while running.stop < last.toordinal():
            running.add(self._month(symbol, dt.date.fromordinal(running.stop + 1)))
        return running.between(first, last)

    def _month(self, symbol: Symbol, day: dt.date) -> Numbers:
        key = symbol.name, _month_of(day)
        if key not in self._months:
            unknown: Numbers = [None] * calendar.monthrange(day.year, day.month)[1]
            self._months[key] = self._stamped(symbol, key[1]) or unknown
        return self._months[key]

    def _compare_anew(self, symbol: Symbol, first: dt.date, last: dt.date) -> bool:
        """Compares the months with unknown days deeply, each once; whether there was one.

        Such a month has no stamp, or one from before some of its days were built.
        """
        days = (first + dt.timedelta(days=n) for n in range((last - first).days + 1))
        unknown = [day for day in days if self._month(symbol, day)[day.day - 1] is None]
        months = {(symbol.name, _month_of(day)): day for day in unknown}
        new = months.keys() - self._looked
        for key in sorted(new):
            self._looked.add(key)
            self._months[key] = self._compared(symbol, months[key])
        if new:
            del self._running[symbol.name]
        return bool(new)

    def _stamped(self, symbol: Symbol, month: str) -> Numbers | None:
        entry = stamp.read(stamp.month_file(self.freshness.kitchen, symbol.name, month))
        if entry is None or entry["environment"] != self._of(symbol):
            return None
        if not stamp.is_true(self.seen, entry):
            return None
        return [None if number is None else int(number, 16) for number in entry["days"]]

    def _compared(self, symbol: Symbol, within: dt.date) -> Numbers:
        kitchen, month = self.freshness.kitchen, _month_of(within)
        days = [day for day in _raw_days(self.freshness, symbol) if _month_of(day) == month]
        numbers: Numbers = [0] * calendar.monthrange(within.year, within.month)[1]
        for day in sorted(days):
            numbers[day.day - 1] = self._content(symbol, day)
        known = [day for day in sorted(days) if numbers[day.day - 1] is not None]
        witness = stamp.month_witness(kitchen, self.seen, symbol, month, known)
        entry: dict[str, Any] = {
            **witness.entry(self.seen),
            "environment": self._of(symbol),
            "days": [None if number is None else f"{number:x}" for number in numbers],
        }
        if stamp.can_vouch(self.freshness, witness, self._units(symbol, known)):
            stamp.write(stamp.month_file(kitchen, symbol.name, month), entry)
        return numbers

    def _units(self, symbol: Symbol, days: list[dt.date]) -> Iterator[Unit]:
        """The daily statistics of the days, and what they are made of."""
        for day in days:
            unit = Unit("DailyStats", day, symbol.name)
            yield unit
            yield from (edge.unit for edge in graph.edges(self.freshness.kitchen, unit))

    def _content(self, symbol: Symbol, day: dt.date) -> int | None:
        """A day whose files are not at rest is not known: whether it counts depends on the clock."""
        if not graph.is_settled(self.freshness.kitchen, symbol, "binance", day):
            return None
        kept = self.freshness.receipt(Unit("DailyStats", day, symbol.name))
        return _content_number(day, kept.outputs["daily_stats"].content) if kept else None

    def _of(self, symbol: Symbol) -> str:
        others = graph.held_against(self.freshness.kitchen, symbol)
        settings = (self.symbols[s.name] for s in (symbol, *others))
        return " ".join([self.environment, *settings])


def _raw_days(freshness: Freshness, symbol: Symbol) -> frozenset[dt.date]:
    feeds = ("binance_1m", "binance_1d")
    return frozenset().union(*(layout.raw_days(freshness.kitchen, symbol, feed) for feed in feeds))


def _month_of(day: dt.date) -> str:
    return day.isoformat()[:7]


def _content_number(day: dt.date, content: str) -> int:
    """A number of a day's content; the sum over days is the digest of a whole history."""
    text = f"{day.isoformat()} {content}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:16], "big")
