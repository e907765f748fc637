"""Binance Vision `metrics` archives of USD-M futures: open interest and positions every five minutes.

    create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,
        sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio
    2025-01-02 00:05:00,BTCUSDT,81234.5,7.7e9,1.92,1.21,1.87,0.94

Archives before 2026-06-25 label a row with the end of its five minutes, 00:05 to 00:00 of the next day; from
that day on with their start, 00:00 to 23:55 (binance/binance-public-data issue 491, defect B22). Here a row
has the start of its period and is known at its end. Belongs here: this form alone.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from functools import partial

import pyarrow as pa

from pipeline.clock import MINUTE_US, parse_instant
from pipeline.errors import SourceError
from pipeline.sources.csv_fields import decimal
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.timed_rows import Values, first_fields, parsed

COLUMNS = (
    *("open_interest", "open_interest_value", "toptrader_accounts_ratio"),
    *("toptrader_positions_ratio", "accounts_ratio", "taker_volume_ratio"),
)
HEADER = (
    *(b"create_time", b"symbol", b"sum_open_interest", b"sum_open_interest_value"),
    *(b"count_toptrader_long_short_ratio", b"sum_toptrader_long_short_ratio"),
    *(b"count_long_short_ratio", b"sum_taker_long_short_vol_ratio"),
)

PERIOD_US = 5 * MINUTE_US
START_LABELS_FROM = dt.date(2026, 6, 25)
"""The first archive whose labels are the starts of the periods."""

_STAMP = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


class BinanceMetrics:
    """The adapter."""

    name = "binance_metrics"
    sources = ("binance_metrics",)

    def claims(self, name: str, head: bytes) -> bool:
        """By a first line of eight columns that is the header, or begins with a date and time."""
        fields = first_fields(head)
        return len(fields) == len(HEADER) and (
            fields[0] == HEADER[0] or _STAMP.fullmatch(fields[0]) is not None
        )

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The periods of the day, by their starts in `[00:00, 24:00)`.

        Raises:
            SourceError: not of USD-M futures; COIN-M counts contracts there.
        """
        if feed.market != "futures_um":
            raise SourceError(
                f"{text.name}: metrics of {feed.market}; wanted those of futures_um, whose open"
                " interest is in base currency; take the file away",
                code="B26",
            )
        at_start = feed.day >= START_LABELS_FROM
        found = parsed(text, feed, HEADER, COLUMNS, partial(_period, feed.vendor_symbol, at_start))
        found.notes["label"] = "start of the period" if at_start else "end of the period"
        # The other label shows as exactly one row too many at one end of the day.
        found.defects["B22"] += sum(reject.code == "C10" for reject in found.rejects)
        found.defects = +found.defects
        opens = found.rows["period_open"].cast(pa.int64()).to_numpy()
        closes = pa.array(opens + PERIOD_US).cast(pa.timestamp("us", tz="UTC"))
        found.rows = found.rows.add_column(1, "period_close", closes)
        return found


def _period(symbol: str, at_start: bool, fields: list[bytes]) -> tuple[int, Values]:
    if len(fields) != len(HEADER):
        raise ValueError(f"{len(fields)} columns; wanted {len(HEADER)}")
    if not _STAMP.fullmatch(fields[0]):
        raise ValueError(f"create_time {fields[0][:40]!r} is not as 2025-01-02 00:05:00")
    if fields[1] != symbol.encode():
        raise ValueError(f"symbol {fields[1][:40]!r}; wanted {symbol}")
    label, _ = parse_instant(fields[0].decode().replace(" ", "T"))
    if label % PERIOD_US:
        raise ValueError(f"create_time {fields[0].decode()} is off the grid of five minutes")
    values = tuple(_number(text, name) for text, name in zip(fields[2:], COLUMNS, strict=True))
    return label if at_start else label - PERIOD_US, values


def _number(text: bytes, name: str) -> float | None:
    """A quantity or ratio, 0 or more; None where the exchange left it out."""
    if text in (b"", b'""'):
        return None
    value = decimal(text, name)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} {value}; wanted finite, 0 or more")
    return value
