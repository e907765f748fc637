"""What trading costs: estimators of spread and price impact from minute bars."""

from __future__ import annotations

import math

import numpy as np

from pipeline.exact import Floats
from pipeline.features import windows
from pipeline.features.arithmetic import exp, ln, previous, ratio, root
from pipeline.features.frame import Frame
from pipeline.features.returns import log_return
from pipeline.features.step import Step


class KyleLambda(Step):
    """Least-squares slope of the change of close on D over the trailing window; null where D is flat.

    Source: Kyle 1985.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"kyle_lambda_{window}",
            unit="quote per base^2",
            inputs=("close", "delta"),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        change = frame["close"] - previous(frame["close"])
        return windows.slope(frame, frame["delta"], change, self.window)


class Amihud(Step):
    """Mean of |r| / quote_volume x 1e6 over the traded minutes of the trailing window.

    A minute without a trade has no such value and is left out of the mean; null where all are.
    Source: Amihud 2002.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"amihud_{window}",
            unit="fraction per 1e6 quote",
            inputs=("close", "quote_volume"),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        r, value = np.abs(log_return(frame)), frame["quote_volume"]
        unknown = np.isnan(r + value)
        impact = np.where(unknown, np.nan, np.where(value > 0, ratio(r, value) * 1e6, 0.0))
        traded = np.where(unknown, np.nan, value > 0)
        return ratio(
            windows.total(frame, impact, self.window), windows.total(frame, traded, self.window)
        )


class RollSpread(Step):
    """2 sqrt(-cov(dc_t, dc_(t-1))), dc = change of close; null where the covariance is not negative.

    Source: Roll 1984; sample covariance (n - 1).
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name="roll_spread",
            unit="quote per base",
            inputs=("close",),
            window=window,
            look_back=window + 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        change = frame["close"] - previous(frame["close"])
        covariance = windows.covariance(frame, change, previous(change), self.window)
        return 2 * root(-np.where(covariance < 0, covariance, np.nan))


class CorwinSchultz(Step):
    """Mean of 2 (e^a - 1) / (1 + e^a) over the trailing window, negatives as 0.

    a = (sqrt(2b) - sqrt(b)) / k - sqrt(g / k), k = 3 - 2 sqrt 2; b = sum of ln(h/l)^2 of the minute and
    the one before, g = ln(higher h / lower l)^2 of the two. No later minute enters.
    Source: Corwin and Schultz 2012, without their overnight adjustment.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name="corwin_schultz",
            unit="fraction",
            inputs=("high", "low"),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        high, low = frame["high"], frame["low"]
        single = ln(ratio(high, low))
        both = ln(ratio(np.maximum(high, previous(high)), np.minimum(low, previous(low))))
        b = single * single + previous(single) * previous(single)
        k = 3 - 2 * math.sqrt(2)
        growth = exp((np.sqrt(2 * b) - np.sqrt(b)) / k - both / math.sqrt(k))
        spread = 2 * (growth - 1) / (1 + growth)
        return windows.mean(frame, np.maximum(spread, 0.0), self.window)
