"""How much is open in a perpetual: contracts held at the end of each day, in base currency.

Null where the exchange's metrics archive of the day is not given, as for every market but USD-M futures.
"""

from __future__ import annotations

from pipeline.features import windows
from pipeline.features.arithmetic import previous, ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formula
from pipeline.tables.arrays import Floats

WEEK = 7


@formula("fraction", "open_interest", window=2)
def oi_chg_1d(frame: Frame) -> Floats:
    """Open interest at the end of the day / that of the day before - 1.

    Null where one of the two is. Source: Binance metrics archive, sum_open_interest, by the instant at which
    it was known.
    """
    return _change(frame, 1)


@formula("fraction", "open_interest", window=WEEK + 1)
def oi_chg_7d(frame: Frame) -> Floats:
    """Open interest at the end of the day / that of 7 days before - 1.

    As oi_chg_1d.
    """
    return _change(frame, WEEK)


def _change(frame: Frame, days: int) -> Floats:
    held = frame["open_interest"]
    return ratio(held, previous(held, days)) - 1


@formula("days", "open_interest", "volume", window=WEEK, nulls="window")
def oi_to_vol(frame: Frame) -> Floats:
    """Open interest / mean of the days' volume over 7 days.

    Days of trading that are held open. Source: the definition is ours.
    """
    return ratio(frame["open_interest"], windows.mean(frame, frame["volume"], WEEK))
