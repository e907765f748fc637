"""Where today stands among the year before it: percentiles, and regimes with hysteresis."""

from __future__ import annotations

import numpy as np

from pipeline.contracts.features_schema import FeatureRules
from pipeline.features import windows
from pipeline.features.arithmetic import ln, ratio
from pipeline.features.frame import Frame
from pipeline.features.slow_volatility import MONTH, YEAR, rv, rv_cc_30d
from pipeline.features.step import formula
from pipeline.tables.arrays import Floats

SHORT, LONG = 7, 90
LOW, MIDDLE, HIGH = -1, 0, 1


def _year_windows(frame: Frame, x: Floats) -> list[tuple[int, Floats]]:
    """The asked-for rows whose year before is measured well enough, each with that year and itself."""
    found = []
    for row in range(max(len(x) - frame.rows, YEAR), len(x)):
        window = x[row - YEAR : row + 1]
        gaps = int(np.isnan(window).sum())
        if gaps / window.size <= frame.rules.null_share_max and not np.isnan(window[-1]):
            found.append((row, window))
    return found


def _percentiles(window: Floats) -> Floats:
    """Mid-rank percentile, [0, 1], of each measured value of a window among all but the last."""
    measured = window[~np.isnan(window)]
    year = np.sort(measured[:-1])
    below = np.searchsorted(year, measured, side="left")
    reached = np.searchsorted(year, measured, side="right")
    return (below + reached) / (2 * year.size)


def percentile_of_year(frame: Frame, x: Floats) -> Floats:
    """Mid-rank percentile of each asked-for row among the 365 rows before it."""
    values = np.full(len(x), np.nan)
    for row, window in _year_windows(frame, x):
        values[row] = _percentiles(window)[-1]
    return values


def regime_of_year(frame: Frame, x: Floats) -> Floats:
    """-1, 0 or 1: the last state of a walk with hysteresis through the year before and the row.

    Every walk begins anew with its window, so that a row alone is the row in a batch.
    """
    values = np.full(len(x), np.nan)
    for row, window in _year_windows(frame, x):
        values[row] = walk(_percentiles(window), frame.rules)
    return values


def walk(percentiles: Floats, rules: FeatureRules) -> int:
    """The regime after a sequence of percentiles: it changes only `regime_margin` past a border."""
    state = MIDDLE
    margin = 0.0
    for percentile in percentiles.tolist():
        low = rules.regime_low + (margin if state == LOW else -margin)
        high = rules.regime_high + (-margin if state == HIGH else margin)
        state = LOW if percentile < low else HIGH if percentile > high else MIDDLE
        margin = rules.regime_margin
    return state


@formula("fraction", "rv", window=YEAR, before=MONTH, nulls="window")
def vol_percentile(frame: Frame) -> Floats:
    """Mid-rank percentile, [0, 1], of rv_30d among its 365 days before; see vol_regime.

    Source: scipy.stats.percentileofscore, kind "mean".
    """
    return percentile_of_year(frame, rv(MONTH)(frame))


@formula("sign", "rv", window=YEAR, before=MONTH, nulls="window", type="int8")
def vol_regime(frame: Frame) -> Floats:
    """Regime of rv_30d among its 365 days before: low -1, middle 0, high 1, with hysteresis.

    The borders (regime_low, regime_high) and the margin by which a percentile must pass one are
    governed; the walk begins 365 days before in the state that the borders alone give.
    Source: consumer's V7.
    """
    return regime_of_year(frame, rv(MONTH)(frame))


@formula("sign", "open", "close", window=YEAR, before=MONTH + 1, nulls="window", type="int8")
def vol_regime_cc(frame: Frame) -> Floats:
    """As vol_regime, of rv_cc_30d: known from daily klines too."""
    return regime_of_year(frame, rv_cc_30d(frame))


@formula("log", "quote_volume", window=SHORT, before=LONG - SHORT, nulls="window")
def volume_ratio(frame: Frame) -> Floats:
    """ln(mean of quote volume over 7 days / over 90 days)."""
    volume = frame["quote_volume"]
    return ln(ratio(windows.mean(frame, volume, SHORT), windows.mean(frame, volume, LONG)))


@formula("fraction", "quote_volume", window=SHORT, before=YEAR + LONG - SHORT, nulls="window")
def volume_regime(frame: Frame) -> Floats:
    """Mid-rank percentile, [0, 1], of volume_ratio (7 to 90 days) among its 365 days before.

    Source: scipy.stats.percentileofscore, kind "mean".
    """
    return percentile_of_year(frame, volume_ratio(frame))


@formula("fraction per 1e6 quote", "open", "close", "quote_volume", window=MONTH, nulls="window")
def amihud_30d(frame: Frame) -> Floats:
    """Mean of |ln(close / open)| / quote volume x 1e6 over the trailing days.

    A day's own return is taken, so that a missing day costs one value, not two. Source: Amihud 2002.
    """
    own = np.abs(ln(ratio(frame["close"], frame["open"])))
    return windows.mean(frame, ratio(own, frame["quote_volume"]) * 1e6, MONTH)


@formula("fraction", "open", "close", "quote_volume", window=YEAR, before=MONTH, nulls="window")
def liq_regime(frame: Frame) -> Floats:
    """Mid-rank percentile, [0, 1], of amihud_30d among its 365 days before: high is illiquid.

    Source: Amihud 2002; scipy.stats.percentileofscore, kind "mean".
    """
    return percentile_of_year(frame, amihud_30d(frame))
