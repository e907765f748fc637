"""The daily statistics that macro features look back on, month by month.

A day looks back on hundreds of days of each symbol. Whether all of them are still true is asked once a
month of them and process, from the month's stamp; a day then compares one number.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import Any

from pipeline import layout
from pipeline.clock import parse_day
from pipeline.config import Symbol
from pipeline.freshness import graph, stamp
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.freshness.listing import Listing
from pipeline.stages import MACRO_LOOK_BACK_DAYS

Numbers = dict[dt.date, int | None]
"""Day -> a number of its content; None where it is not known to be fresh."""


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

    def add(self, month: Numbers | None, day: dt.date) -> None:
        """Adds the next day; one that its month does not know has no raw data and no number."""
        number = None if month is None else month.get(day, 0)
        self._sums.append(self._sums[-1] + (number or 0))
        self._unknown.append(self._unknown[-1] + (number is None))

    def between(self, first: dt.date, last: dt.date) -> int | None:
        """The sum from first to last, None where one of the numbers is not known."""
        low, high = first.toordinal() - self.start, last.toordinal() - self.start + 1
        known = self._unknown[low] == self._unknown[high]
        return self._sums[high] - self._sums[low] if known else None


@dataclass(slots=True)
class History:
    """Answers for one look at the files."""

    freshness: Freshness
    seen: Listing
    environment: str
    _months: dict[tuple[str, str], Numbers | None] = field(default_factory=dict)
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
            running = self._running[symbol.name] = Running(first.toordinal())
        while running.stop < last.toordinal():
            day = dt.date.fromordinal(running.stop + 1)
            running.add(self._month(symbol, day), day)
        return running.between(first, last)

    def _month(self, symbol: Symbol, day: dt.date) -> Numbers | None:
        key = symbol.name, day.isoformat()[:7]
        if key not in self._months:
            self._months[key] = self._stamped(*key)
        return self._months[key]

    def _compare_anew(self, symbol: Symbol, first: dt.date, last: dt.date) -> bool:
        """Compares the months with unknown days deeply, each once; whether there was one.

        Such a month has no stamp, or one from before some of its days were built.
        """
        days = (first + dt.timedelta(days=n) for n in range((last - first).days + 1))
        keys = dict.fromkeys(
            (symbol.name, day.isoformat()[:7])
            for day in days
            if (month := self._month(symbol, day)) is None or month.get(day, 0) is None
        )
        new = [key for key in keys if key not in self._looked]
        for key in new:
            self._looked.add(key)
            self._months[key] = self._compared(symbol, key[1])
        if new:
            del self._running[symbol.name]
        return bool(new)

    def _stamped(self, name: str, month: str) -> Numbers | None:
        kitchen = self.freshness.kitchen
        entry = stamp.read(stamp.month_file(kitchen, name, month))
        if entry is None or entry["environment"] != self._of(kitchen.symbol(name)):
            return None
        witness = stamp.Witness.of(kitchen, entry)
        if self.seen.mark(witness.prefixes, witness.paths) != entry["mark"]:
            return None
        return {parse_day(day): int(n, 16) if n else None for day, n in entry["days"].items()}

    def _compared(self, symbol: Symbol, month: str) -> Numbers:
        kitchen = self.freshness.kitchen
        days = sorted(day for day in _raw_days(self.freshness, symbol) if _is_in(day, month))
        numbers = {day: self._content(symbol, day) for day in days}
        known = [day for day, number in numbers.items() if number is not None]
        witness = stamp.month_witness(kitchen, self.seen, symbol, month, known)
        if stamp.is_at_rest(self.seen, witness):
            entry: dict[str, Any] = {
                **witness.entry(kitchen),
                "environment": self._of(symbol),
                "days": {d.isoformat(): n and f"{n:x}" for d, n in numbers.items()},
            }
            kept = stamp.Witness.of(kitchen, entry)
            entry["mark"] = self.seen.mark(kept.prefixes, kept.paths)
            stamp.write(stamp.month_file(kitchen, symbol.name, month), entry)
        return numbers

    def _content(self, symbol: Symbol, day: dt.date) -> int | None:
        """A day whose files are not at rest is not known: whether it counts depends on the clock."""
        if not graph.is_settled(self.freshness.kitchen, symbol, "binance", day):
            return None
        kept = self.freshness.receipt(Unit("DailyStats", day, symbol.name))
        return _content_number(day, kept.outputs["daily_stats"].content) if kept else None

    def _of(self, symbol: Symbol) -> str:
        others = graph.held_against(self.freshness.kitchen, symbol)
        return " ".join([self.environment, *map(stamp.of_symbol, [symbol, *others])])


def _raw_days(freshness: Freshness, symbol: Symbol) -> frozenset[dt.date]:
    feeds = ("binance_1m", "binance_1d")
    return frozenset().union(*(layout.raw_days(freshness.kitchen, symbol, feed) for feed in feeds))


def _is_in(day: dt.date, month: str) -> bool:
    return day.isoformat()[:7] == month


def _content_number(day: dt.date, content: str) -> int:
    """A number of a day's content; the sum over days is the digest of a whole history."""
    text = f"{day.isoformat()} {content}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:16], "big")
