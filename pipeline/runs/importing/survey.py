"""What symbols a folder of vendor files has, before there is a configuration to sort them by.

Belongs here: which symbol, market, feed and dates each file tells, and what a configuration of them says.
Where a file goes is `placing.py`'s.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.clock import from_to, parse_day, unbroken
from pipeline.errors import SourceError
from pipeline.model.feeds import FEEDS
from pipeline.model.limits import Limits
from pipeline.runs.importing.heap import is_beside_exports, is_data, names_in
from pipeline.runs.importing.placing import Imported, feed_of
from pipeline.runs.importing.vendor_file import VendorFile, kind_of, look, marks_of
from pipeline.symbols import is_symbol

_QUOTES = (
    *("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "DAI"),
    *("BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY", "GBP", "AUD"),
)
_PAIR = re.compile(rf"(?<![A-Z0-9])([A-Z0-9]{{2,14}}(?:{'|'.join(_QUOTES)})(?:_PERP)?)(?![A-Z0-9])")
_STATED = re.compile(rb'"(?:symbol|s|instrument)"\s*:\s*"([A-Za-z0-9_]{4,24})')
_EXCHANGE = re.compile(rb'"exchange"\s*:\s*"([^"]{1,32})"')
_CHARTS = {b"BINANCE": "spot", b"BINANCE_FUTURES": "futures"}
"""How ticks of a chart call the exchange."""

ENDED_DAYS = 14
"""A symbol whose files end so much earlier than the newest of all has ended, as far as the folder tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A file that a source reads: whose it is, and of which dates (`2025-01-02`) or months (`2025-01`).

    `market`: as an archive or the path tells it; `chart`: as ticks tell it.
    """

    path: str
    feed: str
    symbol: str
    market: str | None
    chart: str | None
    dates: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Instrument:
    """A symbol as its files tell it.

    Attributes:
        name: Of the symbol.
        markets: Of its archives of the exchange, with how many files are of each.
        charts: The same of its ticks.
        dates: Feed -> dates and months of its files.
    """

    name: str
    markets: Counter[str] = field(default_factory=Counter)
    charts: Counter[str] = field(default_factory=Counter)
    dates: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def market(self) -> str:
        """The one that most of its archives are of, or else of its ticks; else what its name says."""
        told = self.markets or self.charts
        if told:
            return max(sorted(told), key=lambda market: told[market])
        return "futures_cm" if self.name.endswith("_PERP") else "futures_um"

    @property
    def is_guess(self) -> bool:
        """Whether no file tells the market."""
        return not (self.markets or self.charts)

    @property
    def has_klines(self) -> bool:
        """Whether a day of it can be built."""
        return "binance_1m" in self.dates

    @property
    def has_atas(self) -> bool:
        """Whether a chart of it was exported."""
        return any(FEEDS[feed].vendor == "atas" for feed in self.dates)

    @property
    def last(self) -> str:
        """Its newest date, or month."""
        return max(day for days in self.dates.values() for day in days)

    def words(self) -> Iterator[str]:
        """A line a feed: from when to when, and of how many dates where not of all between."""
        for feed, dates in sorted(self.dates.items()):
            first, last = min(dates), max(dates)
            has_gaps = len(unbroken(days_of(dates))) > 1
            count = f" ({_counted(dates)})" if has_gaps else ""
            yield f"{feed}: {from_to(first, last)}{count}"


def days_of(dates: Iterable[str]) -> list[dt.date]:
    """The days of dates and of whole months, in order."""
    found: set[dt.date] = set()
    for date in dates:
        if len(date) > len("2025-01"):
            found.add(parse_day(date))
            continue
        first = parse_day(f"{date}-01")
        length = calendar.monthrange(first.year, first.month)[1]
        found.update(first.replace(day=day) for day in range(1, length + 1))
    return sorted(found)


def _counted(dates: set[str]) -> str:
    months = sum(len(date) == len("2025-01") for date in dates)
    counts = ((months, "months" if months > 1 else "month"), (len(dates) - months, "days"))
    return ", ".join(f"{count} {unit}" for count, unit in counts if count)


def survey(folder: Path, limits: Limits) -> tuple[list[Instrument], list[Imported]]:
    """The instruments by name; and the files of data of which no source or no symbol can be told."""
    found: dict[str, Instrument] = {}
    left = []
    for path in names_in(folder):
        if is_beside_exports(path):
            continue
        seen, why = _seen(folder, path, limits)
        if not seen and is_data(folder / path):
            left.append(Imported(path=path, state="unclaimed", why=why))
        for it in seen:
            instrument = found.setdefault(it.symbol, Instrument(name=it.symbol))
            instrument.dates[it.feed] |= {*it.dates}
            if it.market is not None:
                instrument.markets[it.market] += 1
            if it.chart is not None:
                instrument.charts[it.chart] += 1
    return [found[name] for name in sorted(found)], left


def _seen(folder: Path, path: str, limits: Limits) -> tuple[list[Seen], str]:
    """The file as each kind that it holds; and of none, why."""
    try:
        files = look(folder / path, path, limits)
    except SourceError as error:
        return [], str(error)
    seen, why = [], "no adapter knows this format"
    for file in files:
        try:
            seen.append(_told(path, file))
        except ValueError as error:
            why = str(error)
    return seen, why


def _told(path: str, file: VendorFile) -> Seen:
    """What names and rows tell.

    Raises:
        ValueError: no source reads it, or they tell no symbol or no date.
    """
    feed, marks, symbol = feed_of(file, kind_of(file)), marks_of(file), _symbol(file)
    if symbol is None:
        raise ValueError(
            "neither its path nor its rows tell a symbol; put it in a folder named as its symbol, such as"
            " BTCUSDT"
        )
    is_chart = FEEDS[feed].vendor == "atas"
    exchange = _EXCHANGE.search(file.head)
    return Seen(
        path=path,
        feed=feed,
        symbol=symbol,
        market=file.says.market or (None if is_chart else _market(file.looks, symbol)),
        chart=_market(_CHARTS.get(exchange[1]), symbol) if is_chart and exchange else None,
        dates=tuple(sorted(date for mark in marks for date in _dates(mark))),
    )


def _dates(mark: dict[str, str]) -> Iterable[str]:
    """The date or month that a mark names; of a span each date."""
    if "first" not in mark:
        return [mark[name] for name in ("date", "month") if name in mark]
    first, last = parse_day(mark["first"]), parse_day(mark["last"])
    return [str(first + dt.timedelta(days=i)) for i in range((last - first).days + 1)]


def _symbol(file: VendorFile) -> str | None:
    """By an archive's name; else the nearest word of the path that is a pair; else by its first line."""
    if file.says.archive_of is not None:
        return file.says.archive_of if is_symbol(file.says.archive_of) else None
    for part in reversed(file.name.upper().split("/")):
        pair = _PAIR.search(part)
        if pair:
            return pair[1]
    stated = _STATED.search(file.head)
    name = stated[1].decode().upper() if stated else ""
    return name if name and is_symbol(name) else None


def _market(looks: str | None, symbol: str) -> str | None:
    """The market of a symbol that looks like one of `spot` or `futures`."""
    if looks == "futures":
        return "futures_cm" if "_PERP" in symbol or symbol.endswith("USD") else "futures_um"
    return looks
