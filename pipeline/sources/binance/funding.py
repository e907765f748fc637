"""A perpetual's funding, a row for each settlement: Binance Vision's `fundingRate` archives and answers of
`/fapi/v1/fundingRate`, in CSV or JSON.

    calc_time,funding_interval_hours,last_funding_rate       symbol,fundingTime,fundingRate,markPrice
    1735689600000,8,0.00010000                               BTCUSDT,1735689600000,0.00010000,93425.1

The time is the instant of the settlement, some milliseconds off now and then; the rate is what long
positions paid short ones then, as a fraction of their value. Belongs here: what these fields mean.
"""

from __future__ import annotations

import math

from pipeline.sources.binance import timed_columns
from pipeline.sources.binance.timed_columns import Fields, Form, Values, instant
from pipeline.sources.binance.timed_rows import parsed
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.text.csv_fields import decimal

_HOURS_MAX = 24


class BinanceFunding:
    """The adapter."""

    name = "binance_funding"
    sources = ("binance_funding",)

    def claims(self, name: str, head: bytes) -> bool:
        """By the names of a time and a rate of funding, or a first line of time, hours and rate."""
        return timed_columns.claims(head, FORM)

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The settlements of the day `[00:00, 24:00)`, by the nearest hour.

        Raises:
            SourceError: its header names another table, or all its rows are of other symbols.
        """
        return parsed(text, feed, FORM)


def _settlement(fields: Fields) -> tuple[int, Values]:
    """The instant; the interval in hours, None where the file has none; the rate."""
    at = instant(fields["time"], "calc_time")
    rate = decimal(fields["rate"], "last_funding_rate")
    if not (math.isfinite(rate) and abs(rate) < 1):
        raise ValueError(f"last_funding_rate {rate}; wanted a fraction between -1 and 1")
    if "hours" not in fields:
        return at, (None, rate)
    hours = decimal(fields["hours"], "funding_interval_hours")
    if not (1 <= hours <= _HOURS_MAX and hours.is_integer()):
        raise ValueError(f"funding_interval_hours {hours:g}; wanted whole hours, 1 to {_HOURS_MAX}")
    return at, (hours, rate)


FORM = Form(
    names={
        "time": ("calctime", "fundingtime", "timestamp", "time"),
        "hours": ("fundingintervalhours", "intervalhours"),
        "rate": ("lastfundingrate", "fundingrate"),
        "symbol": ("symbol",),
    },
    nameless=("time", "hours", "rate"),
    needed=("time", "rate"),
    said="calc_time and last_funding_rate",
    columns=("interval_hours", "rate"),
    parse=_settlement,
)
