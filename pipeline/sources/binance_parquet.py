"""Klines that a user keeps as Parquet: columns by name, one row a kline, the time in a column or the index.

Numbers of the table, not of a text: a row's number is its line, and its raw text its values as CSV. The
file is parsed in a process of its own (`parquet_child.py`).
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.errors import SourceError
from pipeline.sources import parquet_child
from pipeline.sources.kline_rows import STEPS, Kline, KlineFile, is_of_many_days
from pipeline.sources.lines import Block
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.user_columns import Columns, columns_of, edge_of, instant_of, opened_at

_MAGIC = b"PAR1"
_WALL_SECONDS = 30
"""What the child may take beside its processor time, on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The table as lines, what its columns are, and each row's instant and how it was written."""

    block: Block
    columns: Columns
    values: list[tuple[Any, ...]]
    stamps: list[tuple[int, str] | str]


class BinanceParquet:
    """The adapter."""

    name = "binance_parquet"
    sources = ("binance_1m", "binance_1d")

    def claims(self, name: str, head: bytes) -> bool:
        """By the format's magic bytes."""
        return head.startswith(_MAGIC) and head[len(_MAGIC) :][:1] not in (b"\r", b"\n")

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The day's rows; see `KlineFile` for what becomes of the others.

        Raises:
            SourceError: not Parquet, without the columns of a kline, or beyond the limits.
        """
        file = KlineFile(feed, is_of_many_days(feed, text.name), live=True)
        rows = _rows(text)
        step = STEPS[feed.source]
        known = (stamp[0] for stamp in rows.stamps if not isinstance(stamp, str))
        edge, why = edge_of(rows.columns, known, step)
        for place in range(len(rows.values)):
            _take(file, rows, place, edge)
        notes = {"encoding": "parquet", "time_from": rows.columns.time_name}
        return file.finish(notes | {"label": f"{edge}, {why}"}, 0)


def rows_as_lines(text: RawText) -> Block:
    """The file's rows as the lines that rejects quote.

    Raises:
        SourceError: not Parquet, or beyond the limits.
    """
    return _as_lines(_values(_table(text)))


def _rows(text: RawText) -> _Rows:
    table = _table(text)
    columns = columns_of(table.column_names)
    if columns is None:
        raise SourceError(
            f"{text.name}: columns {', '.join(table.column_names)[:200]}; wanted a time (open_time),"
            " open, high, low, close and volume; write it again",
            code="B02",
        )
    values = _values(table)
    return _Rows(
        block=_as_lines(values),
        columns=columns,
        values=values,
        stamps=[_stamp(row, columns) for row in values],
    )


def _values(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


def _table(text: RawText) -> pa.Table:
    """The file, as its child process read it."""
    limits = text.limits
    command = [sys.executable, "-I", parquet_child.__file__]
    command += [str(limits.parquet_memory_bytes), str(limits.parquet_seconds)]
    try:
        done = subprocess.run(
            command,
            input=_whole(text),
            capture_output=True,
            timeout=limits.parquet_seconds + _WALL_SECONDS,
            check=False,
            env={"PATH": os.defpath, "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        done = subprocess.CompletedProcess(command, -1, b"", b"")
    if done.returncode == 0:
        return pa.ipc.open_stream(done.stdout).read_all()
    reason = done.stderr.decode("utf-8", "replace")[:200]
    if done.returncode != parquet_child.REFUSED:
        reason = (
            f"its reader ended with {done.returncode} within {limits.parquet_seconds} s of processor"
            f" time and {limits.parquet_memory_bytes} bytes"
        )
    raise SourceError(f"{text.name}: not Parquet that can be read ({reason}); write it again")


def _whole(text: RawText) -> bytes:
    data = bytearray()
    for block in text.blocks():
        data += block
        if len(data) > text.limits.parquet_bytes:
            raise SourceError(
                f"{text.name}: larger than {text.limits.parquet_bytes} bytes (limits.parquet_bytes);"
                " no kline file is; remove it"
            )
    return bytes(data)


def _as_lines(values: Sequence[tuple[Any, ...]]) -> Block:
    """The rows as CSV lines, for rejects; they have no byte position of their own."""
    lines = [",".join(map(str, row)).replace("\n", " ").encode() for row in values]
    block = Block(body=b"\n".join(lines), number=1, offset=0)
    block.lines, block.offsets = lines, [0] * len(lines)
    return block


def _stamp(row: tuple[Any, ...], columns: Columns) -> tuple[int, str] | str:
    """Its instant and how it was written; or why it has none."""
    parts = [row[at] for at in columns.time]
    try:
        return instant_of(parts[0] if len(parts) == 1 else " ".join(map(str, parts)))
    except (ValueError, ArithmeticError) as error:
        return str(error)


def _take(file: KlineFile, rows: _Rows, place: int, edge: str) -> None:
    stamp, step = rows.stamps[place], STEPS[file.feed.source]
    opened = None if isinstance(stamp, str) else opened_at(stamp[0], edge, step)
    if file.is_others(opened):
        file.other_days += 1
        return
    file.read += 1
    try:
        if isinstance(stamp, str) or opened is None:
            raise ValueError(stamp)
        row = _kline(rows.values[place], rows.columns, opened)
    except (ValueError, TypeError, OverflowError) as error:
        file.set_aside(rows.block, place, "B26", str(error))
        return
    file.units[stamp[1]] += 1
    file.take(row, rows.block, place)


def _kline(row: tuple[Any, ...], columns: Columns, opened: int) -> Kline:
    given = {name: row[at] for name, at in columns.fields.items()}
    open_, high, low, close, volume = (
        _number(given[name], name) for name in ("open", "high", "low", "close", "volume")
    )
    quote, taker, trades = (
        None if given.get(name) is None else _number(given[name], name)
        for name in ("quote_volume", "taker_buy_volume", "trades")
    )
    return Kline(
        opened=opened,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        quote_volume=quote,
        trades=None if trades is None else int(trades),
        taker_buy_volume=taker,
    )


def _number(value: Any, what: str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{what} {value!r} is not a finite number")
    return number
