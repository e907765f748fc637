"""How far prices moved: realised variance of returns, and estimators from the candle's range."""

from __future__ import annotations

import math

import numpy as np

from pipeline.features import windows
from pipeline.features.arithmetic import ln, previous, ratio
from pipeline.features.frame import Frame
from pipeline.features.returns import log_return
from pipeline.features.step import formulas
from pipeline.tables.arrays import Floats

ATR_PERIOD = 14
ATR_ROWS = 140
"""True ranges in the average: after ten periods its seed weighs less than 1e-4."""

_PER_MINUTE = "fraction per minute"
_CANDLE = ("open", "high", "low", "close")
_LN2 = 0.6931471805599453


def average_true_range(frame: Frame) -> Floats:
    """TA-Lib's ATR14 over exactly `ATR_ROWS` true ranges; a true range looks at the close before."""
    before = previous(frame["close"])
    true_range = np.maximum(frame["high"], before) - np.minimum(frame["low"], before)
    kernel = windows.recursive_kernel(1 / ATR_PERIOD, ATR_PERIOD, ATR_ROWS)
    return windows.weighted(frame, true_range, kernel)


@formulas("rv_{window}m", "fraction", "close", before=1)
def rv(frame: Frame, window: int) -> Floats:
    """sqrt(sum of r^2) over the trailing window."""
    r = log_return(frame)
    return np.sqrt(windows.total(frame, r * r, window))


def _root_of_mean(frame: Frame, variance: Floats, window: int) -> Floats:
    """Root of the trailing mean of a variance that one candle gives."""
    return np.sqrt(np.maximum(windows.mean(frame, variance, window), 0.0))


@formulas("parkinson_{window}", _PER_MINUTE, "high", "low")
def parkinson(frame: Frame, window: int) -> Floats:
    """sqrt(mean of ln(high / low)^2 / (4 ln 2)) over the trailing window.

    Source: Parkinson 1980.
    """
    u = ln(ratio(frame["high"], frame["low"]))
    return _root_of_mean(frame, u * u / (4 * _LN2), window)


@formulas("garman_klass_{window}", _PER_MINUTE, *_CANDLE)
def garman_klass(frame: Frame, window: int) -> Floats:
    """sqrt(mean of ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2) over the trailing window.

    Source: Garman and Klass 1980.
    """
    u = ln(ratio(frame["high"], frame["low"]))
    c = ln(ratio(frame["close"], frame["open"]))
    return _root_of_mean(frame, 0.5 * u * u - (2 * _LN2 - 1) * c * c, window)


def _rogers_satchell(frame: Frame) -> Floats:
    """The candle's variance ln(h/c) ln(h/o) + ln(l/c) ln(l/o)."""
    o, h, l, c = (frame[name] for name in _CANDLE)  # noqa: E741
    return ln(ratio(h, c)) * ln(ratio(h, o)) + ln(ratio(l, c)) * ln(ratio(l, o))


@formulas("rogers_satchell_{window}", _PER_MINUTE, *_CANDLE)
def rogers_satchell(frame: Frame, window: int) -> Floats:
    """sqrt(mean of ln(h/c) ln(h/o) + ln(l/c) ln(l/o)) over the trailing window.

    Source: Rogers and Satchell 1991.
    """
    return _root_of_mean(frame, _rogers_satchell(frame), window)


@formulas("yang_zhang_{window}", _PER_MINUTE, *_CANDLE, before=1)
def yang_zhang(frame: Frame, window: int) -> Floats:
    """sqrt(var(ln(o / c of the minute before)) + k var(ln(c / o)) + (1 - k) mean(rs)), trailing window.

    rs is Rogers and Satchell's variance, var the sample variance (n - 1), k = 0.34 / (1.34 + (n + 1) /
    (n - 1)), n the rows of the window. Source: Yang and Zhang 2000.
    """
    n = window
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    jump = ln(ratio(frame["open"], previous(frame["close"])))
    body = ln(ratio(frame["close"], frame["open"]))
    variance = (
        windows.covariance(frame, jump, jump, n)
        + k * windows.covariance(frame, body, body, n)
        + (1 - k) * windows.mean(frame, _rogers_satchell(frame), n)
    )
    return np.sqrt(np.maximum(variance, 0.0))


@formulas("bipower_{window}", "fraction^2", "close", before=2)
def bipower(frame: Frame, window: int) -> Floats:
    """(pi / 2) x sum of |r_t| |r_(t-1)| over the trailing window: variance without its jumps.

    Source: Barndorff-Nielsen and Shephard 2004.
    """
    r = np.abs(log_return(frame))
    return math.pi / 2 * windows.total(frame, r * previous(r), window)


@formulas("jump_share_{window}", "fraction", "close", before=2)
def jump_share(frame: Frame, window: int) -> Floats:
    """max(0, 1 - bipower / sum of r^2) over the trailing window; null where the price stood still.

    Source: Barndorff-Nielsen and Shephard 2004.
    """
    r = log_return(frame)
    share = 1 - ratio(bipower(window)(frame), windows.total(frame, r * r, window))
    return np.maximum(share, 0.0)


@formulas("semivar_{direction}_{window}", "fraction^2", "close", before=1)
def semivar(frame: Frame, direction: str, window: int) -> Floats:
    """Sum of r^2 of the rising (up) or falling (down) minutes of the trailing window.

    Source: Barndorff-Nielsen, Kinnebrock and Shephard 2010.
    """
    r = log_return(frame)
    side = np.maximum(r, 0.0) if direction == "up" else np.minimum(r, 0.0)
    return windows.total(frame, side * side, window)
