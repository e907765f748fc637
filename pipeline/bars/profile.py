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
from pipeline.tables.value_area import points, ranked

_EMPTY_CELLS = 8
"""So many cells for each trade cost less than to sort the trades."""


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
    """Per traded minute: prices of the point of control and the value area's edges; the position in `Levels`
    of the exporter's volume point.
    """

    poc: Units
    vah: Units
    val: Units
    vpo: Ints


def read_levels(tape: Tape) -> Levels:
    """Sums by (minute, price). Integer sums: the order of the trades does not show."""
    level, minute, price = _levels(tape.minute_index, tape.price)

    def total(values: Units) -> Units:
        sums = np.zeros(len(price), dtype=values.dtype)
        np.add.at(sums, level, values)
        return sums

    return Levels(
        price=price,
        volume=total(tape.qty),
        buy=total(np.where(tape.side > 0, tape.qty, 0)),
        sell=total(np.where(tape.side < 0, tape.qty, 0)),
        trades=np.bincount(level) if tape.fills is None else total(tape.fills),
        sided_trades=total((tape.side != 0).astype(np.int64)),
        minute=minute,
        start=np.flatnonzero(np.diff(minute, prepend=-1)),
    )


def _levels(minute: Ints, price: Units) -> tuple[Ints, Ints, Units]:
    """Each trade's level, and each level's minute and price, in that order.

    Where minutes x prices are not many more than trades each pair has a cell, and the traded ones are
    numbered; else the trades are sorted.
    """
    low, minutes = int(price.min()), int(minute[-1]) + 1
    span = int(price.max()) - low + 1
    if price.dtype == np.int64 and minutes * span <= _EMPTY_CELLS * len(price):
        cell = minute * span + (price - low)
        traded = np.zeros(minutes * span, dtype=np.bool_)
        traded[cell] = True
        number = np.cumsum(traded, dtype=np.int32) - 1
        cells = np.flatnonzero(traded)
        return number[cell].astype(np.int64), cells // span, cells % span + low
    prices, place = np.unique(price, return_inverse=True)
    known, level = np.unique(minute * len(prices) + place, return_inverse=True)
    return level, known // len(prices), prices[known % len(prices)]


def read_profile(levels: Levels) -> Profile:
    """Point of control, value area (`tables/value_area.py`) and volume point of every minute.

    The volume point is the exporter's: the level with the largest volume, of equals the lowest.
    """
    ranks, minutes = ranked(levels.price), np.arange(len(levels.start))
    first = np.append(levels.start, len(levels.price))
    poc, vah, val = ranks[0][points(first, levels.volume, ranks, minutes, minutes + 1).T]
    largest = np.maximum.reduceat(levels.volume, levels.start)
    on_top = np.flatnonzero(levels.volume == largest[levels.minute])
    vpo = on_top[np.flatnonzero(np.diff(levels.minute[on_top], prepend=-1))]
    return Profile(poc=poc, vah=vah, val=val, vpo=vpo)
