"""What has come into the raw folder: whom a date expects, which feeds it has, and whether they are final.

Belongs here: questions of a symbol and a day that names and ages of files answer. Does not belong here: how
files are named and found (`layout.py`), and who reads them (`freshness/graph.py`). It opens no file.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from functools import lru_cache

from pipeline import layout
from pipeline.clock import DAY_US, day_open_us
from pipeline.contracts import control
from pipeline.model.feeds import ATAS_FEEDS, TRADE_FEEDS
from pipeline.model.raw_names import RawPath
from pipeline.settings.config import Kitchen, Symbol

VENDORS = ("binance", "atas")

_STEP = dt.timedelta(days=1)

_SYMBOLS = 16_384
"""Of so many feeds of symbols the first day is remembered: were there more, each would be looked for anew."""


def first_raw_day(kitchen: Kitchen, symbol: Symbol) -> dt.date | None:
    """The symbol's first day with minute data of any vendor; None without any."""
    feeds = ("binance_1m", *(ATAS_FEEDS if symbol.atas == "expected" else ()))
    days = [_first(layout.raw_days(kitchen, symbol, feed)) for feed in feeds]
    return min((day for day in days if day), default=None)


@lru_cache(maxsize=_SYMBOLS)
def _first(days: frozenset[dt.date]) -> dt.date | None:
    return min(days, default=None)


def expected_symbols(kitchen: Kitchen, day: dt.date) -> list[Symbol]:
    """The symbols of a date: `since <= day <= until`, `since` being the first raw day by default."""
    return [s for s in kitchen.symbols.values() if is_expected(kitchen, s, day)]


def is_expected(kitchen: Kitchen, symbol: Symbol, day: dt.date) -> bool:
    """Whether the symbol belongs to the date."""
    since = symbol.since or first_raw_day(kitchen, symbol)
    return since is not None and since <= day and (symbol.until is None or day <= symbol.until)


def without_raw_data(kitchen: Kitchen, day: dt.date) -> list[Symbol]:
    """The symbols that a date without any expected one would have, were there raw data by then."""
    if expected_symbols(kitchen, day):
        return []
    return [
        symbol
        for symbol in kitchen.symbols.values()
        if (symbol.since is None or symbol.since <= day)
        and (symbol.until is None or day <= symbol.until)
    ]


def atas_feeds(kitchen: Kitchen, symbol: Symbol, day: dt.date) -> list[str]:
    """The ATAS feeds that have raw files on the day."""
    if symbol.atas == "none":
        return []
    return [feed for feed in ATAS_FEEDS if day in layout.raw_days(kitchen, symbol, feed)]


def trade_feeds(kitchen: Kitchen, symbol: Symbol, day: dt.date) -> list[str]:
    """The exchange's tapes that have raw files on the day."""
    return [feed for feed in TRADE_FEEDS if day in layout.raw_days(kitchen, symbol, feed)]


def has_tape(kitchen: Kitchen, symbol: Symbol, day: dt.date) -> bool:
    """Whether ATAS or the exchange has a tape of the day."""
    return "atas_ticks" in atas_feeds(kitchen, symbol, day) or bool(
        trade_feeds(kitchen, symbol, day)
    )


def vendor_files(kitchen: Kitchen, symbol: Symbol, vendor: str, day: dt.date) -> list[RawPath]:
    """Every file of minute data that a vendor has for the symbol and day."""
    feeds = ["binance_1m"] if vendor == "binance" else atas_feeds(kitchen, symbol, day)
    return [file for feed in feeds for file in layout.raw_files(kitchen, symbol, feed, day)]


def _trade_files(kitchen: Kitchen, symbol: Symbol, vendor: str, day: dt.date) -> list[RawPath]:
    """The vendor's own trades of the day."""
    feeds = trade_feeds(kitchen, symbol, day) if vendor == "binance" else []
    return [file for feed in feeds for file in layout.raw_files(kitchen, symbol, feed, day)]


def late_trades(kitchen: Kitchen, symbol: Symbol, day: dt.date) -> list[str]:
    """The exchange's tapes that the symbol usually has, and not yet of the day."""
    return [feed for feed in TRADE_FEEDS if _is_late(kitchen, symbol, feed, day)]


def _is_late(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> bool:
    """Whether the day has no file, and the day before has one; where that one may be late, the day before it.

    Whose trades nobody brings, or no longer, is kept waiting for no longer than the deadline.
    """
    there, now = layout.raw_days(kitchen, symbol, feed), time.time_ns() // 1_000
    before = day - _STEP
    while there and before not in there and now < deadline_us(kitchen, "binance", before):
        before -= _STEP
    return before in there and day not in there


def deadline_us(kitchen: Kitchen, vendor: str, day: dt.date) -> int:
    """The instant from which a vendor's missing files of the day are missing, not late."""
    hours = control.load(kitchen.governance).settling[f"{vendor}_deadline_hours"]
    return day_open_us(day) + DAY_US + int(hours * 3_600_000_000)


def is_settled(kitchen: Kitchen, symbol: Symbol, vendor: str, day: dt.date) -> bool:
    """Whether a vendor's files of a day are final.

    They are when the day has ended and they have been there, unchanged, for the quiet time of CONTROL;
    or, there or not, once the deadline has passed. So it is with the files of the days beside that have rows
    of the day, and with the exchange's trades where the days before have them.
    """
    now = time.time_ns() // 1_000
    if now < day_open_us(day) + DAY_US:
        return False
    days = days_read(kitchen, symbol, vendor, day)
    if now >= deadline_us(kitchen, vendor, max(days)):
        return True
    if vendor == "atas" and symbol.atas == "none":
        return True
    quiet = control.load(kitchen.governance).settling["quiet_minutes"] * 60_000_000
    found = [vendor_files(kitchen, symbol, vendor, each) for each in days]
    beside = _trade_files(kitchen, symbol, vendor, day)
    if vendor == "binance" and late_trades(kitchen, symbol, day):
        return False
    return all(found) and all(
        file.path.stat().st_mtime_ns // 1_000 <= now - quiet
        for files in (*found, beside)
        for file in files
    )


def unsettled(kitchen: Kitchen, symbol: Symbol, day: dt.date) -> Iterator[str]:
    """The vendors whose files of the symbol and day may still come or change."""
    return (vendor for vendor in VENDORS if not is_settled(kitchen, symbol, vendor, day))


def days_read(kitchen: Kitchen, symbol: Symbol, vendor: str, day: dt.date) -> list[dt.date]:
    """The day, and the days beside it under which the vendor files rows of it."""
    beside = layout.days_beside(symbol, "binance_1m", day) if vendor == "binance" else []
    return [day, *beside]
