"""How far prices moved over days: annualised, sqrt(365), for the market never closes."""

from __future__ import annotations

import numpy as np

from pipeline.features import windows
from pipeline.features.arithmetic import ln, previous, ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formula, formulas
from pipeline.tables.arrays import Floats

MONTH, YEAR = 30, 365
_ANNUAL = "fraction per sqrt(year)"


@formulas("rv_{window}d", _ANNUAL, "rv")
def rv(frame: Frame, window: int) -> Floats:
    """sqrt(365 x mean of the days' rv), rv = sum of squared 1-minute log returns.

    Null for days known by a daily kline alone. Source: Corsi 2009 (HAR), averages of variance.
    """
    return np.sqrt(YEAR * windows.mean(frame, frame["rv"], window))


@formula(_ANNUAL, "rv_5m")
def rv_5m_1d(frame: Frame) -> Floats:
    """sqrt(365 x rv_5m of the day): 5-minute returns, averaged over their five offsets.

    Source: Zhang, Mykland and Ait-Sahalia 2005, the subsampled estimator.
    """
    return np.sqrt(YEAR * windows.mean(frame, frame["rv_5m"], 1))


@formula(_ANNUAL, "open", "close", window=MONTH, before=1, nulls="window")
def rv_cc_30d(frame: Frame) -> Floats:
    """sqrt(365 x mean of ln(C / C of the day before)^2): known from daily klines too.

    Where the day before is missing, the day's own open stands for its close.
    """
    # The market never closes: so a gap costs one return and not two.
    before = previous(frame["close"])
    r = ln(ratio(frame["close"], np.where(np.isnan(before), frame["open"], before)))
    return np.sqrt(YEAR * windows.mean(frame, r * r, MONTH))


@formulas("vol_of_vol", "log per day", "rv", before=1)
def vol_of_vol(frame: Frame, window: int) -> Floats:
    """Sample standard deviation of the daily changes of ln rv_1d."""
    level = rv(1)(frame)
    return windows.deviation(frame, ln(ratio(level, previous(level))), window)
