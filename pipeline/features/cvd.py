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
from pipeline.features.step import formula, formulas
from pipeline.features.volatility import ATR_ROWS, average_true_range
from pipeline.tables.arrays import Floats
from pipeline.tables.exact import lots

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


@formula("base", "cvd", window=MINUTES_PER_DAY, history=1, nulls="window")
def cvd_session(frame: Frame) -> Floats:
    """Sum of D from 00:00 UTC on; null where D is, or once 5 % of the minutes since 00:00 lack it.

    Source: bars_1m.cvd, an exact sum.
    """
    known = ~np.isnan(frame["cvd"])
    minute = (frame.opens_us() % DAY_US) // frame.step_us
    gone = np.cumsum(~known)
    opened = np.arange(len(frame)) - minute
    before = np.where(opened > 0, gone[np.maximum(opened - 1, 0)], 0)
    share = (gone - before) / (minute + 1)
    return np.where(share <= frame.rules.null_share_max, frame["cvd"], np.nan)


@formulas("cvd_roll_{window}", "base", "delta")
def cvd_roll(frame: Frame, window: int) -> Floats:
    """Sum of D over the trailing window.

    Source: bottleneck move_sum, by windows of their own.
    """
    return lots(windows.total(frame, frame["delta"], window))


@formulas("cvd_norm", "fraction", "delta", "volume")
def cvd_norm(frame: Frame, window: int) -> Floats:
    """Sum of D / sum of volume over the trailing hour, [-1, 1]; null where nothing traded.

    In place of cvd / ATR, which is cvd_atr.
    """
    both = frame["delta"] + frame["volume"]
    delta = np.where(np.isnan(both), np.nan, frame["delta"])
    volume = np.where(np.isnan(both), np.nan, frame["volume"])
    return ratio(
        lots(windows.total(frame, delta, window)),
        lots(windows.total(frame, volume, window)),
    )


@formula(
    "base^2 per quote",
    "cvd",
    "high",
    "low",
    "close",
    window=ATR_ROWS,
    before=MINUTES_PER_DAY - ATR_ROWS,
    history=ATR_ROWS + 1,
    nulls="window",
)
def cvd_atr(frame: Frame) -> Floats:
    """cvd_session / ATR14, the seed's form of cvd_norm; null where the ATR is 0.

    The ATR is TA-Lib's, over exactly 140 true ranges, so that the day before suffices.
    Source: Wilder 1978.
    """
    return ratio(cvd_session(frame), average_true_range(frame))


@formulas("cvd_divergence", "correlation", "close", "delta", before=1)
def cvd_divergence(frame: Frame, window: int) -> Floats:
    """Pearson correlation of r and D over the trailing window; negative when price and flow part.

    Null where either does not move. Source: pandas rolling corr.
    """
    return windows.correlation(frame, log_return(frame), frame["delta"], window)


@formulas("sign_entropy_{window}", "bits", "delta")
def sign_entropy(frame: Frame, window: int) -> Floats:
    """-(p log2 p + q log2 q), p and q the shares of rising and falling D among the window's minutes.

    Minutes with D = 0 are left out; 1 is balanced flow, 0 one-sided; null where all are left out.
    Source: Shannon 1948.
    """
    delta = frame["delta"]
    unknown = np.isnan(delta)
    up, down = (
        windows.total(frame, np.where(unknown, np.nan, side), window)
        for side in (delta > 0, delta < 0)
    )
    return _bits(ratio(up, up + down)) + _bits(ratio(down, up + down))


def _bits(share: Floats) -> Floats:
    """-p log2 p, 0 where p is 0."""
    return np.where(share == 0, 0.0, -share * ln(share) / _LN2)
