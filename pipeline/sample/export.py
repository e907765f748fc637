"""One symbol-day on its way to disk: what each vendor wrote of it, and the files that makes.

Belongs here: the value that defects change, and filing records under the names of the raw layout.
Does not belong here: how a record looks (`writers.py`), which days there are (`generate.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pipeline.model.feeds import ATAS_FEEDS, FEEDS
from pipeline.sample.bars import Bars
from pipeline.sample.instrument import Instrument
from pipeline.sample.minutes import minute_bars
from pipeline.sample.tape import Tape
from pipeline.sample.trade_archives import AGGREGATES, TRADES, aggregate_rows, trade_rows
from pipeline.sample.trade_archives import header as trade_header
from pipeline.sample.writers import (
    KLINE_HEADER,
    Record,
    bar_records,
    checksum,
    csv_text,
    jsonl,
    kline_rows,
    simplified_records,
    tick_records,
    zipped,
)

Edit = Callable[[str, bytes], bytes]
"""(name below the raw folder, bytes as the vendor would write them) -> bytes that are written."""

_MARKS = {
    "binance_1m": "{date}.zip",
    "binance_1d": "{month}.zip",
    "binance_funding": "{month}.zip",
    "binance_metrics": "{date}.zip",
    TRADES: "{date}.zip",
    AGGREGATES: "{date}.zip",
    "atas_bars": ".jsonl",
    "atas_v6_3": ".jsonl",
    "atas_ticks": "*/ticks.jsonl",
}
_NAMES = {feed: next(p for p in FEEDS[feed].patterns if mark in p) for feed, mark in _MARKS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """A file to be written: its name below the raw folder, feed, the date it is filed under, data rows."""

    name: str
    what: str
    day: dt.date
    data: bytes
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayExport:
    """What the vendors wrote of one symbol-day.

    `tape` is the exchange's truth and `recorded` what ATAS saw of it; `klines` are text rows of the
    archive and `header` says whether it has a header line, `trades` and `aggregates` are the rows of the
    archives of trades, `monthly` those of them that are named as a month's; `edits` change finished files,
    in order.
    """

    market: str
    tape: Tape
    recorded: Tape
    feeds: frozenset[str]
    bars: tuple[Record, ...] = ()
    simplified: tuple[Record, ...] = ()
    ticks: tuple[Record, ...] = ()
    klines: tuple[list[str], ...] = ()
    header: bool = False
    trades: tuple[list[str], ...] = ()
    aggregates: tuple[list[str], ...] = ()
    monthly: frozenset[str] = frozenset()
    edits: tuple[Edit, ...] = ()

    @property
    def atas_folder(self) -> str:
        """What the names of the day's own ATAS files hold."""
        return f"date={self.tape.day.isoformat()}/"


def exported(tape: Tape, market: str, feeds: frozenset[str]) -> DayExport:
    """The flawless exports of a tape: ATAS recorded exactly what the exchange traded."""
    klines = kline_rows(minute_bars(tape), tape.instrument, market)
    export = DayExport(
        market=market,
        tape=tape,
        recorded=tape,
        feeds=feeds,
        klines=tuple(klines),
        header=market != "spot",
        trades=tuple(trade_rows(tape, market)) if TRADES in feeds else (),
        aggregates=tuple(aggregate_rows(tape, market)) if AGGREGATES in feeds else (),
    )
    return recorded_from(export, tape)


def recorded_from(export: DayExport, tape: Tape) -> DayExport:
    """The same day, had ATAS seen this tape."""
    wanted = export.feeds
    return replace(
        export,
        recorded=tape,
        bars=tuple(bar_records(tape)) if "atas_bars" in wanted else (),
        simplified=tuple(simplified_records(tape)) if "atas_v6_3" in wanted else (),
        ticks=tuple(tick_records(tape, export.market)) if "atas_ticks" in wanted else (),
    )


def raw_files(export: DayExport) -> list[RawFile]:
    """The day's files, edits applied: archives with their checksums, then ATAS, filed by their stamps."""
    archives = [file for archive in _archives(export) for file in (archive, _checksum(archive))]
    files = [*archives, *_atas_files(export)]
    return [_edited(file, export.edits) for file in files]


