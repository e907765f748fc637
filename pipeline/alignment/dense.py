"""A feed's minutes as arrays, one place a minute, so that two feeds can be laid over each other.

Belongs here: tables -> minute arrays, ranks, the decimal tick. Does not belong here: comparing two
feeds (`scan.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats, Ints
from pipeline.tables.exact import step, usual_places

SCAN_MINUTES = 15 * 60
"""Lags are looked for within +-15 h: no zone is farther from UTC, with a minute to spare."""

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """Traded minutes of a feed on a contiguous minute axis; NaN where there is none.

    `returns` and `volumes` are twice the centred ranks of close and volume over their own previous
    traded minute's (a ratio ranks as its logarithm does), 0 where `changes` is false. Ranks are whole
    numbers, so every correlation of them is exact on every machine.
    """

    prices: Floats  # (4, minutes): open, high, low, close
    volume: Floats
    present: Bools
    changes: Bools
    returns: Ints
    volumes: Ints

    def between(self, first: int, end: int) -> Dense:
        """The part `[first, end)` of the axis."""
        return Dense(
            prices=self.prices[:, first:end],
            volume=self.volume[first:end],
            present=self.present[first:end],
            changes=self.changes[first:end],
            returns=self.returns[first:end],
            volumes=self.volumes[first:end],
        )


def dense_klines(klines: pa.Table, opened_us: int) -> Dense:
    """The exchange's traded minutes on the day's 1440 places."""
    return _dense(klines, opened_us, MINUTES_PER_DAY)


def dense_vendor(rows: pa.Table, opened_us: int) -> Dense:
    """The vendor's minutes on the day's places and `SCAN_MINUTES` more on either side.

    A bar without a positive price and volume tells of no trade and is left out.
    """
    return _dense(rows, opened_us - SCAN_MINUTES * MINUTE_US, MINUTES_PER_DAY + 2 * SCAN_MINUTES)


def price_places(*feeds: Dense) -> int:
    """Decimal places that nearly all prices need: 10^-places is a tick, or a part of one."""
    return usual_places(*(feed.prices for feed in feeds))


def tick_size(feed: Dense) -> float | None:
    """The largest step that nearly all prices are multiples of; None without a price."""
    return step(feed.prices)


def _dense(rows: pa.Table, first_us: int, minutes: int) -> Dense:
    at = (arrays.ints(rows["minute_open"]) - first_us) // MINUTE_US
    inside = (at >= 0) & (at < minutes)
    values = np.full((5, minutes), np.nan)
    for number, name in enumerate((*PRICES, "volume")):
        values[number, at[inside]] = arrays.floats(rows[name])[inside]
    values[:, ~np.all(values > 0, axis=0)] = np.nan
    present: Bools = np.isfinite(values[4])
    places = np.flatnonzero(present)
    changes = np.zeros(minutes, dtype=bool)
    changes[places[1:]] = True
    return Dense(
        prices=values[:4],
        volume=values[4],
        present=present,
        changes=changes,
        returns=_ranks_of_change(values[3], places),
        volumes=_ranks_of_change(values[4], places),
    )


def _ranks_of_change(values: Floats, places: Ints) -> Ints:
    """Twice the centred mean rank of each value over its predecessor, at the value's place."""
    ranks = np.zeros(len(values), dtype=np.int64)
    if len(places) > 1:
        ratio = values[places[1:]] / values[places[:-1]]
        _, inverse, counts = np.unique(ratio, return_inverse=True, return_counts=True)
        below = np.cumsum(counts) - counts
        ranks[places[1:]] = (2 * below + counts + 1 - (len(ratio) + 1))[inverse]
    return ranks
