"""Trailing windows on the grid, each summed by itself: no value depends on where its batch began.

A window of w rows ends with its own row and begins w - 1 rows before. It is null when more than the
governed share of it is not measured. Belongs here: windows and kernels. What they mean is the steps'.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.features.arithmetic import ratio, root
from pipeline.features.frame import Frame
from pipeline.tables.arrays import Bools, Floats

_TOGETHER = 1 << 16
"""So many values stand in memory at once: few enough for the processor's cache."""

_DUST = 2.0**-46
"""A relative distance from the mean that rounding alone makes: such a value did not move."""


def each(
    frame: Frame, series: tuple[Floats, ...], window: int, reduce: Callable[..., Floats]
) -> Floats:
    """One value a row, of the trailing windows of one or more series.

    Args:
        frame: For its rules.
        series: Grid columns; a row counts as measured where all of them are.
        window: Rows in a window.
        reduce: `(known, *windows) -> values`: a mask and the windows, each (rows, window), oldest
            first, C-contiguous, 0 where not known. Sums along the last axis then always add in the
            same order, whatever the number of rows.

    Returns:
        Values on the whole grid; NaN where the window is not on the grid or lacks too much.
    """
    found = np.full(series[0].size, np.nan)
    known = np.logical_and.reduce([~np.isnan(x) for x in series])
    clean = [np.where(known, x, 0.0) for x in series]
    unknown = np.concatenate(([0], np.cumsum(~known)))
    together = max(_TOGETHER // window, 1)
    for row in range(max(window - 1, frame.windows_since), found.size, together):
        rows = slice(row - window + 1, row + together)
        measured, *views = (
            np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(x[rows], window))
            for x in (known, *clean)
        )
        values = reduce(measured, *views)
        ends = row + 1 + np.arange(len(values))
        gaps = unknown[ends] - unknown[ends - window]
        complete = gaps / window <= frame.rules.null_share_max
        found[row : row + together] = np.where(complete, values, np.nan)
    return found


def total(frame: Frame, x: Floats, window: int) -> Floats:
    """Sum of the measured rows of each window."""
    return each(frame, (x,), window, lambda known, v: v.sum(axis=1))


def mean(frame: Frame, x: Floats, window: int) -> Floats:
    """Mean of the measured rows of each window."""
    return each(frame, (x,), window, lambda known, v: ratio(v.sum(axis=1), _count(known)))


def largest(frame: Frame, x: Floats, window: int) -> Floats:
    """Maximum of each window."""
    return each(frame, (x,), window, lambda known, v: np.where(known, v, -np.inf).max(axis=1))


def smallest(frame: Frame, x: Floats, window: int) -> Floats:
    """Minimum of each window."""
    return each(frame, (x,), window, lambda known, v: np.where(known, v, np.inf).min(axis=1))


def weighted(frame: Frame, x: Floats, kernel: Floats) -> Floats:
    """Mean of each window by the kernel's weights (oldest first); measured rows share the weight."""
    return each(
        frame,
        (x,),
        kernel.size,
        lambda known, v: ratio((v * kernel).sum(axis=1), (known * kernel).sum(axis=1)),
    )


def deviation(frame: Frame, x: Floats, window: int) -> Floats:
    """Sample standard deviation (n - 1) of each window."""
    return each(
        frame,
        (x,),
        window,
        lambda known, v: root(ratio(_product(known, v, v), _count(known) - 1)),
    )


def covariance(frame: Frame, x: Floats, y: Floats, window: int) -> Floats:
    """Sample covariance (n - 1) of two series in each window."""
    return each(
        frame, (x, y), window, lambda known, a, b: ratio(_product(known, a, b), _count(known) - 1)
    )


def correlation(frame: Frame, x: Floats, y: Floats, window: int) -> Floats:
    """Pearson correlation in each window; NaN where one of them does not move."""

    def reduce(known: Bools, a: Floats, b: Floats) -> Floats:
        spread = np.sqrt(_product(known, a, a)) * np.sqrt(_product(known, b, b))
        return np.clip(ratio(_product(known, a, b), spread), -1.0, 1.0)

    return each(frame, (x, y), window, reduce)


def slope(frame: Frame, x: Floats, y: Floats, window: int) -> Floats:
    """Least-squares slope of y on x (with intercept) in each window."""
    return each(
        frame,
        (x, y),
        window,
        lambda known, a, b: ratio(_product(known, a, b), _product(known, a, a)),
    )


def slope_t(frame: Frame, x: Floats, y: Floats, window: int) -> Floats:
    """Student's t (n - 2) of that slope; NaN where y does not move."""

    def reduce(known: Bools, a: Floats, b: Floats) -> Floats:
        xx, xy = _product(known, a, a), _product(known, a, b)
        steepness = ratio(xy, xx)
        residual = np.where(
            known, _centred(known, b) - steepness[:, None] * _centred(known, a), 0.0
        )
        variance = ratio((residual * residual).sum(axis=1), _count(known) - 2)
        return ratio(steepness, np.sqrt(ratio(variance, xx)))

    return each(frame, (x, y), window, reduce)


def rank(frame: Frame, x: Floats, window: int) -> Floats:
    """Share of each window's measured rows that are at most as large as its last one."""

    def reduce(known: Bools, v: Floats) -> Floats:
        below = ((v <= v[:, -1:]) & known).sum(axis=1)
        return np.where(known[:, -1], ratio(below, _count(known)), np.nan)

    return each(frame, (x,), window, reduce)


def recursive_kernel(alpha: float, seed: int, length: int) -> Floats:
    """The weights of an exponential mean over exactly `length` rows, oldest first.

    The recursion e = alpha x + (1 - alpha) e, begun with the plain mean of the first `seed` rows:
    what TA-Lib's EMA (alpha = 2 / (n + 1), seed n) and Wilder mean (alpha = 1 / n) give for the last
    of `length` rows. Powers are built by multiplication, since `pow` differs between machines.
    """
    decay = np.multiply.accumulate(np.full(length - seed + 1, 1 - alpha)) / (1 - alpha)
    recent = alpha * decay[:-1][::-1]
    return np.concatenate((np.full(seed, decay[-1] / seed), recent))


def ema_kernel(span: int, length: int) -> Floats:
    """`recursive_kernel` of an EMA of that span."""
    return recursive_kernel(2 / (span + 1), span, length)


def _count(known: Bools) -> Floats:
    counted: Floats = known.sum(axis=1, dtype=np.float64)
    return counted


def _centred(known: Bools, x: Floats) -> Floats:
    centre = ratio(x.sum(axis=1), _count(known))[:, None]
    distance = x - centre
    return np.where(known & (np.abs(distance) > _DUST * np.abs(centre)), distance, 0.0)


def _product(known: Bools, x: Floats, y: Floats) -> Floats:
    products: Floats = _centred(known, x) * _centred(known, y)
    summed: Floats = products.sum(axis=1)
    return summed
