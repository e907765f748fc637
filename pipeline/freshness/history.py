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
class Month:
    """A symbol's days of a month, and their sum, None where one of them is not known to be fresh."""

    days: Numbers
    total: int | None

    @classmethod
    def of(cls, days: Numbers) -> Month:
        """The month with its sum."""
        known = [number for number in days.values() if number is not None]
        return cls(days, sum(known) if len(known) == len(days) else None)


@dataclass(slots=True)
class History:
    """Answers for one look at the files."""

    freshness: Freshness
    seen: Listing
    environment: str
    _months: dict[tuple[str, str], Month | None] = field(default_factory=dict)
    _looked: set[tuple[str, str]] = field(default_factory=set)

    def number(self, symbol: Symbol, day: dt.date, *, look: bool) -> str | None:
        """One number for all that the day looks back on; None where some of it is not known fresh.

        Args:
            symbol: Whose statistics.
            day: The day that looks back.
            look: Whether to compare deeply where no stamp serves, and to leave one.
        """
        total = 0
        first, last = day - dt.timedelta(days=MACRO_LOOK_BACK_DAYS), day - dt.timedelta(days=1)
        for start, stop in _spans(first, last):
            key = symbol.name, start.isoformat()[:7]
            if key not in self._months:
                self._months[key] = self._stamped(symbol, key[1])
            part = _part(self._months[key], start, stop)
            if part is None and look and key not in self._looked:
                # No stamp, or one from before some of these days were built.
                self._looked.add(key)
                self._months[key] = self._compared(symbol, key[1])
                part = _part(self._months[key], start, stop)
            if part is None:
                return None
            total += part
        return f"{total % (1 << 128):x}"

    def _stamped(self, symbol: Symbol, month: str) -> Month | None:
        kitchen = self.freshness.kitchen
        entry = stamp.read(stamp.month_file(kitchen, symbol.name, month))
        if entry is None or entry["environment"] != self._of(symbol):
            return None
        witness = stamp.Witness.of(kitchen, entry)
        if self.seen.mark(witness.prefixes, witness.paths) != entry["mark"]:
            return None
        numbers = {parse_day(day): int(n, 16) if n else None for day, n in entry["days"].items()}
        return Month.of(numbers)

    def _compared(self, symbol: Symbol, month: str) -> Month:
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
        return Month.of(numbers)

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


def _spans(first: dt.date, last: dt.date) -> list[tuple[dt.date, dt.date]]:
    """The days from first to last, cut at the ends of months."""
    spans, start = [], first
    while start <= last:
        following = (start.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        stop = min(last, following - dt.timedelta(days=1))
        spans.append((start, stop))
        start = following
    return spans


def _part(month: Month | None, start: dt.date, stop: dt.date) -> int | None:
    """The sum from start to stop, both of the month; None where some of it is not known."""
    if month is None:
        return None
    whole = start.day == 1 and (stop + dt.timedelta(days=1)).day == 1
    return month.total if whole else _sum(month.days, start, stop)


def _sum(days: Numbers, start: dt.date, stop: dt.date) -> int | None:
    wanted = [number for day, number in days.items() if start <= day <= stop]
    return None if None in wanted else sum(number or 0 for number in wanted)


def _content_number(day: dt.date, content: str) -> int:
    """A number of a day's content; the sum over days is the digest of a whole history."""
    text = f"{day.isoformat()} {content}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:16], "big")
