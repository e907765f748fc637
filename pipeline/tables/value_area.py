"""Point of control and value area of many overlapping windows of price levels, in integers.

Belongs here: the kernel, in C where that was built (`value_area.c`), else in numpy, with the same answers.
Each follows from its window's sums alone: they are whole numbers, so adding the new row and taking off the
old one leaves no trace of where a batch began.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from pipeline.tables import native
from pipeline.tables.arrays import Ints
from pipeline.tables.exact import Units, times

VALUE_AREA = (7, 10)
"""The value area holds at least 7/10 of the window's volume, by definition."""

MOST = (1 << 63) - 1
"""A border above nearly every volume."""

Points = tuple[int, int, int]

NOTHING: Points = (-1, -1, -1)
"""The ranks where nothing traded."""

STEP = 2
"""ATAS compares so many levels above with as many below (its DynamicLevels logic)."""


Ranks = tuple[Units, Ints]
"""The different prices, rising, and the position of each level's price among them."""


def points(first: Ints, volume: Units, ranks: Ranks, begins: Ints, ends: Ints) -> Ints:
    """Shape (windows, 3): ranks of point of control, upper and lower edge of the rows `[begins, ends)`.

    The point of control is the price with the largest volume, of equals the nearest to the VWAP, then the
    lower. From there the area takes the larger of the next two traded levels above and the next two below
    (one where only one is left), of equals those above, until it holds 7/10 of the volume.

    Args:
        first: Where each row's levels begin, and the end; one longer than the rows.
        volume: Of each level, above 0.
        ranks: Of the levels' prices (`ranked`).
        begins: First row of each window; like `ends` it never goes back.
        ends: The row behind each window.

    Returns:
        `NOTHING` for a window in which nothing traded.
    """
    run = native.function(__file__, "areas")
    if run is None or object in (volume.dtype, ranks[0].dtype):
        return _points(first, volume, ranks, begins, ends)
    return _compiled_points(run, first, volume, ranks, begins, ends)


def _compiled_points(
    run: Callable[..., int], first: Ints, volume: Units, ranks: Ranks, begins: Ints, ends: Ints
) -> Ints:
    ticks, rank = ranks
    given = [np.ascontiguousarray(x, dtype=np.int64) for x in (first, rank, volume, ticks)]
    held, points = np.zeros(len(ticks), dtype=np.int64), np.empty((len(begins), 3), dtype=np.int64)
    edges = [np.ascontiguousarray(x, dtype=np.int64) for x in (begins, ends)]
    run(
        *(ctypes.c_void_p(x.ctypes.data) for x in given),
        ctypes.c_int64(len(ticks)),
        *(ctypes.c_void_p(x.ctypes.data) for x in (held, *edges)),
        ctypes.c_int64(len(begins)),
        ctypes.c_void_p(points.ctypes.data),
    )
    return points


def _points(first: Ints, volume: Units, ranks: Ranks, begins: Ints, ends: Ints) -> Ints:
    window = _Window(first, volume, ranks)
    points = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        window.move(begin, end)
        points.append(window.points())
    return np.array(points)


class _Window:
    """The volume by price of the rows `[begin, end)`, which moves forward over the grid."""

    def __init__(self, first: Ints, volume: Units, ranks: Ranks) -> None:
        self._ticks, self._rank = ranks
        self._volume = volume
        self._first = first.tolist()
        self._total = np.concatenate(([0], volume.cumsum()))[first].tolist()
        self._held = np.zeros(len(self._ticks), dtype=self._volume.dtype)
        self._near, self._border = (0, len(self._ticks)), MOST
        self._begin = self._end = 0
        self._points: Points | None = None

    def move(self, begin: int, end: int) -> None:
        """Makes the window `[begin, end)`; neither edge goes back."""
        if begin >= self._end:
            self._held[:] = 0
            self._begin = self._end = begin
            self._points = None
        self._add(self._end, end, 1)
        self._add(self._begin, begin, -1)
        self._begin, self._end = begin, end

    def _add(self, begin: int, end: int, sign: int) -> None:
        """Adds or takes off rows one by one: a price stands once in a row."""
        for row in range(begin, end):
            levels = slice(self._first[row], self._first[row + 1])
            if levels.start < levels.stop:
                self._held[self._rank[levels]] += sign * self._volume[levels]
                self._points = None

    def points(self) -> Points:
        """Ranks of the point of control, the upper and the lower edge, or `NOTHING`."""
        if self._points is None:
            total = self._total[self._end] - self._total[self._begin]
            self._points = self._read(total) if total else NOTHING
        return self._points

    def _read(self, total: int) -> Points:
        poc = self._point_of_control()
        return (poc, *self._edges(poc, total))

    def _point_of_control(self) -> int:
        """The rank of the price with the largest volume."""
        poc = int(self._held.argmax())
        if not (self._held[poc + 1 :] == self._held[poc]).any():
            return poc
        traded = (self._held != 0).nonzero()[0]
        candidates = np.flatnonzero(self._held[traded] == self._held[poc])
        return int(traded[nearest_to_vwap(self._ticks[traded], self._held[traded], candidates)])

    def _edges(self, poc: int, total: int) -> tuple[int, int]:
        """Ranks of the value area's edges, looked for where the last ones were before everywhere.

        A cut of the levels gives the edges of all of them, unless the area came so near to the cut that
        a pair beyond it could have had a say.
        """
        low, high = min(self._near[0], poc), max(self._near[1], poc + 1)
        while True:
            held = self._held[low:high]
            traded = (held != 0).nonzero()[0]
            here = int(traded.searchsorted(poc - low))
            top, bottom, self._border = value_area(held.take(traded), here, total, self._border)
            if (bottom >= STEP or low == 0) and (
                top + STEP < traded.size or high == len(self._ticks)
            ):
                break
            low, high = max(2 * low - high, 0), min(2 * high - low, len(self._ticks))
        upper, lower = low + int(traded[top]), low + int(traded[bottom])
        margin = (upper - lower) // 4 + STEP
        self._near = max(lower - margin, 0), min(upper + margin, len(self._ticks))
        return upper, lower


