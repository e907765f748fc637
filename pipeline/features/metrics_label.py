"""Whether the stamps of a metrics archive are the start or the end of their five minutes.

The archive's taker ratio is what takers bought by what they sold in the five minutes; the exchange's own
minutes say it too, of the five minutes after a stamp and of those before it. Belongs here: holding the two
against each other, and when a row is known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.tables import arrays
from pipeline.tables.arrays import Floats, Ints

MINUTES = 5
PERIOD_US = MINUTES * MINUTE_US
PERIODS = MINUTES_PER_DAY // MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """`edge` is `start` or `end`, `by` the words of how it was found."""

    edge: str
    by: str

    def opens(self, stamps: Ints) -> Ints:
        """The starts of the periods that are stamped so, in us."""
        return stamps if self.edge == "start" else stamps - PERIOD_US


def label_by_minutes(
    day: dt.date, metrics: pa.Table, minutes: pa.Table | None, limits: Mapping[str, float]
) -> Label | None:
    """The label by which the file's taker ratios are those of the day's klines.

    Args:
        day: The UTC day.
        metrics: `clean_metrics` of the day, of one file.
        minutes: `clean_klines` of the day, may be None.
        limits: `CONTROL.metrics`.

    Returns:
        The label, or None where too few periods can be compared, where neither is near enough, or where the
        two are about as near. Compared are stamps with all five minutes before and after them, each with
        trades of both sides; the distance is the median of |ln(file / klines)|.
    """
    if minutes is None:
        return None
    told = np.concatenate(([np.nan], _logs(day, minutes), [np.nan]))
    place = (arrays.ints(metrics["stamp"]) - day_open_us(day)) // PERIOD_US
    said = _log(arrays.floats(metrics["taker_volume_ratio"]))
    apart = {"start": np.abs(said - told[place + 1]), "end": np.abs(said - told[place])}
    both = np.isfinite(apart["start"]) & np.isfinite(apart["end"])
    if both.sum() < limits["periods_min"]:
        return None
    median = {edge: float(np.median(values[both])) for edge, values in apart.items()}
    edge, other = sorted(median, key=lambda edge: median[edge])
    near = median[edge] <= limits["distance_max"]
    if not near or median[edge] >= limits["lead_max"] * median[other]:
        return None
    words = f"off by {median[edge]:.3g}, as {other} by {median[other]:.3g}"
    return Label(edge=edge, by=f"taker ratio of {both.sum()} periods: {words}")


def _logs(day: dt.date, minutes: pa.Table) -> Floats:
    """ln(bought / sold) by takers in each of the day's 288 periods, NaN where it is not known."""
    places = (arrays.ints(minutes["minute_open"]) - day_open_us(day)) // MINUTE_US
    sums = {}
    for name in ("volume", "taker_buy_volume"):
        grid = np.full(MINUTES_PER_DAY, np.nan)
        grid[places] = arrays.floats(minutes[name])
        sums[name] = grid.reshape(PERIODS, MINUTES).sum(axis=1)
    bought = sums["taker_buy_volume"]
    return _log(bought) - _log(sums["volume"] - bought)


def _log(values: Floats) -> Floats:
    """ln, NaN where there is none."""
    return np.log(np.where(values > 0, values, np.nan))
