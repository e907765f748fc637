"""`write_sample`: a request becomes a raw folder of vendor files.

Belongs here: the request and its checks, the order of days and symbols, writing.
Does not belong here: prices (`daily.py`, `tape.py`), formats (`writers.py`), damage (`defects.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from pipeline import asked
from pipeline.clock import day_of
from pipeline.errors import ParameterError
from pipeline.model.feeds import ATAS_FEEDS, MARKETS
from pipeline.sample import mark
from pipeline.sample.bars import Bars, joined, whole_day
from pipeline.sample.daily import daily_bars
from pipeline.sample.defects import DEFECTS, Defect, check_codes, damaged
from pipeline.sample.derivatives import (
    FUNDING_HEADER,
    METRICS_HEADER,
    funding_rows,
    metrics_rows,
)
from pipeline.sample.export import (
    RawFile,
    exported,
    month_files,
    raw_files,
    text_archive,
)
from pipeline.sample.instrument import instrument_of
from pipeline.sample.minutes import minute_bars
from pipeline.sample.tape import TRADES_MAX, Tape, day_tape
from pipeline.sample.trade_archives import AGGREGATES, TRADES
from pipeline.storage import write_bytes

__all__ = ["DEFECTS", "Defect", "SampleRequest", "Truth", "Written", "truth", "write_sample"]

METRICS_DAYS = 8
"""Days of the warm-up that have metrics: what change of open interest looks back on."""

FIRST_DAY, LAST_DAY = dt.date(2010, 1, 1), dt.date(2099, 12, 31)
"""Dates that can be simulated, warm-up included."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """What to simulate: `days` days from `first` on, with daily klines of `warmup_days` before them, and
    where it is a perpetual with their funding and open interest.

    `out` becomes a raw folder. `defects` are codes of `DEFECTS`; they damage the last day, A02 all.
    `ticks`, `bars` and `simplified` say which ATAS exports there are, `trades` whether the exchange's
    archives of trades are there too.
    """

    out: Path
    first: dt.date
    days: int = 1
    symbols: tuple[str, ...] = ("BTCUSDT",)
    market: str = "futures_um"
    seed: int = 1
    trades_per_day: int = 20_000
    warmup_days: int = 0
    defects: tuple[str, ...] = ()
    ticks: bool = True
    bars: bool = True
    simplified: bool = True
    trades: bool = False

    @property
    def dates(self) -> list[dt.date]:
        """The simulated dates, in order."""
        return [self.first + dt.timedelta(days=i) for i in range(self.days)]

    @property
    def feeds(self) -> frozenset[str]:
        """What is written beside klines: feeds of ATAS, and the exchange's trades."""
        wanted = (self.bars, self.simplified, self.ticks)
        atas = [feed for feed, want in zip(ATAS_FEEDS, wanted, strict=True) if want]
        return frozenset((*atas, *((TRADES, AGGREGATES) if self.trades else ())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A written file: `what` is its feed or `checksum`, `rows` its data lines."""

    path: Path
    bytes: int
    rows: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What really happened on a symbol-day, in integers, before any defect."""

    tape: Tape
    minutes: Bars


def truth(request: SampleRequest, symbol: str, day: dt.date) -> Truth:
    """The tape and the 1440 minute bars from which the request's files of that day are printed."""
    tape = day_tape(request.seed, symbol, day, request.trades_per_day)
    return Truth(tape=tape, minutes=minute_bars(tape))


def write_sample(request: SampleRequest, progress: Progress | None = None) -> list[Written]:
    """Writes the request's files below `request.out`, replacing files of the same name, and marks the folder.

    The bytes of a day's files depend on (seed, symbol, market, date, trades_per_day, defects) alone.

    Args:
        request: what to simulate.
        progress: called with (symbol-days done, symbol-days in all) after each of them.

    Returns:
        The files but the mark, in the order of writing: symbol by symbol, oldest day first.

    Raises:
        ParameterError: a value of the request is wrong.
    """
    _check(request)
    mark.put(request.out)
    total, written = len(request.symbols) * request.days, []
    for number, symbol in enumerate(request.symbols):

        def done(days: int, before: int = number * request.days) -> None:
            if progress is not None:
                progress(before + days, total)

        written += [_write(request.out, file) for file in _symbol_files(request, symbol, done)]
    return written


def _write(out: Path, file: RawFile) -> Written:
    path = out / file.name
    write_bytes(path, file.data)
    return Written(path=path, bytes=len(file.data), rows=file.rows, what=file.what)


def _symbol_files(
    request: SampleRequest, symbol: str, done: Callable[[int], None]
) -> Iterator[RawFile]:
    """A symbol's files, each when no later day can add to it: a shifted stamp files lines one day off."""
    held: dict[str, RawFile] = {}
    days = []
    for number, day in enumerate(request.dates, start=1):
        known = truth(request, symbol, day)
        days.append(whole_day(known.minutes))
        export = exported(known.tape, request.market, request.feeds)
        export = damaged(export, request.defects, last_day=number == request.days)
        for file in raw_files(export):
            held[file.name] = _appended(held.get(file.name), file)
        for name in [name for name, file in held.items() if file.day < day]:
            yield held.pop(name)
        done(number)
    yield from held.values()
    if request.warmup_days:
        yield from _warmup_files(request, symbol, days)


def _appended(file: RawFile | None, more: RawFile) -> RawFile:
    if file is None:
        return more
    return replace(file, data=file.data + more.data, rows=file.rows + more.rows)


def _warmup_files(request: SampleRequest, symbol: str, days: list[Bars]) -> Iterator[RawFile]:
    """Monthly archives of daily bars: the warm-up, and the simulated days as their minutes make them."""
    start = request.first - dt.timedelta(days=request.warmup_days)
    before = daily_bars(request.seed, symbol, start, request.warmup_days, request.trades_per_day)
    for month in _months(joined([before, *days])):
        yield from month_files(month, instrument_of(symbol), request.market)
        if _is_perpetual(request, symbol):
            yield _funding_file(request, symbol, month)
    if _is_perpetual(request, symbol):
        yield from _metrics_files(request, symbol, joined([before, *days]))


def _is_perpetual(request: SampleRequest, symbol: str) -> bool:
    return request.market == "futures_um" or symbol.endswith("_PERP")


def _funding_file(request: SampleRequest, symbol: str, month: Bars) -> RawFile:
    """The monthly archive of the funding of days that lie in one month."""
    days = [day_of(us) for us in month.open_us.tolist()]
    rows = [row for day in days for row in funding_rows(request.seed, symbol, day)]
    named = days[0].replace(day=1)
    return text_archive("binance_funding", symbol, request.market, named, [FUNDING_HEADER, *rows])


def _metrics_files(request: SampleRequest, symbol: str, days: Bars) -> Iterator[RawFile]:
    """Daily archives of metrics: of the simulated days, and of so many before as features look back on."""
    last = days[max(request.warmup_days - METRICS_DAYS, 0) :]
    unit = 10 ** instrument_of(symbol).price_decimals
    for opened, close in zip(last.open_us.tolist(), last.close.tolist(), strict=True):
        day = day_of(opened)
        rows = metrics_rows(request.seed, symbol, day, close / unit)
        yield text_archive("binance_metrics", symbol, request.market, day, [METRICS_HEADER, *rows])


def _months(days: Bars) -> list[Bars]:
    opens = [day_of(us) for us in days.open_us.tolist()]
    lengths = [len(list(group)) for _, group in groupby(opens, key=lambda d: (d.year, d.month))]
    ends = [sum(lengths[: i + 1]) for i in range(len(lengths))]
    return [days[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def _check(request: SampleRequest) -> None:
    check_codes(request.defects, request.feeds)
    if request.market not in MARKETS:
        raise ParameterError(f"market: got {request.market!r}, wanted one of {', '.join(MARKETS)}")
    _check_symbols(request.symbols, request.market)
    for name, low, high in (
        ("days", 1, 10_000),
        ("warmup_days", 0, 10_000),
        ("trades_per_day", 2, TRADES_MAX),
    ):
        value = getattr(request, name)
        if not low <= value <= high:
            raise ParameterError(f"{name}: got {value}, wanted {low} to {high}")
    start = request.first - dt.timedelta(days=request.warmup_days)
    if start < FIRST_DAY or request.dates[-1] > LAST_DAY:
        raise ParameterError(
            f"dates: got {start} to {request.dates[-1]} with the warm-up, "
            f"wanted {FIRST_DAY} to {LAST_DAY}; choose another first day"
        )


def _check_symbols(symbols: tuple[str, ...], market: str) -> None:
    if not symbols or len(set(symbols)) < len(symbols):
        raise ParameterError(f"symbols: got {', '.join(symbols) or 'none'}, wanted different names")
    for symbol in symbols:
        asked.symbol(symbol, "symbols")
        if bool(instrument_of(symbol).contract_usd) != (market == "futures_cm"):
            raise ParameterError(
                f"symbols: got {symbol} of {market}; wanted a name such as BTCUSD_PERP of futures_cm, and any"
                " other of spot and futures_um"
            )