def ranked(price: Units) -> Ranks:
    """The ranks of levels' prices."""
    is_narrow = price.size and price.dtype != object
    if is_narrow and int(price.max()) - int(price.min()) <= 2 * price.size + (1 << 20):
        seen = np.zeros(int(price.max()) - int(price.min()) + 1, dtype=np.bool_)
        seen[price - price.min()] = True
        return np.flatnonzero(seen) + price.min(), (np.cumsum(seen) - 1)[price - price.min()]
    ticks, place = np.unique(price, return_inverse=True)
    return ticks, place.astype(np.int64)


def nearest_to_vwap(ticks: Units, volume: Units, candidates: Ints) -> int:
    """Of the candidate levels, rising in price, the nearest to the VWAP, of equals the lower.

    Prices count from the lowest. Both sides are multiplied by the volume and compared as integers, which
    are unlimited where 64 bits might not do: no quotient is rounded.
    """
    away, total = ticks - ticks[0], int(volume.sum())
    value = int(times(away, volume).sum())
    levels: list[int] = candidates.tolist()
    return min(levels, key=lambda level: abs(int(away[level]) * total - value))


def value_area(volume: Units, poc: int, total: int, border: int = MOST) -> tuple[int, int, int]:
    """Positions of the value area's upper and lower edge, and the border for a window much like it.

    Args:
        volume: Of the traded levels by rising price, each above 0.
        poc: Position of the point of control.
        total: Volume of all levels, also of those that are not given.
        border: Where to begin, see `_taken`: no edge depends on it.
    """
    wanted = -(-VALUE_AREA[0] * total // VALUE_AREA[1]) - int(volume[poc])
    if wanted <= 0:
        return poc, poc, border
    sides = _pairs(volume[poc + 1 :]), _pairs(volume[:poc][::-1])
    up, down, border = _taken(sides, wanted, border)
    return min(poc + STEP * up, len(volume) - 1), max(poc - STEP * down, 0), border


def _pairs(volume: Units) -> Units:
    """The sum of each level of even position and the next, which the last one may lack."""
    pairs = volume[::STEP].copy()
    pairs[: len(volume) // STEP] += volume[1::STEP]
    return pairs


def _taken(sides: tuple[Units, Units], wanted: int, border: int) -> tuple[int, int, int]:
    """How many pairs above and below the area takes until it holds `wanted` more.

    Whatever the border, the area takes every pair up to the first one below the border, on both sides,
    before it takes either of these two. So it may begin there, where that is not yet too much, and grows by
    whole runs of one side. The border of the last run of the window before is seldom far off.

    Args:
        sides: Volume of the pairs above, from the point of control on, and of those below.
        wanted: Above 0.
        border: Any number.

    Returns:
        The two counts, of all pairs if these do not suffice; and the border at which the last run began.
    """
    counts, held = _up_to(sides, border)
    while held >= wanted:
        taken = (pairs[:count] for pairs, count in zip(sides, counts, strict=True))
        border = 1 + min(int(pairs.min()) for pairs in taken if pairs.size)
        counts, held = _up_to(sides, border)
    while counts[0] < sides[0].size or counts[1] < sides[1].size:
        heads = [int(x[n]) if n < x.size else 0 for x, n in zip(sides, counts, strict=True)]
        side = 0 if heads[0] >= heads[1] else 1
        ahead, border = sides[side][counts[side] :], heads[side] + 1
        sums = ahead[: _until(ahead, heads[1 - side] + side)].cumsum()
        last = int(sums.searchsorted(wanted - held))
        if last < sums.size:
            counts[side] += last + 1
            break
        counts[side] += sums.size
        held += int(sums[-1])
    return counts[0], counts[1], border


def _up_to(sides: tuple[Units, Units], border: int) -> tuple[list[int], int]:
    """How many pairs each side has before its first one below the border, and the volume of all these."""
    counts = [_until(pairs, border) for pairs in sides]
    return counts, sum(int(np.add.reduce(x[:n])) for x, n in zip(sides, counts, strict=True))


def _until(pairs: Units, border: int) -> int:
    """How many pairs there are before the first one below the border."""
    below = pairs < border
    first = int(below.argmax()) if below.size else 0
    return first if below.size and below[first] else below.size
