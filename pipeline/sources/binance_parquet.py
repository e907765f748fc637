"""Klines that a user keeps as Parquet: the archives' columns by name, one row a kline.

Numbers of the table, not of a text: a row's number is its line, and its raw text its values as CSV.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.clock import epoch_unit
from pipeline.errors import SourceError
from pipeline.sources.kline_rows import Kline, KlineFile, is_of_many_days, market_us
from pipeline.sources.lines import Block
from pipeline.sources.protocol import Feed, Parsed, RawText

MAX_BYTES = 256 << 20
"""A month of minutes is some MiB; a larger file is no kline archive."""

_MAGIC = b"PAR1"
_OPENS = ("open_time", "open_time_ms", "minute_open")
_NEEDED = ("open", "high", "low", "close", "volume")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class BinanceParquet:
    """The adapter."""

    name = "binance_parquet"
    sources = ("binance_1m", "binance_1d")

    def claims(self, name: str, head: bytes) -> bool:
        """By the format's magic bytes."""
        return head.startswith(_MAGIC)

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The day's rows; see `KlineFile` for what becomes of the others.

        Raises:
            SourceError: not Parquet, or without the columns of a kline.
        """
        columns = _columns(text)
        file = KlineFile(feed, is_of_many_days(feed, text.name))
        block = _as_lines(columns)
        for place in range(len(block.lines)):
            _read_row(file, block, place, {name: values[place] for name, values in columns.items()})
        return file.finish({"encoding": "parquet"}, 0)


def _columns(text: RawText) -> dict[str, Sequence[Any]]:
    try:
        table = pq.ParquetFile(pa.BufferReader(_whole(text))).read(use_threads=False)
        columns = {name.lower(): table[name].to_pylist() for name in table.column_names}
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise SourceError(
            f"{text.name}: not Parquet that can be read ({str(error)[:200]}); write it again"
        ) from error
    missing = [name for name in _NEEDED if name not in columns]
    if missing or not any(name in columns for name in _OPENS):
        raise SourceError(
            f"{text.name}: columns {', '.join(columns)[:200]}; wanted {', '.join(_NEEDED)} and one of"
            f" {', '.join(_OPENS)}; write it again",
            code="B02",
        )
    return columns


def _whole(text: RawText) -> bytes:
    data = bytearray()
    for block in text.blocks():
        data += block
        if len(data) > MAX_BYTES:
            raise SourceError(f"{text.name}: larger than {MAX_BYTES} bytes; no kline file is")
    return bytes(data)


def _as_lines(columns: dict[str, Sequence[Any]]) -> Block:
    """The rows as CSV lines, for rejects; they have no byte position of their own."""
    lines = [",".join(map(str, row)).encode() for row in zip(*columns.values(), strict=True)]
    block = Block(body=b"\n".join(lines), number=1, offset=0)
    block.lines, block.offsets = lines, [0] * len(lines)
    return block


def _read_row(file: KlineFile, block: Block, place: int, row: dict[str, Any]) -> None:
    opened: int | None = None
    kline: Kline | str
    try:
        opened, unit = _opened(next(row[name] for name in _OPENS if name in row))
        kline = _kline(row, opened)
    except (ValueError, TypeError, OverflowError) as error:
        kline = str(error)
    if file.is_others(opened):
        file.other_days += 1
        return
    file.read += 1
    if isinstance(kline, str):
        file.set_aside(block, place, "B26", kline)
        return
    file.units[unit] += 1
    file.take(kline, block, place)


def _opened(value: Any) -> tuple[int, str]:
    if isinstance(value, dt.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return (moment - _EPOCH) // dt.timedelta(microseconds=1), "timestamp"
    if isinstance(value, int) and not isinstance(value, bool):
        return market_us(value), epoch_unit(value)
    raise ValueError(f"open time {value!r} is neither a timestamp nor a whole number")


def _kline(row: dict[str, Any], opened: int) -> Kline:
    open_, high, low, close, volume = (_number(row[name], name) for name in _NEEDED)
    trades = row.get("count", row.get("trades"))
    return Kline(
        opened=opened,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        quote_volume=_optional(row, "quote_volume"),
        trades=None if trades is None else int(_number(trades, "count")),
        taker_buy_volume=_optional(row, "taker_buy_volume"),
    )


def _optional(row: dict[str, Any], name: str) -> float | None:
    return None if row.get(name) is None else _number(row[name], name)


def _number(value: Any, what: str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{what} {value!r} is not a finite number")
    return number
