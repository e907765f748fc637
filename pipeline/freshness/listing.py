"""What the raw folder looks like now, each folder listed and each file asked for its state once.

For a quick "nothing changed": one memory for one question, dropped before any work starts. Which names
a feed's files may have is `layout.py`'s; this module only turns them into what must be looked at.
"""

from __future__ import annotations

import datetime as dt
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from pipeline import layout, patterns
from pipeline.model.feeds import ATAS_FEEDS, FEEDS
from pipeline.settings.config import Kitchen, Symbol

_STATE = attrgetter("st_size", "st_mtime_ns", "st_ino", "st_ctime_ns")
"""What changes when a file does. A tuple of integers hashes alike in every process of one Python."""

_REMEMBERED = 250_000
"""Days share names and files with their neighbours alone; to keep those of a year of some hundred symbols
would take a gigabyte.
"""

_NOTHING = -1
"""The state of what is not there; no hash is -1."""


@dataclass(slots=True)
class Listing(layout.Names):
    """Listings and states, remembered. A prefix is a path below `root` whose last name is only begun."""

    _found: dict[str, str] = field(default_factory=dict)
    _states: dict[str, int] = field(default_factory=dict)

    def mark(self, prefixes: Sequence[str], paths: Sequence[str]) -> int:
        """One number for all those names and states: equal as long as none of them changed."""
        found, states = self._found, self._states
        for kept in (found, states):
            if len(kept) > _REMEMBERED:
                kept.clear()
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
    found = (patterns.beginning(filled, day) for filled in _filled(kitchen, symbol, feed))
    return list(dict.fromkeys(found))


def _filled(kitchen: Kitchen, symbol: Symbol, feed: str) -> list[str]:
    name = symbol.vendor_name(feed)
    return [patterns.filled(pattern, symbol.market, name) for pattern in symbol.patterns[feed]]


def folders_in(listing: Listing, prefix: str) -> Iterator[str]:
    """Every folder, at any depth, below the names that begin so: a file added there changes its state."""
    for name in listing.beginning(prefix):
        below = os.path.join(os.path.dirname(prefix), name)
        if os.path.isdir(os.path.join(listing.root, below)):
            yield os.path.join(listing.root, below)
            yield from folders_in(listing, f"{below}/")


def first_raw_day(listing: Listing, kitchen: Kitchen, symbol: Symbol) -> dt.date | None:
    """The symbol's first day with minute data of any vendor; None without any."""
    first: dt.date | None = None
    for feed in ("binance_1m", *(ATAS_FEEDS if symbol.atas == "expected" else ())):
        wanted = _filled(kitchen, symbol, feed)
        if (FEEDS[feed].spills and has_undated(listing, symbol)) or not all(
            map(patterns.is_dated_first, wanted)
        ):
            # Tick folders may lie under no date, and other patterns need not sort by date.
            found = layout.raw_days(kitchen, symbol, feed)
            first = min(found | {first} if first else found, default=None)
            continue
        for filled in wanted:
            _, days = next(listing.dated(filled, before=first), ("", []))
            first = min([*days[:1], *([first] if first else [])], default=None)
    return first


def has_undated(listing: Listing, symbol: Symbol) -> bool:
    """Whether tick files lie in a folder without a date, so that only their lines tell their days."""
    return "date={date}" in listing.names(f"atas/ticks/{symbol.atas_symbol}/")
