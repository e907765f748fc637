"""Where the price stands in the range of the days and weeks before."""

from __future__ import annotations

import numpy as np

from pipeline.features import windows
from pipeline.features.arithmetic import previous, ratio
from pipeline.features.calendar import weekday
from pipeline.features.frame import Frame
from pipeline.features.step import formula, formulas
from pipeline.tables.arrays import Floats

WEEK = 7


@formulas("drawdown_{window}", "fraction", "close")
def drawdown(frame: Frame, window: int) -> Floats:
    """C / max(C of the trailing 365 days) - 1, at most 0."""
    return ratio(frame["close"], windows.largest(frame, frame["close"], window)) - 1


@formula("fraction", "open", "high", "low")
def range_1d(frame: Frame) -> Floats:
    """(high - low) / open of the last completed day."""
    return ratio(frame["high"] - frame["low"], frame["open"])


@formula("fraction", "open", "high", "low", window=WEEK, before=WEEK - 1, nulls="window")
def range_7d(frame: Frame) -> Floats:
    """(high - low) / open of the last completed ISO week, Monday to Sunday; null if it lacks a day."""
    high = windows.largest(frame, frame["high"], WEEK)
    low = windows.smallest(frame, frame["low"], WEEK)
    week = ratio(high - low, previous(frame["open"], WEEK - 1))
    rows = np.arange(len(frame))
    sunday = rows - (weekday(frame.opens_us()) + 1) % WEEK
    return np.where(sunday >= 0, week[np.maximum(sunday, 0)], np.nan)


@formulas("pos_in_range_{window}d", "fraction", "high", "low", "close")
def pos_in_range_d(frame: Frame, window: int) -> Floats:
    """(C - min low) / (max high - min low) over the trailing days, [0, 1]; null where they are equal."""
    high = windows.largest(frame, frame["high"], window)
    low = windows.smallest(frame, frame["low"], window)
    return ratio(frame["close"] - low, high - low)
