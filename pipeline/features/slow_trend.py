"""Direction over months, from completed UTC days."""

from __future__ import annotations

import numpy as np

from pipeline.features import windows
from pipeline.features.arithmetic import ln, previous, ratio
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.tables.exact import Floats

FAST, SLOW = 50, 200
SETTLED = 600
"""Closes in an EMA200: the seed's weight is then 2 %."""


class SlowAnchor(Step):
    """C / SMA200 - 1.

    Source: the slow anchor of the consumer's V7; TA-Lib SMA.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"ma{window}_anchor",
            unit="fraction",
            inputs=("close",),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        return ratio(frame["close"], windows.mean(frame, frame["close"], self.window)) - 1


class SlowSlope(Step):
    """SMA200 / SMA200 of 20 days before - 1.

    Source: the slow anchor of the consumer's V7; TA-Lib SMA.
    """

    def __init__(self, window: int, change: int) -> None:
        super().__init__(
            name=f"ma{window}_slope",
            unit="fraction per 20 days",
            inputs=("close",),
            window=window,
            look_back=window - 1 + change,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        average = windows.mean(frame, frame["close"], self.window)
        return ratio(average, previous(average, self.look_back - self.window + 1)) - 1


class TrendT(Step):
    """Student's t of the least-squares slope of ln C on time; null where C stands still.

    Source: scipy.stats.linregress, slope / stderr.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name="trend_tstat",
            unit="t statistic",
            inputs=("close",),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        # Days are counted from 1970, not from the grid's start, so that rounding is the same everywhere.
        days = (frame.opens_us() // frame.step_us).astype(np.float64)
        return windows.slope_t(frame, days, ln(frame["close"]), self.window)


class EmaCross(Step):
    """(EMA50 - EMA200) / C, each EMA TA-Lib's (seed: plain mean) over exactly 600 closes.

    Source: TA-Lib EMA.
    """

    def __init__(self) -> None:
        super().__init__(
            name="ema_cross",
            unit="fraction",
            inputs=("close",),
            window=SETTLED,
            look_back=SETTLED - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        close = frame["close"]
        fast, slow = (
            windows.weighted(frame, close, windows.ema_kernel(span, SETTLED))
            for span in (FAST, SLOW)
        )
        return ratio(fast - slow, close)
