"""Binance Vision `fundingRate` archives: a row for each settlement of a perpetual's funding.

    calc_time,funding_interval_hours,last_funding_rate
    1735689600000,8,0.00010000

`calc_time` is the instant of the settlement, some milliseconds late now and then; the rate is what long
positions paid short ones then, as a fraction of their value. Belongs here: this form alone.
"""

from __future__ import annotations

import math

from pipeline.sources.csv_fields import decimal, whole
from pipeline.sources.kline_rows import market_us
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.timed_rows import Values, first_fields, parsed

HEADER = (b"calc_time", b"funding_interval_hours", b"last_funding_rate")
COLUMNS = ("interval_hours", "rate")

_HOURS_MAX = 24


class BinanceFunding:
    """The adapter."""

    name = "binance_funding"
    sources = ("binance_funding",)

    def claims(self, name: str, head: bytes) -> bool:
        """By a first line of three columns that is the header, or has an epoch number and whole hours."""
        fields = first_fields(head)
        return tuple(fields) == HEADER or (
            len(fields) == len(HEADER)
            and len(fields[0]) >= 10
            and all(map(bytes.isdigit, fields[:2]))
        )

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The settlements of the day `[00:00, 24:00)`."""
        return parsed(text, feed, HEADER, COLUMNS, _settlement)


def _settlement(fields: list[bytes]) -> tuple[int, Values]:
    if len(fields) != len(HEADER):
        raise ValueError(f"{len(fields)} columns; wanted {len(HEADER)}")
    at = market_us(whole(fields[0], "calc_time"))
    hours = whole(fields[1], "funding_interval_hours")
    rate = decimal(fields[2], "last_funding_rate")
    if not 1 <= hours <= _HOURS_MAX:
        raise ValueError(f"funding_interval_hours {hours}; wanted 1 to {_HOURS_MAX}")
    if not (math.isfinite(rate) and abs(rate) < 1):
        raise ValueError(f"last_funding_rate {rate}; wanted a fraction between -1 and 1")
    return at, (float(hours), rate)
