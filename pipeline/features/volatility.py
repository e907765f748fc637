"""How far prices moved: realised variance of returns, and estimators from the candle's range."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np

from pipeline.features import windows
from pipeline.features.arithmetic import ln, previous, ratio
from pipeline.features.frame import Frame
from pipeline.features.returns import log_return
from pipeline.features.step import Step
from pipeline.tables.exact import Floats

ATR_PERIOD = 14
ATR_ROWS = 140
"""True ranges in the average: after ten periods its seed weighs less than 1e-4."""

_PER_MINUTE = "fraction per minute"
_LN2 = 0.6931471805599453


def average_true_range(frame: Frame) -> Floats:
    """TA-Lib's ATR14 over exactly `ATR_ROWS` true ranges; a true range looks at the close before."""
    before = previous(frame["close"])
    true_range = np.maximum(frame["high"], before) - np.minimum(frame["low"], before)
    kernel = windows.recursive_kernel(1 / ATR_PERIOD, ATR_PERIOD, ATR_ROWS)
    return windows.weighted(frame, true_range, kernel)


class RealisedVolatility(Step):
    """sqrt(sum of r^2) over the trailing window.

    Source: consumer list C.2.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"rv_{window}m",
            unit="fraction",
            inputs=("close",),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        r = log_return(frame)
        return np.sqrt(windows.total(frame, r * r, self.window))


class _RangeEstimator(Step):
    """Root of the trailing mean of a variance that one candle gives."""

    def __init__(self, kind: str, window: int, inputs: tuple[str, ...]) -> None:
        super().__init__(
            name=f"{kind}_{window}",
            unit=_PER_MINUTE,
            inputs=inputs,
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    @abstractmethod
    def variance(self, frame: Frame) -> Floats:
        """The candle's variance."""

    def __call__(self, frame: Frame) -> Floats:
        return np.sqrt(np.maximum(windows.mean(frame, self.variance(frame), self.window), 0.0))


class Parkinson(_RangeEstimator):
    """sqrt(mean of ln(high / low)^2 / (4 ln 2)) over the trailing window.

    Source: Parkinson 1980.
    """

    def __init__(self, window: int) -> None:
        super().__init__("parkinson", window, ("high", "low"))

    def variance(self, frame: Frame) -> Floats:
        """ln(high / low)^2 / (4 ln 2)."""
        u = ln(ratio(frame["high"], frame["low"]))
        return u * u / (4 * _LN2)


class GarmanKlass(_RangeEstimator):
    """sqrt(mean of ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2) over the trailing window.

    Source: Garman and Klass 1980.
    """

    def __init__(self, window: int) -> None:
        super().__init__("garman_klass", window, ("open", "high", "low", "close"))

    def variance(self, frame: Frame) -> Floats:
        """ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2."""
        u = ln(ratio(frame["high"], frame["low"]))
        c = ln(ratio(frame["close"], frame["open"]))
        return 0.5 * u * u - (2 * _LN2 - 1) * c * c


def rogers_satchell(frame: Frame) -> Floats:
    """The candle's variance ln(h/c) ln(h/o) + ln(l/c) ln(l/o)."""
    o, h, l, c = (frame[name] for name in ("open", "high", "low", "close"))  # noqa: E741
    return ln(ratio(h, c)) * ln(ratio(h, o)) + ln(ratio(l, c)) * ln(ratio(l, o))


class RogersSatchell(_RangeEstimator):
    """sqrt(mean of ln(h/c) ln(h/o) + ln(l/c) ln(l/o)) over the trailing window.

    Source: Rogers and Satchell 1991.
    """

    def __init__(self, window: int) -> None:
        super().__init__("rogers_satchell", window, ("open", "high", "low", "close"))

    def variance(self, frame: Frame) -> Floats:
        """ln(h/c) ln(h/o) + ln(l/c) ln(l/o)."""
        return rogers_satchell(frame)


class YangZhang(Step):
    """sqrt(var(ln(o / c of the minute before)) + k var(ln(c / o)) + (1 - k) mean(rs)), trailing window.

    rs is Rogers and Satchell's variance, var the sample variance (n - 1), k = 0.34 / (1.34 + (n + 1) /
    (n - 1)), n the rows of the window. Source: Yang and Zhang 2000.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"yang_zhang_{window}",
            unit=_PER_MINUTE,
            inputs=("open", "high", "low", "close"),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        n = self.window
        k = 0.34 / (1.34 + (n + 1) / (n - 1))
        jump = ln(ratio(frame["open"], previous(frame["close"])))
        body = ln(ratio(frame["close"], frame["open"]))
        variance = (
            windows.covariance(frame, jump, jump, n)
            + k * windows.covariance(frame, body, body, n)
            + (1 - k) * windows.mean(frame, rogers_satchell(frame), n)
        )
        return np.sqrt(np.maximum(variance, 0.0))


def bipower(frame: Frame, window: int) -> Floats:
    """(pi / 2) x sum of |r_t| |r_(t-1)| over `window` rows."""
    r = np.abs(log_return(frame))
    return math.pi / 2 * windows.total(frame, r * previous(r), window)


class Bipower(Step):
    """(pi / 2) x sum of |r_t| |r_(t-1)| over the trailing window: variance without its jumps.

    Source: Barndorff-Nielsen and Shephard 2004.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"bipower_{window}",
            unit="fraction^2",
            inputs=("close",),
            window=window,
            look_back=window + 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        return bipower(frame, self.window)


class JumpShare(Step):
    """max(0, 1 - bipower / sum of r^2) over the trailing window; null where the price stood still.

    Source: Barndorff-Nielsen and Shephard 2004.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"jump_share_{window}",
            unit="fraction",
            inputs=("close",),
            window=window,
            look_back=window + 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        r = log_return(frame)
        share = 1 - ratio(bipower(frame, self.window), windows.total(frame, r * r, self.window))
        return np.maximum(share, 0.0)


class SemiVariance(Step):
    """Sum of r^2 of the rising (up) or falling (down) minutes of the trailing window.

    Source: Barndorff-Nielsen, Kinnebrock and Shephard 2010.
    """

    def __init__(self, direction: str, window: int) -> None:
        super().__init__(
            name=f"semivar_{direction}_{window}",
            unit="fraction^2",
            inputs=("close",),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        r = log_return(frame)
        side = np.maximum(r, 0.0) if "_up_" in self.name else np.minimum(r, 0.0)
        return windows.total(frame, side * side, self.window)
