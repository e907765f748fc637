"""What the raw folder looks like now, each folder listed and each file asked for its state once.

For a quick "nothing changed": one memory for one question, dropped before any work starts. Which names
a feed's files may have is `layout.py`'s; this module only turns them into what must be looked at.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from pipeline import layout
from pipeline.clock import parse_day
from pipeline.model.feeds import ATAS_FEEDS, FEEDS
from pipeline.settings.config import Kitchen, Symbol

_STATE = attrgetter("st_size", "st_mtime_ns", "st_ino", "st_ctime_ns")
"""What changes when a file does. A tuple of integers hashes alike in every process of one Python."""

_NOTHING = -1
"""The state of what is not there; no hash is -1."""

_BEHIND_ALL = "\U0010ffff"

_DAY_PARTS = {sign: f"({layout.DIGITS[name]})" for sign, name in layout.MARKS.items()}
_MARK = re.compile("[\1-\5*]")


@dataclass(slots=True)
class Listing:
    """Listings and states, remembered. A prefix is a path below `raw` whose last name is only begun."""

    raw: str
    _names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _found: dict[str, str] = field(default_factory=dict)
    _states: dict[str, int] = field(default_factory=dict)

    def names(self, folder: str) -> tuple[str, ...]:
        """The sorted names in a folder below the raw folder; none where there is no folder."""
        found = self._names.get(folder)
        if found is None:
            try:
                found = tuple(sorted(os.listdir(os.path.join(self.raw, folder))))
            except OSError:
                found = ()
            self._names[folder] = found
        return found

    def beginning(self, prefix: str) -> tuple[str, ...]:
        """The names in the prefix's folder that begin as it says."""
        folder, _, start = prefix.rpartition("/")
        names = self.names(folder)
        return names[bisect_left(names, start) : bisect_left(names, start + _BEHIND_ALL)]

    def mark(self, prefixes: Sequence[str], paths: Sequence[str]) -> int:
        """One number for all those names and states: equal as long as none of them changed."""
        found, states = self._found, self._states
        for prefix in prefixes:
            if prefix not in found:
                found[prefix] = "\1".join(self.beginning(prefix))
        for path in paths:
            if path not in states:
                try:
                    states[path] = hash(_STATE(os.stat(path)))
                except OSError:
                    states[path] = _NOTHING
        text = "\0".join([found[prefix] for prefix in prefixes])
        number = zlib.crc32(text.encode("utf-8", "surrogateescape"))
        return hash((number, tuple([states[path] for path in paths])))


def prefixes(kitchen: Kitchen, symbol: Symbol, feed: str, day: str) -> list[str]:
    """Where a name must begin how to be a file of the feed on the day, or on a month's days.

    Args:
        kitchen: The configuration.
        symbol: Whose files.
        feed: Which.
        day: `YYYY-MM-DD`, or `YYYY-MM` for any day of the month.
    """
    values = {"\1": day, "\2": day[:7], "\3": day.replace("-", "")}
    found: dict[str, None] = {}
    for pattern in _patterns(kitchen, symbol, feed):
        parts = pattern.split("/")
        at = next((i for i, part in enumerate(parts) if _MARK.search(part)), len(parts) - 1)
        found["/".join([*parts[:at], _beginning(parts[at], values)])] = None
    return list(found)


def _beginning(part: str, values: dict[str, str]) -> str:
    """A name up to its date, and the character behind: `X-1m-2025-01.` is not `X-1m-2025-01-02.zip`."""
    literal, mark, *rest = [*re.split("([\1-\5*])", part, maxsplit=1), ""][:3]
    if mark not in values:
        return literal
    whole = mark == "\2" or len(values["\1"]) > len("2025-01")
    behind = rest[0][:1] if rest and whole else ""
    return literal + values[mark] + (behind if behind not in values and behind != "*" else "")


def _patterns(kitchen: Kitchen, symbol: Symbol, feed: str) -> list[str]:
    name = layout.vendor_name(symbol, feed)
    return [
        layout.marked(pattern, symbol.market, name)
        for pattern in layout.patterns(kitchen, symbol, feed)
    ]


def folders_in(listing: Listing, prefix: str) -> Iterator[str]:
    """Every folder, at any depth, below the names that begin so: a file added there changes its state."""
    for name in listing.beginning(prefix):
        below = os.path.join(os.path.dirname(prefix), name)
        if os.path.isdir(os.path.join(listing.raw, below)):
            yield os.path.join(listing.raw, below)
            yield from folders_in(listing, f"{below}/")


def first_raw_day(listing: Listing, kitchen: Kitchen, symbol: Symbol) -> dt.date | None:
    """The symbol's first day with minute data of any vendor; None without any."""
    first: dt.date | None = None
    for feed in ("binance_1m", *(ATAS_FEEDS if symbol.atas == "expected" else ())):
        patterns = _patterns(kitchen, symbol, feed)
        undated = FEEDS[feed].spills and has_undated(listing, symbol)
        if undated or any(not _is_ordered(pattern) for pattern in patterns):
            # Tick folders may lie under no date, and other patterns need not sort by date.
            first = _earlier(first, min(layout.raw_days(kitchen, symbol, feed), default=None))
            continue
        for pattern in patterns:
            days = _days(listing, "", pattern.split("/"), before=first)
            first = _earlier(first, next(days, None))
    return first


def _earlier(one: dt.date | None, other: dt.date | None) -> dt.date | None:
    return min((day for day in (one, other) if day), default=None)


def has_undated(listing: Listing, symbol: Symbol) -> bool:
    """Whether tick files lie in a folder without a date, so that only their lines tell their days."""
    return "date={date}" in listing.names(f"atas/ticks/{symbol.atas_symbol}")


def _is_ordered(pattern: str) -> bool:
    mark = _MARK.search(pattern)
    return mark is not None and mark[0] != "*"


def _days(
    listing: Listing,
    folder: str,
    parts: list[str],
    *,
    day: dt.date | None = None,
    before: dt.date | None = None,
) -> Iterator[dt.date]:
    """The days of a pattern's files, earliest first; with `before`, none that is certainly not earlier."""
    head, rest = parts[0], parts[1:]
    mark = _MARK.search(head)
    literal = head[: mark.start()] if mark else head
    names = listing.beginning(f"{folder}/{literal}" if folder else literal)
    if before and not day and mark:
        names = names[: bisect_left(names, literal + _named(before, mark[0]))]
    expression = re.compile(_expression(head)) if names else None
    for name in names:
        match = expression and expression.fullmatch(name)
        found = day or (match and _day_named(match.groups()))
        if match and not rest and found:
            yield found
        elif match and rest:
            below = f"{folder}/{name}" if folder else name
            yield from _days(listing, below, rest, day=found or None, before=before)


def _named(day: dt.date, mark: str) -> str:
    """How a name goes on, at the mark, of the first file that is not earlier than the day."""
    text = day.isoformat()
    # A file of the day's month counts from the month's first day on.
    return {"\2": f"{text[:7]}\x7f", "\3": text.replace("-", "")}.get(mark, text)


def _expression(part: str) -> str:
    pieces = re.split("([\1-\5*])", part)
    return "".join(_DAY_PARTS.get(p) or ("[^/]*" if p == "*" else re.escape(p)) for p in pieces)


def _day_named(groups: tuple[str, ...]) -> dt.date | None:
    text = next(iter(groups), None)
    if text is None:
        return None
    if len(text) == 7:
        text += "-01"
    elif len(text) == 8:
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    try:
        return parse_day(text)
    except ValueError:
        return None
