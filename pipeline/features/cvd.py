"""Order flow: delta D (aggressive buys minus aggressive sells) and its running sums.

Sums of quantities are freed of binary dust by `lots`: they equal the exact decimal sums.
"""

from __future__ import annotations

import numpy as np

from pipeline.clock import DAY_US, MINUTES_PER_DAY
from pipeline.features import windows
from pipeline.features.arithmetic import ln, ratio
from pipeline.features.frame import Frame
from pipeline.features.returns import log_return
from pipeline.features.step import Step, formula
from pipeline.features.volatility import ATR_ROWS, average_true_range
from pipeline.tables.exact import Floats, lots

_LN2 = 0.6931471805599453


@formula("base", "delta")
def delta(frame: Frame) -> Floats:
    """D: aggressive buys minus aggressive sells of the minute; delta_source says who measured it."""
    return frame["delta"]


@formula("fraction", "delta", "volume")
def delta_ratio(frame: Frame) -> Floats:
    """D / volume; null in a minute without a trade.

    Source: freqtrade orderflow.
    """
    return ratio(frame["delta"], frame["volume"])


def session_delta(frame: Frame) -> Floats:
    """Sum of D from 00:00 UTC of the row's minute; NaN once too many minutes since then lack it."""
    known = ~np.isnan(frame["cvd"])
    minute = (frame.opens_us() % DAY_US) // frame.step_us
    gone = np.cumsum(~known)
    opened = np.arange(len(frame)) - minute
    before = np.where(opened > 0, gone[np.maximum(opened - 1, 0)], 0)
    share = (gone - before) / (minute + 1)
    return np.where(share <= frame.rules.null_share_max, frame["cvd"], np.nan)


class SessionDelta(Step):
    """Sum of D from 00:00 UTC on; null where D is, or once 5 % of the minutes since 00:00 lack it.

    Source: bars_1m.cvd, an exact sum.
    """

    def __init__(self) -> None:
        super().__init__(
            name="cvd_session",
            unit="base",
            inputs=("cvd",),
            window=MINUTES_PER_DAY,
            look_back=MINUTES_PER_DAY - 1,
            nulls="window",
        )

    @property
    def warm_up(self) -> int:
        """The session begins with the day: its first row is whole."""
        return 1

    def __call__(self, frame: Frame) -> Floats:
        return session_delta(frame)


class RollingDelta(Step):
    """Sum of D over the trailing window.

    Source: bottleneck move_sum, by windows of their own.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"cvd_roll_{window}",
            unit="base",
            inputs=("delta",),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        return lots(windows.total(frame, frame["delta"], self.window))


class NormalisedDelta(Step):
    """Sum of D / sum of volume over the trailing hour, [-1, 1]; null where nothing traded.

    Source: consumer list C.2, in place of the seed's cvd / ATR (which is cvd_atr).
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name="cvd_norm",
            unit="fraction",
            inputs=("delta", "volume"),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        both = frame["delta"] + frame["volume"]
        delta = np.where(np.isnan(both), np.nan, frame["delta"])
        volume = np.where(np.isnan(both), np.nan, frame["volume"])
        return ratio(
            lots(windows.total(frame, delta, self.window)),
            lots(windows.total(frame, volume, self.window)),
        )


class DeltaPerRange(Step):
    """cvd_session / ATR14, the seed's form of cvd_norm; null where the ATR is 0.

    The ATR is TA-Lib's, over exactly 140 true ranges, so that the day before suffices.
    Source: seed; Wilder 1978.
    """

    def __init__(self) -> None:
        super().__init__(
            name="cvd_atr",
            unit="base^2 per quote",
            inputs=("cvd", "high", "low", "close"),
            window=ATR_ROWS,
            look_back=MINUTES_PER_DAY - 1,
            nulls="window",
        )

    @property
    def warm_up(self) -> int:
        """The ATR's; the session begins with the day."""
        return self.window + 1

    def __call__(self, frame: Frame) -> Floats:
        return ratio(session_delta(frame), average_true_range(frame))


class DeltaDivergence(Step):
    """Pearson correlation of r and D over the trailing window; negative when price and flow part.

    Null where either does not move. Source: pandas rolling corr.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name="cvd_divergence",
            unit="correlation",
            inputs=("close", "delta"),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        return windows.correlation(frame, log_return(frame), frame["delta"], self.window)


class SignEntropy(Step):
    """-(p log2 p + q log2 q), p and q the shares of rising and falling D among the window's minutes.

    Minutes with D = 0 are left out; 1 is balanced flow, 0 one-sided; null where all are left out.
    Source: Shannon 1948.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"sign_entropy_{window}",
            unit="bits",
            inputs=("delta",),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        delta = frame["delta"]
        unknown = np.isnan(delta)
        up, down = (
            windows.total(frame, np.where(unknown, np.nan, side), self.window)
            for side in (delta > 0, delta < 0)
        )
        return _bits(ratio(up, up + down)) + _bits(ratio(down, up + down))


def _bits(share: Floats) -> Floats:
    """-p log2 p, 0 where p is 0."""
    return np.where(share == 0, 0.0, -share * ln(share) / _LN2)
