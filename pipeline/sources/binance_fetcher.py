"""The user's own kline files: CSV with named columns, in the forms that people's fetchers write.

The open time is the truth (`open_time_ms`, `open_time` or `minute_open`); a file without it has the close
label alone (`minute_close` or `timestamp`), and its minute is the one that ends there. Taker volume, count
and quote volume are null where the file has no such column.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.clock import epoch_unit, parse_instant
from pipeline.sources.csv_fields import decimal, whole
from pipeline.sources.kline_rows import STEPS, Kline, KlineFile, is_of_many_days, market_us
from pipeline.sources.lines import BOM, Block, Seen, read_lines
from pipeline.sources.protocol import Feed, Parsed, RawText

_OPENS = ("open_time_ms", "open_time", "minute_open")
_CLOSES = ("minute_close", "timestamp")
_NEEDED = ("open", "high", "low", "close", "volume")
_OPTIONAL = {
    "quote_volume": ("quote_volume", "quote_asset_volume"),
    "trades": ("trades", "count", "number_of_trades"),
    "taker_buy_volume": ("taker_buy_volume", "taker_buy_base_asset_volume"),
}
_DELIMITERS = (",", ";", "\t")
_LAST_MILLISECOND_US = 1_000
"""A close label may be the bar's last millisecond or microsecond instead of its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Which column is what."""

    delimiter: str
    columns: Mapping[str, int]
    time: str
    width: int

    def position(self, names: tuple[str, ...]) -> int | None:
        """The column that has one of the names."""
        return next((self.columns[name] for name in names if name in self.columns), None)


class BinanceFetcher:
    """The adapter."""

    name = "binance_fetcher"
    sources = ("binance_1m", "binance_1d")

    def claims(self, name: str, head: bytes) -> bool:
        """By a header with a time, four prices and a volume, other than the archives' own."""
        first = next((line for line in head.removeprefix(BOM).split(b"\n") if line.strip()), b"")
        return read_header(first) is not None and not first.startswith(b"open_time,open,")

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The day's rows; see `KlineFile` for what becomes of the others."""
        file = KlineFile(feed, is_of_many_days(feed, text.name))
        seen, blank = Seen(), 0
        header: Header | None = None
        for block in read_lines(text.name, text.blocks(), seen):
            for place, line in enumerate(block.lines):
                if not line.strip():
                    blank += 1
                elif header is not None:
                    _read_row(file, block, place, header)
                elif (header := read_header(line)) is None:
                    file.read += 1
                    file.set_aside(block, place, "B02", "no header that names the columns yet")
        notes = {
            "header": header is not None,
            "encoding": "utf-8-sig" if seen.bom else "utf-8",
            "time_from": header.time if header else None,
        }
        return file.finish(notes, blank)


def read_header(line: bytes) -> Header | None:
    """The header in a line, or None where it is none that we know."""
    text = line.decode("utf-8", "backslashreplace").strip()
    delimiter = max(_DELIMITERS, key=text.count)
    names = [name.strip().lower().replace(" ", "_") for name in _split(text, delimiter)]
    columns = {name: place for place, name in reversed(list(enumerate(names))) if name}
    time = next((name for name in (*_OPENS, *_CLOSES) if name in columns), None)
    if time is None or any(name not in columns for name in _NEEDED):
        return None
    return Header(delimiter=delimiter, columns=columns, time=time, width=len(names))


def _split(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return text.split(delimiter)
    return next(csv.reader([text], delimiter=delimiter), [])


def _read_row(file: KlineFile, block: Block, place: int, header: Header) -> None:
    opened: int | None = None
    row: Kline | str
    try:
        fields = _fields(block, place, header)
        opened, unit = _opened(fields, header, STEPS[file.feed.source])
        row = _kline(fields, opened, header)
    except (ValueError, csv.Error) as error:
        row = str(error)
    if file.is_others(opened):
        file.other_days += 1
        return
    file.read += 1
    if isinstance(row, str):
        file.set_aside(block, place, "B26", row)
        return
    file.units[unit] += 1
    file.take(row, block, place)


def _fields(block: Block, place: int, header: Header) -> list[str]:
    """The row's fields.

    A number in the last column of a last line without a line feed may have lost digits: not usable.
    """
    fields = _split(block.lines[place].decode("utf-8").strip("\r\n"), header.delimiter)
    if len(fields) != header.width:
        raise ValueError(f"{len(fields)} columns; wanted {header.width}")
    if block.torn and header.columns.get("volume") == header.width - 1:
        raise ValueError("its volume may have lost digits; add the line end")
    return fields


def _opened(fields: list[str], header: Header, step: int) -> tuple[int, str]:
    """(open time in us, its unit) by the most trusted time column."""
    text = fields[header.columns[header.time]].strip()
    if text.isascii() and text.isdigit():
        value = whole(text.encode(), header.time)
        instant, unit = market_us(value), epoch_unit(value)
    else:
        instant, unit = parse_instant(text)[0], "iso"
    if header.time in _OPENS:
        return instant, unit
    last = -instant % step
    return instant + (last if last <= _LAST_MILLISECOND_US else 0) - step, unit


def _kline(fields: list[str], opened: int, header: Header) -> Kline:
    open_, high, low, close, volume = (_number(fields, header, name) for name in _NEEDED)
    optional = {
        name: None if header.position(names) is None else _number(fields, header, *names)
        for name, names in _OPTIONAL.items()
    }
    trades = optional["trades"]
    if trades is not None and not trades.is_integer():
        raise ValueError(f"trades {trades} is not a whole number")
    return Kline(
        opened=opened,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        quote_volume=optional["quote_volume"],
        trades=None if trades is None else int(trades),
        taker_buy_volume=optional["taker_buy_volume"],
    )


def _number(fields: list[str], header: Header, *names: str) -> float:
    column = header.position(names)
    text = fields[column].strip() if column is not None else ""
    if header.delimiter == ";":  # then a comma is the decimal point
        text = text.replace(",", ".")
    return decimal(text.encode(), names[0])
