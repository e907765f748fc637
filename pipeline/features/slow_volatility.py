"""How far prices moved over days: annualised, sqrt(365), for the market never closes."""

from __future__ import annotations

import numpy as np

from pipeline.features import windows
from pipeline.features.arithmetic import ln, previous, ratio
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.tables.exact import Floats

YEAR = 365
_ANNUAL = "fraction per sqrt(year)"


def realised(frame: Frame, window: int, column: str = "rv") -> Floats:
    """sqrt(365 x mean of the days' realised variance)."""
    return np.sqrt(YEAR * windows.mean(frame, frame[column], window))


def close_to_close(frame: Frame, window: int) -> Floats:
    """sqrt(365 x mean of squared daily log returns).

    After a missing day the day's own open stands for the close before it: the market never closes,
    so a gap costs one return and not two.
    """
    before = previous(frame["close"])
    r = ln(ratio(frame["close"], np.where(np.isnan(before), frame["open"], before)))
    return np.sqrt(YEAR * windows.mean(frame, r * r, window))


class DailyRealised(Step):
    """sqrt(365 x mean of the days' rv), rv = sum of squared 1-minute log returns.

    Null for days known by a daily kline alone. Source: Corsi 2009 (HAR), averages of variance.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"rv_{window}d",
            unit=_ANNUAL,
            inputs=("rv",),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        return realised(frame, self.window)


class DailyRealisedSampled(Step):
    """sqrt(365 x rv_5m of the day): 5-minute returns, averaged over their five offsets.

    Source: Zhang, Mykland and Ait-Sahalia 2005, the subsampled estimator.
    """

    def __init__(self) -> None:
        super().__init__(name="rv_5m_1d", unit=_ANNUAL, inputs=("rv_5m",))

    def __call__(self, frame: Frame) -> Floats:
        return realised(frame, 1, "rv_5m")


class CloseToClose(Step):
    """sqrt(365 x mean of ln(C / C of the day before)^2): known from daily klines too.

    Where the day before is missing, the day's own open stands for its close.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"rv_cc_{window}d",
            unit=_ANNUAL,
            inputs=("open", "close"),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        return close_to_close(frame, self.window)


class VolOfVol(Step):
    """Sample standard deviation of the daily changes of ln rv_1d."""

    def __init__(self, window: int) -> None:
        super().__init__(
            name="vol_of_vol",
            unit="log per day",
            inputs=("rv",),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        level = realised(frame, 1)
        return windows.deviation(frame, ln(ratio(level, previous(level))), self.window)