def month_files(days: Bars, instrument: Instrument, market: str) -> list[RawFile]:
    """Monthly archives of daily bars; all days must lie in one month."""
    rows = kline_rows(days, instrument, market)
    first = dt.date.fromordinal(days.open_us[0] // days.width_us + dt.date(1970, 1, 1).toordinal())
    month = first.replace(day=1)
    content = csv_text(rows, KLINE_HEADER if market != "spot" else "")
    written = (month + dt.timedelta(days=31)).replace(day=2)
    name = _name("binance_1d", instrument.symbol, market, month)
    archive = RawFile(
        name=name,
        what="binance_1d",
        day=month,
        data=zipped(_inside(name), content, written),
        rows=len(rows),
    )
    return [archive, _checksum(archive)]


def text_archive(feed: str, symbol: str, market: str, day: dt.date, lines: list[str]) -> RawFile:
    """An archive of lines of which the first is the header; `day` names it."""
    name = _name(feed, symbol, market, day)
    content = "".join(f"{line}\n" for line in lines).encode()
    written = (day.replace(day=1) + dt.timedelta(days=31)).replace(day=2)
    data = zipped(_inside(name), content, written)
    return RawFile(name=name, what=feed, day=day, data=data, rows=len(lines) - 1)


def _name(feed: str, symbol: str, market: str, day: dt.date) -> str:
    text = day.isoformat()
    return _NAMES[feed].format(
        market=market, symbol=symbol, date=text, month=text[:7], yyyymmdd=text.replace("-", "")
    )


def _inside(name: str) -> str:
    """The name of the one file in an archive."""
    return name.rpartition("/")[2].removesuffix(".zip") + ".csv"


def _archives(export: DayExport) -> Iterator[RawFile]:
    """The klines, and the trades where they are wanted."""
    yield _archive(export, "binance_1m", export.klines, KLINE_HEADER if export.header else "")
    for feed, rows in ((TRADES, export.trades), (AGGREGATES, export.aggregates)):
        if feed in export.feeds:
            yield _archive(export, feed, rows, trade_header(feed, export.market))


def _archive(export: DayExport, feed: str, rows: tuple[list[str], ...], header: str) -> RawFile:
    day, symbol = export.tape.day, export.tape.instrument.symbol
    name = _name(feed, symbol, export.market, day)
    if feed in export.monthly:
        name = name.replace(f"{day}", f"{day:%Y-%m}")
    data = zipped(_inside(name), csv_text(rows, header), day + dt.timedelta(days=1))
    return RawFile(name=name, what=feed, day=day, data=data, rows=len(rows))


def _checksum(archive: RawFile) -> RawFile:
    short = archive.name.rpartition("/")[2]
    return replace(
        archive,
        name=archive.name + ".CHECKSUM",
        what="checksum",
        data=checksum(short, archive.data),
        rows=1,
    )


def _atas_files(export: DayExport) -> list[RawFile]:
    symbol = export.tape.instrument.symbol
    files = []
    feeds = (export.bars, export.simplified, export.ticks)
    for feed, records in zip(ATAS_FEEDS, feeds, strict=True):
        for (date, hour), group in _filed(feed, records).items():
            day = dt.date.fromisoformat(date)
            name = _name(feed, symbol, export.market, day).replace("*", hour)
            files.append(RawFile(name=name, what=feed, day=day, data=jsonl(group), rows=len(group)))
    return files


def _filed(feed: str, records: tuple[Record, ...]) -> dict[tuple[str, str], list[Record]]:
    """Records by the date, and for ticks the hour, of their own stamp, whatever that stamp is worth."""
    hourly = feed == "atas_ticks"
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        stamp = record["ts"] if hourly else record["timestamp_utc"]
        groups.setdefault((stamp[:10], stamp[11:13] if hourly else ""), []).append(record)
    return groups


def _edited(file: RawFile, edits: tuple[Edit, ...]) -> RawFile:
    data = file.data
    for edit in edits:
        data = edit(file.name, data)
    return replace(file, data=data)
