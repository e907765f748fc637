"""Which files are wanted for some days of some symbols."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pipeline import layout
from pipeline.errors import ParameterError
from pipeline.fetch import archive
from pipeline.plain_text import meant
from pipeline.settings.config import Kitchen, Symbol
from pipeline.settings.fetching import KINDS, USES
from pipeline.stages import MACRO_LOOK_BACK_DAYS

DAYS = "binance_1d"
NAMES = {feed: kind for kind, feed in KINDS.items()} | {"binance_1m": "1m", DAYS: "1d"}
"""Feed -> how the names of its archives call it: an interval of klines, or a kind of trades."""

TRADES, AGGREGATES = KINDS["trades"], KINDS["aggTrades"]

_MONTH_CHARS = 7
_ONE = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to fetch: the symbols (none: all), the days `[first, last]`.

    `history`: also the daily klines that the macro features of these days look back on. `recheck`: compare
    what is there with the archive, however old. `use`: sources to try, `kinds`: what to fetch of each day;
    none: the configuration's.
    """

    first: dt.date
    last: dt.date
    symbols: tuple[str, ...] = ()
    history: bool = False
    recheck: bool = False
    use: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One file: minutes or trades of a day, or daily klines of a month or day. `period` as in the archive's
    names.
    """

    symbol: Symbol
    feed: str
    period: str
    last: dt.date
    """The last day that it holds."""

    @property
    def is_month(self) -> bool:
        """Whether it is a month's file."""
        return len(self.period) == _MONTH_CHARS


def items(kitchen: Kitchen, request: Request, today: dt.date) -> list[Item]:
    """The files of a request, history first, newest day last; a month's where `_by_months` says so.

    Raises:
        ParameterError: an unknown symbol, source or kind, no day at all, or one that has not begun.
    """
    for option, given, known in (("use", request.use, USES), ("kinds", request.kinds, KINDS)):
        wrong = [name for name in given if name not in known]
        if wrong:
            raise ParameterError(
                f"--{option}: got {wrong[0]!r}, wanted some of {', '.join(known)}{meant(wrong[0], known)}"
            )
    if not request.first <= request.last <= today:
        raise ParameterError(
            f"--date: {request.first} to {request.last}; wanted days that have begun, today is {today} UTC"
        )
    symbols = [kitchen.symbol(n) for n in request.symbols] or list(kitchen.symbols.values())
    feeds = [KINDS[kind] for kind in request.kinds or kitchen.fetch.kinds]
    has_months = "archive" in (request.use or kitchen.fetch.use)
    found: list[Item] = []
    for symbol in symbols:
        if request.history:
            found += _months(symbol, request, today)
        days = list(_days(symbol, request))
        for feed in feeds:
            wanted = [Item(symbol, feed, day.isoformat(), day) for day in days]
            found += _by_months(kitchen, request, wanted, today) if has_months else wanted
    return found


def path_of(kitchen: Kitchen, item: Item) -> Path:
    """The raw file that the item's archive becomes."""
    name = archive.file_name(item.symbol, NAMES[item.feed], item.period)
    return kitchen.raw / "binance" / item.symbol.market / name


def has_place(kitchen: Kitchen, item: Item, path: Path) -> bool:
    """Whether a pattern in force finds the path as a file of the item."""
    name = path.relative_to(kitchen.raw).as_posix()
    return name in layout.raw_candidates(item.symbol, item.feed, item.last)


def days_of(item: Item, today: dt.date) -> list[Item]:
    """The ended days of a month that has no monthly archive, as daily archives."""
    day, days = item.last.replace(day=1), []
    while day <= item.last and day < today:
        days.append(Item(item.symbol, item.feed, day.isoformat(), day))
        day += _ONE
    return days


def month_of(item: Item, today: dt.date) -> Item | None:
    """The monthly archive that holds a day; None until the month has ended, and of daily klines."""
    end = (item.last.replace(day=1) + dt.timedelta(days=31)).replace(day=1) - _ONE
    if item.feed == DAYS or item.is_month or end >= today:
        return None
    return Item(item.symbol, item.feed, end.isoformat()[:_MONTH_CHARS], end)


def _by_months(
    kitchen: Kitchen, request: Request, days: list[Item], today: dt.date
) -> Iterator[Item]:
    """The days, or the month in their place: where all of it is wanted and none of its days is there.

    A month that is there already has its days too, unless these are to be compared with the archive. A
    layout may have no place for months.
    """
    for _, group in groupby(days, key=lambda item: item.period[:_MONTH_CHARS]):
        wanted = list(group)
        month = month_of(wanted[0], today)
        if month is None or not has_place(kitchen, month, path_of(kitchen, month)):
            yield from wanted
            continue
        is_whole = len(wanted) == month.last.day
        has_days = any(path_of(kitchen, item).exists() for item in wanted)
        has_month = path_of(kitchen, month).exists() and (is_whole or not request.recheck)
        yield from [month] if not has_days and (is_whole or has_month) else wanted


def _days(symbol: Symbol, request: Request) -> Iterator[dt.date]:
    for n in range((request.last - request.first).days + 1):
        day = request.first + n * _ONE
        if (symbol.since or day) <= day <= (symbol.until or day):
            yield day


def _months(symbol: Symbol, request: Request, today: dt.date) -> Iterator[Item]:
    """The months of the look-back; of the last one only the days before `last` are wanted."""
    month = (request.first - dt.timedelta(days=MACRO_LOOK_BACK_DAYS)).replace(day=1)
    last = min(request.last, today) - _ONE
    while month <= last:
        following = (month + dt.timedelta(days=31)).replace(day=1)
        end = following - _ONE
        if end < today:
            yield Item(symbol, DAYS, month.isoformat()[:7], end)
        else:
            yield from days_of(Item(symbol, DAYS, month.isoformat()[:7], last), today)
        month = following
