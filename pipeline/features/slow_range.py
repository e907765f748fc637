"""Where the price stands in the range of the days and weeks before."""

from __future__ import annotations

import numpy as np

from pipeline.features import windows
from pipeline.features.arithmetic import previous, ratio
from pipeline.features.calendar import weekday
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.tables.exact import Floats

WEEK = 7


class Drawdown(Step):
    """C / max(C of the trailing 365 days) - 1, at most 0."""

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"drawdown_{window}",
            unit="fraction",
            inputs=("close",),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        return ratio(frame["close"], windows.largest(frame, frame["close"], self.window)) - 1


class DayRange(Step):
    """(high - low) / open of the last completed day."""

    def __init__(self) -> None:
        super().__init__(name="range_1d", unit="fraction", inputs=("open", "high", "low"))

    def __call__(self, frame: Frame) -> Floats:
        return ratio(frame["high"] - frame["low"], frame["open"])


class WeekRange(Step):
    """(high - low) / open of the last completed ISO week, Monday to Sunday; null if it lacks a day."""

    def __init__(self) -> None:
        super().__init__(
            name="range_7d",
            unit="fraction",
            inputs=("open", "high", "low"),
            window=WEEK,
            look_back=2 * WEEK - 2,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        high = windows.largest(frame, frame["high"], WEEK)
        low = windows.smallest(frame, frame["low"], WEEK)
        week = ratio(high - low, previous(frame["open"], WEEK - 1))
        rows = np.arange(len(frame))
        sunday = rows - (weekday(frame.opens_us()) + 1) % WEEK
        return np.where(sunday >= 0, week[np.maximum(sunday, 0)], np.nan)


class PositionInRange(Step):
    """(C - min low) / (max high - min low) over the trailing days, [0, 1]; null where they are equal."""

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"pos_in_range_{window}d",
            unit="fraction",
            inputs=("high", "low", "close"),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        high = windows.largest(frame, frame["high"], self.window)
        low = windows.smallest(frame, frame["low"], self.window)
        return ratio(frame["close"] - low, high - low)
