"""What the rows of a file of klines tell of themselves: how far apart, from when to when, of which market.

Belongs here: a look at rows, before a file has a place. Reading them for a day is their adapter's.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from pipeline.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, day_of, epoch_unit, epoch_us
from pipeline.sources.own import parquet_table
from pipeline.sources.own.csv_table import Header, find_header
from pipeline.sources.own.json_table import find_form
from pipeline.sources.own.rows import Values, instants
from pipeline.sources.rawfile import RawFile
from pipeline.sources.text.jsonl import JsonLines

SHAPED = (
    *("binance_klines", "binance_rest"),
    *("binance_fetcher", "binance_json", "binance_parquet"),
)
"""The adapters whose files are klines."""

_UNITS = {"s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US, "w": 7 * DAY_US}
_SAMPLE = 2_000
_MICROSECONDS_FROM = dt.date(2025, 1, 1)
"""From this day on the archive of spot counts microseconds; those of futures have a header by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peek:
    """What the rows tell.

    Args:
        interval: As the exchange writes it (`15m`), or in words; None of fewer than two rows.
        first: The day of the first stamp.
        last: The day of the last stamp; one at 00:00 alone is the day's before.
        hours: From the first to the last stamp.
        kind: `klines`, or what the numbers are instead.
        market: `spot` or `futures` where an archive's form tells it.
    """

    interval: str | None
    first: dt.date
    last: dt.date
    hours: float
    kind: str
    market: str | None


@dataclass(slots=True)
class _Rows:
    """Stamps in us, and the rows of the twelve columns of an archive as far as they were looked at."""

    stamps: list[int]
    archive: list[list[bytes]]
    header: bool = False
    unit: str = ""


def peek(raw: RawFile, adapter: str) -> Peek | None:
    """A look at a file that one of the adapters in `SHAPED` claims; None without a row that has a time.

    Raises:
        SourceError: the file cannot be read.
    """
    if adapter == "binance_parquet":
        columns, values = parquet_table.rows_of(raw)
        rows = _Rows(stamps=instants(values, columns), archive=[])
    elif adapter in ("binance_fetcher", "binance_json"):
        rows = _Rows(stamps=_stamps_by_name(raw, adapter), archive=[])
    else:
        rows = _read_archive(raw)
    if not rows.stamps:
        return None
    gaps = Counter(abs(b - a) for a, b in pairwise(rows.stamps[:_SAMPLE]) if a != b)
    step = gaps.most_common(1)[0][0] if gaps else 0
    first, last = min(rows.stamps), max(rows.stamps)
    return Peek(
        interval=_interval(step) if step else None,
        first=day_of(first),
        last=day_of(max(first, last - min(step, DAY_US))) if step < DAY_US else day_of(last),
        hours=(last - first) / HOUR_US,
        kind=_kind(rows.archive),
        market=_market(rows, day_of(first)),
    )


def _looked_at(raw: RawFile) -> Iterator[bytes]:
    """The first block's lines; then, of a file that is in order, one line and the last ones of each block."""
    is_first = True
    for block in JsonLines(raw, object).blocks():
        lines = [line for line in block.lines if line.strip()]
        yield from lines if is_first else [*lines[:1], *lines[-_SAMPLE:]]
        is_first = False


def _read_archive(raw: RawFile) -> _Rows:
    rows = _Rows(stamps=[], archive=[])
    for line in _looked_at(raw):
        stamp = _stamp_of_archive(line, rows)
        if stamp is not None:
            rows.stamps.append(stamp)
    return rows


def _stamps_by_name(raw: RawFile, adapter: str) -> list[int]:
    lines = list(_looked_at(raw))
    values: list[Values] = []
    found = find_header(lines) if adapter == "binance_fetcher" else find_form(lines)
    if found is None:
        return []
    for line in lines:
        with suppress(ValueError):
            values.append(found.fields(line) if isinstance(found, Header) else found.values(line))
    return instants(values, found.columns)


def _stamp_of_archive(line: bytes, rows: _Rows) -> int | None:
    fields = [field.strip(b' "[]\r\n') for field in line.split(b",")]
    if not fields[0].isdigit():
        rows.header = rows.header or not rows.stamps
        return None
    try:
        stamp = epoch_us(int(fields[0]))
        day_of(stamp)
    except (ValueError, OverflowError):
        return None
    rows.unit = rows.unit or epoch_unit(int(fields[0]))
    if len(rows.archive) < _SAMPLE:
        rows.archive.append(fields)
    return stamp


def _interval(step: int) -> str:
    if 28 * DAY_US <= step <= 31 * DAY_US:
        return "1mo"
    unit, size = next(((u, s) for u, s in reversed(_UNITS.items()) if step % s == 0), ("us", 1))
    return f"{step // size}{unit}"


def _kind(rows: list[list[bytes]]) -> str:
    """By volumes and signs: the premium is a small number around 0, a mark price is never traded."""
    numbers = list(_numbers(rows))
    if not numbers:
        return "klines"
    if any(price < 0 for prices, _, _ in numbers for price in prices):
        return "premiumIndexKlines"
    if all(volume == 0 for _, volume, _ in numbers) and any(trades for _, _, trades in numbers):
        return "markPriceKlines or indexPriceKlines"
    return "klines"


def _numbers(rows: list[list[bytes]]) -> Iterator[tuple[list[float], float, float]]:
    for fields in rows:
        try:
            yield [float(text) for text in fields[1:5]], float(fields[5]), float(fields[8])
        except (ValueError, IndexError):
            continue


def _market(rows: _Rows, first: dt.date) -> str | None:
    if not rows.archive or first < _MICROSECONDS_FROM:
        return None
    if rows.unit == "us" and not rows.header:
        return "spot"
    return "futures" if rows.header and rows.unit == "ms" else None
