"""What trading costs: estimators of spread and price impact from minute bars."""

from __future__ import annotations

import math

import numpy as np

from pipeline.features import windows
from pipeline.features.arithmetic import exp, ln, previous, ratio, root
from pipeline.features.frame import Frame
from pipeline.features.returns import log_return
from pipeline.features.step import Step
from pipeline.tables.exact import Floats


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


class KyleT(Step):
    """Student's t (n - 2) of kyle_lambda of the same window; null where the price does not move.

    Source: Kyle 1985; ordinary least squares.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"kyle_t_{window}",
            unit="t statistic",
            inputs=("close", "delta"),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        change = frame["close"] - previous(frame["close"])
        return windows.slope_t(frame, frame["delta"], change, self.window)


def signed_root(frame: Frame) -> Floats:
    """sign(D) x sqrt(quote_volume)."""
    return np.sign(frame["delta"]) * np.sqrt(frame["quote_volume"])


class KyleRoot(Step):
    """Least-squares slope of the change of close on sign(D) sqrt(quote_volume), trailing window.

    Source: Hasbrouck 2009, the square-root form of Kyle's lambda.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"kyle_root_{window}",
            unit="quote per base per sqrt(quote)",
            inputs=("close", "delta", "quote_volume"),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        change = frame["close"] - previous(frame["close"])
        return windows.slope(frame, signed_root(frame), change, self.window)


class KyleRootT(Step):
    """Student's t (n - 2) of kyle_root of the same window; null where the price does not move.

    Source: Hasbrouck 2009; ordinary least squares.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"kyle_root_t_{window}",
            unit="t statistic",
            inputs=("close", "delta", "quote_volume"),
            window=window,
            look_back=window,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        change = frame["close"] - previous(frame["close"])
        return windows.slope_t(frame, signed_root(frame), change, self.window)


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


class EdgeSpread(Step):
    """EDGE of the trailing window's candles, negative where the squared spread is; null without trades.

    The best combination of the covariances of five returns between open, close and mid-range, where the
    open or close is not the high or low. Source: Ardia, Guidotti and Kroencke 2024; bidask `edge(sign=True)`.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name="edge_spread",
            unit="fraction",
            inputs=("open", "high", "low", "close"),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        return windows.each(frame, _edge_series(frame), self.window - 1, _edge)


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


def _edge(known: windows.Known, *series: Floats) -> Floats:
    """The estimator from windows of `_edge_series`; NaN below two minutes that moved."""
    count = known.sum(axis=1, dtype=np.float64)

    def mean(x: Floats) -> Floats:
        return ratio(x.sum(axis=1), count)

    r1, r2, r3, r4, r5, moved = series[:6]
    pt, po, pc = (mean(x) for x in series[5:])
    d1, d3, d5 = (r - ratio(mean(r), pt)[:, None] * moved for r in (r1, r3, r5))
    a, b = (ratio(np.full_like(p, -4.0), p)[:, None] for p in (po, pc))
    x1, x2 = a * d1 * r2 + b * d3 * r4, a * d1 * r5 + b * d5 * r4
    e1, e2 = mean(x1), mean(x2)
    v1, v2 = mean(x1 * x1) - e1 * e1, mean(x2 * x2) - e2 * e2
    square = np.where(v1 + v2 > 0, ratio(v2 * e1 + v1 * e2, v1 + v2), (e1 + e2) / 2)
    return np.where(pt * count >= 2, np.sign(square) * np.sqrt(np.abs(square)), np.nan)
