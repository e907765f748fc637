"""Direction over months, from completed UTC days."""

from __future__ import annotations

import numpy as np

from pipeline.features import windows
from pipeline.features.arithmetic import ln, previous, ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formula, formulas
from pipeline.tables.arrays import Floats

FAST, SLOW = 50, 200
CHANGE = 20
SETTLED = 600
"""Closes in an EMA200: the seed's weight is then 2 %."""


@formula("fraction", "close", window=SLOW, nulls="window")
def ma200_anchor(frame: Frame) -> Floats:
    """C / SMA200 - 1.

    Source: TA-Lib SMA.
    """
    return ratio(frame["close"], windows.mean(frame, frame["close"], SLOW)) - 1


@formula("fraction per 20 days", "close", window=SLOW, before=CHANGE, nulls="window")
def ma200_slope(frame: Frame) -> Floats:
    """SMA200 / SMA200 of 20 days before - 1.

    Source: TA-Lib SMA.
    """
    average = windows.mean(frame, frame["close"], SLOW)
    return ratio(average, previous(average, CHANGE)) - 1


@formulas("trend_tstat", "t statistic", "close")
def trend_tstat(frame: Frame, window: int) -> Floats:
    """Student's t of the least-squares slope of ln C on time; null where C stands still.

    Source: scipy.stats.linregress, slope / stderr.
    """
    # Days are counted from 1970, not from the grid's start, so that rounding is the same everywhere.
    days = (frame.opens_us() // frame.step_us).astype(np.float64)
    return windows.line(frame, days, ln(frame["close"]), window).t


@formula("fraction", "close", window=SETTLED, nulls="window")
def ema_cross(frame: Frame) -> Floats:
    """(EMA50 - EMA200) / C, each EMA TA-Lib's (seed: plain mean) over exactly 600 closes.

    Source: TA-Lib EMA.
    """
    close = frame["close"]
    fast, slow = (
        windows.weighted(frame, close, windows.ema_kernel(span, SETTLED)) for span in (FAST, SLOW)
    )
    return ratio(fast - slow, close)
