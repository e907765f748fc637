"""What holding a perpetual cost: the rates that were settled between long and short positions.

Null where the exchange's funding archive of the day is not given, as for every market but perpetuals.
"""

from __future__ import annotations

from pipeline.features import windows
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formula
from pipeline.tables.arrays import Floats

WEEK, QUARTER, YEAR = 7, 90, 365


@formula("fraction per settlement", "funding_last")
def funding_last(frame: Frame) -> Floats:
    """Rate of the last settlement of the last completed day; positive where long positions paid.

    A settlement at 00:00 is the day's that begins then. Null unless the day's settlements cover its 24 hours.
    Source: Binance fundingRate archive, last_funding_rate.
    """
    return frame["funding_last"]


@formula("fraction per year", "funding_sum", window=WEEK, nulls="window")
def funding_7d(frame: Frame) -> Floats:
    """365 x mean of the days' sums of settled rates over 7 days.

    A year's cost of a long position, not compounded.
    Source: Binance fundingRate archive; the annualisation is ours.
    """
    return YEAR * windows.mean(frame, frame["funding_sum"], WEEK)


@formula("standard deviations", "funding_sum", window=QUARTER, nulls="window")
def funding_z(frame: Frame) -> Floats:
    """(f - mean of f) / sample deviation of f over 90 days, f the day's sum of settled rates.

    The last day is part of its window; null where f stands still. Source: the definition is ours.
    """
    paid = frame["funding_sum"]
    distance = paid - windows.mean(frame, paid, QUARTER)
    return ratio(distance, windows.deviation(frame, paid, QUARTER))
