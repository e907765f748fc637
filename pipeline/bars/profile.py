"""Volume by price inside each minute: levels, point of control, value area, volume point.

Belongs here: what is read off a minute's levels, in integers. Does not belong here: trades in their
order (`tape.py`), tables (`footprint.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.bars.tape import Tape
from pipeline.tables.arrays import Ints
from pipeline.tables.exact import Units

VALUE_AREA = (7, 10)
"""The value area holds at least 7/10 of the minute's volume, by definition."""

_EMPTY_CELLS = 8
"""So many cells for each trade cost less than to sort the trades."""

STEP = 2
"""ATAS compares so many levels above with as many below (its DynamicLevels logic)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Traded price levels, by minute and rising price; sums in lots, prices in ticks.

    `start` holds the first level of each traded minute, `minute` each level's minute position.
    `sided` counts the lots whose side is known.
    """

    price: Units
    volume: Units
    buy: Units
    sell: Units
    trades: Ints
    sided_trades: Ints
    minute: Ints
    start: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Per traded minute: positions in `Levels` of the point of control, the value area's edges and
    the exporter's volume point.
    """

    poc: Ints
    vah: Ints
    val: Ints
    vpo: Ints


def read_levels(tape: Tape) -> Levels:
    """Sums by (minute, price). Integer sums: the order of the trades does not show."""
    cell, minute, price = _cells(tape.minute_index, tape.price)

    def total(values: Units) -> Units:
        sums = np.zeros(len(price), dtype=values.dtype)
        np.add.at(sums, cell, values)
        return sums[levels]

    rows = np.bincount(cell, minlength=len(price))
    levels = np.flatnonzero(rows)
    minute = minute[levels]
    return Levels(
        price=price[levels],
        volume=total(tape.qty),
        buy=total(np.where(tape.side > 0, tape.qty, 0)),
        sell=total(np.where(tape.side < 0, tape.qty, 0)),
        trades=rows[levels] if tape.fills is None else total(tape.fills),
        sided_trades=total((tape.side != 0).astype(np.int64)),
        minute=minute,
        start=np.flatnonzero(np.diff(minute, prepend=-1)),
    )


def _cells(minute: Ints, price: Units) -> tuple[Ints, Ints, Units]:
    """Each trade's cell, and each cell's minute and price; cells are in that order, and some may be empty.

    Where minutes x prices are not many more than trades there is a cell for each pair, else for those that
    were traded.
    """
    low, minutes = int(price.min()), int(minute[-1]) + 1
    span = int(price.max()) - low + 1
    if price.dtype == np.int64 and minutes * span <= _EMPTY_CELLS * len(price):
        cells = np.arange(minutes * span)
        return minute * span + (price - low), cells // span, cells % span + low
    prices, place = np.unique(price, return_inverse=True)
    known, cell = np.unique(minute * len(prices) + place, return_inverse=True)
    return cell, known // len(prices), prices[known % len(prices)]


def read_profile(levels: Levels) -> Profile:
    """Point of control, value area and volume point of every minute.

    The volume point is the exporter's: the level with the largest volume, of equals the lowest. The
    point of control is that level too, but of equals the nearest to the minute's VWAP, then the lower.
    """
    largest = np.maximum.reduceat(levels.volume, levels.start)
    on_top = np.flatnonzero(levels.volume == largest[levels.minute])
    of_minute = levels.minute[on_top]
    first = np.flatnonzero(np.diff(of_minute, prepend=-1))
    vpo = on_top[first]
    poc = vpo.copy()
    tied = np.diff(np.append(first, len(on_top))) > 1
    for minute in np.flatnonzero(tied).tolist():
        poc[minute] = _nearest_to_vwap(levels, minute, on_top[of_minute == minute])
    area = _value_areas(levels, poc)
    return Profile(poc=poc, vah=area[:, 1], val=area[:, 0], vpo=vpo)


def _span(levels: Levels, minute: int) -> tuple[int, int]:
    """The minute's levels as `[first, end)`."""
    ends = np.append(levels.start[1:], len(levels.price))
    return int(levels.start[minute]), int(ends[minute])


def _nearest_to_vwap(levels: Levels, minute: int, candidates: Ints) -> int:
    """Of the candidate levels, rising in price, the nearest to sum(price x volume) / sum(volume).

    Both sides are multiplied by the volume and compared as unlimited integers: no quotient is rounded.
    """
    first, end = _span(levels, minute)
    volume = levels.volume[first:end].tolist()
    value = sum(p * v for p, v in zip(levels.price[first:end].tolist(), volume, strict=True))
    total = sum(volume)
    levels_at: list[int] = candidates.tolist()
    return min(levels_at, key=lambda level: abs(int(levels.price[level]) * total - value))


def _value_areas(levels: Levels, poc: Ints) -> Ints:
    """Shape (minutes, 2): positions of the lowest and the highest level of each value area."""
    ends = np.append(levels.start[1:], len(levels.price)).tolist()
    running = [0, *np.cumsum(levels.volume).tolist()]
    spans = zip(levels.start.tolist(), ends, poc.tolist(), strict=True)
    grown = [_grow(running, first, end, top) for first, end, top in spans]
    return np.array(grown, dtype=np.int64).reshape(-1, 2)


def _grow(running: list[int], first: int, end: int, top: int) -> tuple[int, int]:
    """Grow from level `top` inside `[first, end)` until the area holds 7/10 of the volume.

    Each step compares the sum of the next two traded levels above with that of the next two below
    (one where only one is left; levels without a trade do not count) and takes the larger pair
    whole; of equals the upper one. `running[i]` is the volume of all levels before i.
    """
    low, high = top, top + 1
    held = running[high] - running[low]
    wanted = VALUE_AREA[0] * (running[end] - running[first])
    while VALUE_AREA[1] * held < wanted:
        upper = high + STEP if high + STEP < end else end
        lower = low - STEP if low - STEP > first else first
        above, below = running[upper] - running[high], running[low] - running[lower]
        if above >= below and high < end:
            high, held = upper, held + above
        else:
            low, held = lower, held + below
    return low, high - 1
