"""Point of control and value area of many overlapping windows of price levels, in integers.

Belongs here: the kernel. Each answer follows from its window's sums alone: they are whole numbers, so
adding the new row and taking off the old one leaves no trace of where a batch began.
"""

from __future__ import annotations

import math

import numpy as np

from pipeline.exact import Floats, Ints, from_units
from pipeline.features.frame import Frame
from pipeline.features.levels import PRICE, VOLUME, Levels

VALUE_AREA = (7, 10)
"""The value area holds at least 7/10 of the window's volume, by definition (as in `bars/profile.py`)."""

STEP = 2
"""ATAS compares so many levels above with as many below (its DynamicLevels logic)."""


def areas(frame: Frame, begins: Ints) -> Floats:
    """Shape (3, rows of the grid): point of control, upper and lower edge of the value area.

    Args:
        frame: Its asked-for rows are computed, all others are NaN.
        begins: First row of each row's window `[begins, row]`, negative where it is not on the grid.

    Returns:
        Prices; NaN where too much of the window is not measured or nothing traded in it.
    """
    levels, asked = frame.levels, len(frame) - frame.rows
    found = np.full((3, len(frame)), np.nan)
    rows = np.arange(asked, len(frame))
    whole = rows[begins[rows] >= 0]
    gone = np.concatenate(([0], np.cumsum(~levels.measured)))
    share = (gone[whole + 1] - gone[begins[whole]]) / (whole + 1 - begins[whole])
    whole = whole[share <= frame.rules.null_share_max]
    if whole.size == 0:
        return found
    window = _Window(levels, int(begins[whole].min()))
    for row in whole.tolist():
        window.move(int(begins[row]), row + 1)
        found[:, row] = window.points()
    return found


class _Window:
    """The volume by price of the rows `[begin, end)`, which moves forward over the grid."""

    def __init__(self, levels: Levels, begin: int) -> None:
        self._first = levels.first.tolist()
        price = levels[PRICE][self._first[begin] :]
        self._offset = self._first[begin]
        self._ticks, place = _ranked(price)
        self._place, self._volume = place, levels[VOLUME][self._offset :]
        self._places = levels.places
        self._held = np.zeros(len(self._ticks), dtype=np.int64)
        self._begin = self._end = begin
        self._points: Floats | None = None

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
            levels = slice(self._first[row] - self._offset, self._first[row + 1] - self._offset)
            if levels.start < levels.stop:
                self._held[self._place[levels]] += sign * self._volume[levels]
                self._points = None

    def points(self) -> Floats:
        """Point of control, upper and lower edge as prices; NaN where nothing traded."""
        if self._points is None:
            traded = np.flatnonzero(self._held != 0)
            self._points = self._read(traded) if traded.size else np.full(3, np.nan)
        return self._points

    def _read(self, traded: Ints) -> Floats:
        volume = self._held[traded]
        on_top = np.flatnonzero(volume == volume.max())
        poc = int(on_top[0])
        if on_top.size > 1:
            poc = nearest_to_vwap(self._ticks[traded], volume, on_top)
        levels = traded[[poc, *value_area(volume, poc)]]
        return from_units(self._ticks[levels], self._places)


def _ranked(price: Ints) -> tuple[Ints, Ints]:
    """The different prices, rising, and the position of each level's price among them."""
    if price.size and int(price.max()) - int(price.min()) <= 2 * price.size + (1 << 20):
        seen = np.zeros(int(price.max()) - int(price.min()) + 1, dtype=np.bool_)
        seen[price - price.min()] = True
        return np.flatnonzero(seen) + price.min(), (np.cumsum(seen) - 1)[price - price.min()]
    ticks, place = np.unique(price, return_inverse=True)
    return ticks, place.astype(np.int64)


def nearest_to_vwap(ticks: Ints, volume: Ints, candidates: Ints) -> int:
    """Of the candidate levels, rising in price, the nearest to the VWAP, of equals the lower.

    Both sides are multiplied by the volume and compared as unlimited integers: no quotient is rounded.
    """
    lots = volume.tolist()
    total, value = sum(lots), sum(t * v for t, v in zip(ticks.tolist(), lots, strict=True))
    levels: list[int] = candidates.tolist()
    return min(levels, key=lambda level: abs(int(ticks[level]) * total - value))


def value_area(volume: Ints, poc: int) -> tuple[int, int]:
    """Positions of the value area's upper and lower edge.

    From the point of control it takes the larger of the next two traded levels above and the next two
    below (one where only one is left), of equals those above, until it holds 7/10 of the volume.

    Args:
        volume: Of the traded levels by rising price, each above 0.
        poc: Position of the point of control.
    """
    edge = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(volume)))
    size, bottom, top = len(volume), int(edge[poc]), int(edge[poc + 1])
    wanted = -(-VALUE_AREA[0] * int(edge[-1]) // VALUE_AREA[1]) - (top - bottom)
    if wanted <= 0:
        return poc, poc
    odd_above, odd_below = (size - 1 - poc) % STEP, poc % STEP
    above = np.append(edge[poc + 1 :: STEP], edge[size + 1 - odd_above :]) - top
    below = bottom - np.append(edge[odd_below : poc + 1 : STEP][::-1], edge[:odd_below])
    up, down = _taken(above, below, wanted)
    return min(poc + STEP * up, size - 1), max(poc - STEP * down, 0)


def _taken(above: Ints, below: Ints, wanted: int) -> tuple[int, int]:
    """How many pairs above and below the area takes until it holds `wanted` more.

    Always taking the larger of two heads merges the two rows of pairs by their running minima: a pair
    behind a smaller one is taken as soon as that one is. The minima fall, so the pair above at which the
    merged sum reaches `wanted` is found in two looks, and then whether a pair below reached it before.

    Args:
        above: Volume of the first 0, 1, 2, ... pairs above.
        below: The same below.
        wanted: Above 0, at most the last of both together.
    """
    high, low = (-np.minimum.accumulate(x[1:] - x[:-1]) for x in (above, below))

    def held(pairs: Ints) -> Ints:
        """What the area holds once it has taken each of these pairs above."""
        return above[pairs + 1] + below[low.searchsorted(high[pairs])]

    block = math.isqrt(high.size) + 1
    ends = np.arange(block - 1, high.size, block)
    start = block * int(held(ends).searchsorted(wanted))
    pairs = np.arange(start, min(start + block, high.size))
    up = start + int(held(pairs).searchsorted(wanted))
    down = int(below.searchsorted(wanted - above[up]))
    last = int(low.searchsorted(high[up])) if up < high.size else low.size
    return (up, down) if down <= last else (up + 1, last)
