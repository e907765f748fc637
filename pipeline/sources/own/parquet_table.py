"""Klines that a user keeps as Parquet: columns by name, one row a kline, the time in a column or the index.

Numbers of the table, not of a text: a row's number is its line, and its raw text its values as CSV. The
file is parsed in a process of its own (`parquet_child.py`).
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from pipeline.clock import SECOND_US
from pipeline.errors import SourceError
from pipeline.sources.klines.column_names import Columns, columns_of, wanted_columns
from pipeline.sources.klines.rows import KlineFile, too_many
from pipeline.sources.own import parquet_child
from pipeline.sources.own.rows import Table, read_table
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.text.lines import Block

_MAGIC = b"PAR1"
_WALL_SECONDS = 30
"""What the child may take beside its processor time, on a busy machine."""


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
            SourceError: as `rows_of`.
        """
        file = KlineFile(feed, text, live=True)
        columns, values = rows_of(text, feed.vendor_symbol)
        block = _as_lines(values)
        table = Table(
            name=text.name,
            columns=columns,
            places=[(block, place) for place in range(len(values))],
            read=lambda _, place: values[place],
        )
        return read_table(table, file, {"encoding": "parquet"})


def rows_as_lines(text: RawText) -> Block:
    """The file's rows as the lines that rejects quote.

    Raises:
        SourceError: not Parquet, or beyond the limits.
    """
    return _as_lines(_values(_table(text)))


def rows_of(text: RawText, pair: str = "") -> tuple[Columns, list[tuple[Any, ...]]]:
    """The columns and the rows of a file; `pair` as in `columns_of`.

    Raises:
        SourceError: not Parquet, without the columns of a kline, or beyond the limits.
    """
    found = _table(text)
    columns = columns_of(found.column_names, pair)
    if columns is None:
        raise SourceError(f"{text.name}: {wanted_columns(found.column_names, pair)}", code="B02")
    return columns, _values(found)


def _values(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(_plain(table[name]) for name in table.column_names), strict=True))


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Its values as Python has them: instants cut to microseconds, float32 by its shortest decimals."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        per = {"s": SECOND_US, "ms": 1_000, "us": 1}.get(kind.unit, 0)
        ticks = column.cast(pa.int64()).to_pylist()
        return [None if n is None else _moment(n * per or n // 1_000, kind.tz) for n in ticks]
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        column = column.cast(pa.float32()).cast(pa.string()).cast(pa.float64())
    elif pa.types.is_time(kind):
        column = column.cast(pa.time64("us"), safe=False)
    elif pa.types.is_duration(kind):
        column = column.cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values


def _moment(us: int, zone: str | None) -> dt.datetime | None:
    """The instant, in UTC where the column has a zone; None of one that no calendar has."""
    try:
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=us)  # noqa: DTZ001 - as the file says
    except OverflowError:
        return None
    return moment.replace(tzinfo=dt.UTC) if zone else moment


def _table(text: RawText) -> pa.Table:
    """The file, as its child process read it."""
    limits = text.limits
    command = [sys.executable, "-I", parquet_child.__file__]
    bounds = (limits.parquet_memory_bytes, limits.parquet_seconds, limits.kline_rows)
    command += map(str, bounds)
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
    if done.returncode == parquet_child.TOO_LONG:
        raise too_many(text.name, limits, "kline_rows")
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
