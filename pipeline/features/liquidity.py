"""What trading costs: estimators of spread and price impact from minute bars."""

from __future__ import annotations

import math

import numpy as np

from pipeline.features import windows
from pipeline.features.arithmetic import exp, ln, previous, ratio, root
from pipeline.features.frame import Frame
from pipeline.features.returns import log_return
from pipeline.features.step import formulas
from pipeline.tables.arrays import Floats


@formulas("kyle_lambda_{window}", "quote per base^2", "close", "delta", before=1)
def kyle_lambda(frame: Frame, window: int) -> Floats:
    """Least-squares slope of the change of close on D over the trailing window; null where D is flat.

    Source: Kyle 1985.
    """
    return _change_on(frame, "delta", window).slope


@formulas("kyle_t_{window}", "t statistic", "close", "delta", before=1)
def kyle_t(frame: Frame, window: int) -> Floats:
    """Student's t (n - 2) of kyle_lambda of the same window; null where the price does not move.

    Source: Kyle 1985; ordinary least squares.
    """
    return _change_on(frame, "delta", window).t


def _change_on(frame: Frame, flow: str, window: int) -> windows.Line:
    """The line of the change of close on D, or on its signed root, read once for slope and t."""
    change = frame["close"] - previous(frame["close"])
    x = frame["delta"] if flow == "delta" else signed_root(frame)
    return frame.shared(
        f"change on {flow} {window}", lambda: windows.line(frame, x, change, window)
    )


def signed_root(frame: Frame) -> Floats:
    """sign(D) x sqrt(quote_volume)."""
    return np.sign(frame["delta"]) * np.sqrt(frame["quote_volume"])


@formulas(
    "kyle_root_{window}",
    "quote per base per sqrt(quote)",
    "close",
    "delta",
    "quote_volume",
    before=1,
)
def kyle_root(frame: Frame, window: int) -> Floats:
    """Least-squares slope of the change of close on sign(D) sqrt(quote_volume), trailing window.

    Source: Hasbrouck 2009, the square-root form of Kyle's lambda.
    """
    return _change_on(frame, "signed root", window).slope


@formulas("kyle_root_t_{window}", "t statistic", "close", "delta", "quote_volume", before=1)
def kyle_root_t(frame: Frame, window: int) -> Floats:
    """Student's t (n - 2) of kyle_root of the same window; null where the price does not move.

    Source: Hasbrouck 2009; ordinary least squares.
    """
    return _change_on(frame, "signed root", window).t


@formulas("amihud_{window}", "fraction per 1e6 quote", "close", "quote_volume", before=1)
def amihud(frame: Frame, window: int) -> Floats:
    """Mean of |r| / quote_volume x 1e6 over the traded minutes of the trailing window.

    A minute without a trade has no such value and is left out of the mean; null where all are.
    Source: Amihud 2002.
    """
    r, value = np.abs(log_return(frame)), frame["quote_volume"]
    unknown = np.isnan(r + value)
    impact = np.where(unknown, np.nan, np.where(value > 0, ratio(r, value) * 1e6, 0.0))
    traded = np.where(unknown, np.nan, value > 0)
    return ratio(windows.total(frame, impact, window), windows.total(frame, traded, window))


@formulas("roll_spread", "quote per base", "close", before=2)
def roll_spread(frame: Frame, window: int) -> Floats:
    """2 sqrt(-cov(dc_t, dc_(t-1))), dc = change of close; null where the covariance is not negative.

    Source: Roll 1984; sample covariance (n - 1).
    """
    change = frame["close"] - previous(frame["close"])
    covariance = windows.covariance(frame, change, previous(change), window)
    return 2 * root(-np.where(covariance < 0, covariance, np.nan))


@formulas("corwin_schultz", "fraction", "high", "low", before=1)
def corwin_schultz(frame: Frame, window: int) -> Floats:
    """Mean of 2 (e^a - 1) / (1 + e^a) over the trailing window, negatives as 0.

    a = (sqrt(2b) - sqrt(b)) / k - sqrt(g / k), k = 3 - 2 sqrt 2; b = sum of ln(h/l)^2 of the minute and
    the one before, g = ln(higher h / lower l)^2 of the two. No later minute enters.
    Source: Corwin and Schultz 2012, without their overnight adjustment.
    """
    high, low = frame["high"], frame["low"]
    single = ln(ratio(high, low))
    both = ln(ratio(np.maximum(high, previous(high)), np.minimum(low, previous(low))))
    b = single * single + previous(single) * previous(single)
    k = 3 - 2 * math.sqrt(2)
    growth = exp((np.sqrt(2 * b) - np.sqrt(b)) / k - both / math.sqrt(k))
    spread = 2 * (growth - 1) / (1 + growth)
    return windows.mean(frame, np.maximum(spread, 0.0), window)


@formulas("edge_spread", "fraction", "open", "high", "low", "close")
def edge_spread(frame: Frame, window: int) -> Floats:
    """EDGE of the trailing window's candles, negative where the squared spread is; null without trades.

    The best combination of the covariances of five returns between open, close and mid-range, where the
    open or close is not the high or low. Source: Ardia, Guidotti and Kroencke 2024; bidask `edge(sign=True)`.
    """
    found = windows.Trailing(frame, _edge_series(frame), window - 1)
    return found.on_grid(_edge(found))


def _edge_series(frame: Frame) -> tuple[Floats, ...]:
    """Per minute the five returns of logs, whether it moved, and at which ends it did not open or close."""
    o, h, l, c = (ln(frame[name]) for name in ("open", "high", "low", "close"))  # noqa: E741
    m, c1 = (h + l) / 2, previous(c)
    m1, h1, l1 = previous(m), previous(h), previous(l)
    returns = (m - o, o - m1, m - c1, c1 - m1, o - c1)
    moved = ((h != l) | (l != c1)).astype(np.float64)
    opened = moved * ((o != h).astype(np.float64) + (o != l))
    closed = moved * ((c1 != h1).astype(np.float64) + (c1 != l1))
    return (*returns, moved, opened, closed)


def _edge(found: windows.Trailing) -> Floats:
    """The estimator from windows of `_edge_series`; NaN below two minutes that moved."""
    m1, _, m3, _, m5, pt, po, pc = (found.means(x) for x in found.series)
    a, b = (ratio(np.full_like(p, -4.0), p) for p in (po, pc))
    scales = [ratio(m, pt) for m in (m1, m3, m5)]
    sums = np.empty((4, len(pt)))
    for block in found.blocks():
        r1, r2, r3, r4, r5, moved = (found.windows(x, block) for x in found.series[:6])
        d1, d3, d5 = (
            r - scale[block, None] * moved for r, scale in zip((r1, r3, r5), scales, strict=True)
        )
        ad1, bd3, bd5 = a[block, None] * d1, b[block, None] * d3, b[block, None] * d5
        x1, x2 = ad1 * r2 + bd3 * r4, ad1 * r5 + bd5 * r4
        for at, x in enumerate((x1, x2, x1 * x1, x2 * x2)):
            sums[at, block] = x.sum(axis=1)
    e1, e2, s1, s2 = (ratio(x, found.count) for x in sums)
    v1, v2 = s1 - e1 * e1, s2 - e2 * e2
    square = np.where(v1 + v2 > 0, ratio(v2 * e1 + v1 * e2, v1 + v2), (e1 + e2) / 2)
    return np.where(pt * found.count >= 2, np.sign(square) * np.sqrt(np.abs(square)), np.nan)
