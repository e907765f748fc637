"""Trailing windows on the grid, each summed by itself: no value depends on where its batch began.

A window of w rows ends with its own row and begins w - 1 rows before. It is null when more than the
governed share of it is not measured. Belongs here: windows and kernels. What they mean is the steps'.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.features.arithmetic import ratio, root
from pipeline.features.frame import Frame
from pipeline.tables.arrays import Bools, Floats

Value = TypeVar("Value", bound=np.generic)

_TOGETHER = 1 << 14
"""So many values stand in memory at once: few enough for the processor's cache."""

_DUST = 2.0**-46
"""A relative distance from the mean that rounding alone makes: such a value did not move."""

_PAIRWISE_ABOVE, _LANES = 128, 8


class Line(NamedTuple):
    """Least squares of one series on another in each window: the slope, and Student's t (n - 2) of it."""

    slope: Floats
    t: Floats


class Trailing:
    """The trailing windows of one or more series, one a row, from the first that is asked for.

    Attributes:
        window: Rows in a window.
        series: The series from the first window's first row on, 0 where one of them is not measured.
        known: Where all of them are.
        count: So many rows of each window are.
    """

    def __init__(self, frame: Frame, series: tuple[Floats, ...], window: int) -> None:
        """Of grid columns."""
        self._frame, self.window = frame, window
        self._first = max(window - 1, frame.windows_since)
        known = np.logical_and.reduce([~np.isnan(x) for x in series])
        rows = slice(self._first - window + 1, None)
        self.known: Bools = known[rows]
        self.series = tuple(np.where(self.known, x[rows], 0.0) for x in series)
        measured = np.concatenate(([0], np.cumsum(self.known)))
        self.count: Floats = (measured[window:] - measured[:-window]).astype(np.float64)

    def sums(self, x: Floats) -> Floats:
        """The sum of each window of a series of the same rows."""
        return sums(x, self.window)

    def means(self, x: Floats) -> Floats:
        """The sum of each window, divided by its count."""
        return ratio(self.sums(x), self.count)

    @cached_property
    def _means(self) -> list[Floats]:
        return [self.means(x) for x in self.series]

    @cached_property
    def _is_whole(self) -> bool:
        return bool(self.known.all())

    def blocks(self) -> Iterator[slice]:
        """Windows, a few at a time."""
        together = max(_TOGETHER // self.window, 1)
        for begin in range(0, len(self.count), together):
            yield slice(begin, min(begin + together, len(self.count)))

    def windows(self, x: NDArray[Value], block: slice) -> NDArray[Value]:
        """Some windows of a series of the same rows: (rows, window), oldest first, C-contiguous.

        Sums along the last axis then always add in the same order, whatever the number of rows.
        """
        rows = x[block.start : block.stop + self.window - 1]
        shape = (block.stop - block.start, self.window)
        return np.ndarray(shape, x.dtype, rows, strides=2 * rows.strides).copy()

    def distances(self, block: slice) -> list[Floats]:
        """As `windows` of each series, less the window's mean; 0 where not measured."""
        found = []
        for x, means in zip(self.series, self._means, strict=True):
            centre = means[block, None]
            distance = self.windows(x, block) - centre
            moved = np.abs(distance) > _DUST * np.abs(centre)
            if not self._is_whole:
                moved &= self.windows(self.known, block)
            found.append(np.where(moved, distance, 0.0))
        return found

    def on_grid(self, values: Floats) -> Floats:
        """One value a window on the whole grid, NaN where the window lacks too much."""
        found = np.full(len(self._frame), np.nan)
        gaps = (self.window - self.count) / self.window
        complete = gaps <= self._frame.rules.null_share_max
        found[self._first :] = np.where(complete, values, np.nan)
        return found


def each(
    frame: Frame, series: tuple[Floats, ...], window: int, reduce: Callable[..., Floats]
) -> Floats:
    """One value a row, of the trailing windows of one or more series.

    Args:
        frame: For its rules.
        series: Grid columns; a row counts as measured where all of them are.
        window: Rows in a window.
        reduce: `(known, *windows) -> values`: a mask and the windows, as of `Trailing.windows`.

    Returns:
        Values on the whole grid; NaN where the window is not on the grid or lacks too much.
    """
    found = Trailing(frame, series, window)
    values = np.empty_like(found.count)
    for block in found.blocks():
        values[block] = reduce(*(found.windows(x, block) for x in (found.known, *found.series)))
    return found.on_grid(values)


def total(frame: Frame, x: Floats, window: int) -> Floats:
    """Sum of the measured rows of each window."""
    found = Trailing(frame, (x,), window)
    return found.on_grid(found.sums(*found.series))


def mean(frame: Frame, x: Floats, window: int) -> Floats:
    """Mean of the measured rows of each window."""
    found = Trailing(frame, (x,), window)
    return found.on_grid(found.means(*found.series))


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
    return root(covariance(frame, x, x, window))


def covariance(frame: Frame, x: Floats, y: Floats, window: int) -> Floats:
    """Sample covariance (n - 1) of two series, which may be one, in each window."""
    found = Trailing(frame, (x,) if y is x else (x, y), window)
    (product,) = _products(found, (0, -1))
    return found.on_grid(ratio(product, found.count - 1))


def correlation(frame: Frame, x: Floats, y: Floats, window: int) -> Floats:
    """Pearson correlation in each window; NaN where one of them does not move."""
    found = Trailing(frame, (x, y), window)
    xx, yy, xy = _products(found, (0, 0), (1, 1), (0, 1))
    return found.on_grid(np.clip(ratio(xy, np.sqrt(xx) * np.sqrt(yy)), -1.0, 1.0))


def line(frame: Frame, x: Floats, y: Floats, window: int) -> Line:
    """Least squares of y on x (with intercept) in each window; t is NaN where y does not move."""
    found = Trailing(frame, (x, y), window)
    slope, t = np.empty((2, len(found.count)))
    for block in found.blocks():
        a, b = found.distances(block)
        xx = (a * a).sum(axis=1)
        slope[block] = ratio((a * b).sum(axis=1), xx)
        residual = b - slope[block, None] * a
        variance = ratio((residual * residual).sum(axis=1), found.count[block] - 2)
        t[block] = ratio(slope[block], np.sqrt(ratio(variance, xx)))
    return Line(found.on_grid(slope), found.on_grid(t))


def rank(frame: Frame, x: Floats, window: int) -> Floats:
    """Share of each window's measured rows that are at most as large as its last one."""
    found = Trailing(frame, (x,), window)
    values = np.where(found.known, found.series[0], np.nan)
    lasts = values[window - 1 :]
    held = sorted(values[: window - 1][found.known[: window - 1]].tolist())
    below = np.zeros(len(lasts))
    for at, (first, last) in enumerate(zip(values.tolist(), lasts.tolist(), strict=False)):
        if last == last:  # measured
            insort(held, last)
            below[at] = bisect_right(held, last)
        if first == first:
            del held[bisect_left(held, first)]
    return found.on_grid(np.where(np.isnan(lasts), np.nan, ratio(below, found.count)))


def sums(x: Floats, window: int) -> Floats:
    """The sum of each run of so many values that follow each other, oldest run first.

    Each is what `numpy.sum` gives for that run alone: halves of halves down to 128 values, those in eight
    lanes. Runs share what they have in common.
    """
    count = len(x) - window + 1
    if count <= 0:
        return np.zeros(0)
    if window > _PAIRWISE_ABOVE:
        half = window // 2 // _LANES * _LANES
        first = sums(x, half)
        second = first if 2 * half == window else sums(x, window - half)
        return first[:count] + second[half : half + count]
    if window < _LANES:
        return _added(x[:count], x, range(1, window))
    laned = window // _LANES * _LANES
    found = _added(x[: count + _LANES - 1], x, range(_LANES, laned, _LANES))
    for width in (1, 2, 4):
        found = found[:-width] + found[width:]
    return _added(found, x, range(laned, window))


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


def _added(to: Floats, x: Floats, starts: range) -> Floats:
    """A series plus, one after the other, those that begin so many values later."""
    found = to.copy()
    for start in starts:
        found += x[start : start + len(found)]
    return found


def _products(found: Trailing, *pairs: tuple[int, int]) -> Floats:
    """Shape (pairs, windows): sum of the products of the distances of two series, by their positions."""
    products = np.empty((len(pairs), len(found.count)))
    for block in found.blocks():
        distances = found.distances(block)
        for pair, (one, other) in enumerate(pairs):
            products[pair, block] = (distances[one] * distances[other]).sum(axis=1)
    return products
