"""A day's footprint for a screen: whole numbers, and levels together where there are more than pixels.

Belongs here: published footprint -> cells and the day's profile. How they are drawn is `static/`.
"""

from __future__ import annotations

import datetime as dt

import msgspec
import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US, day_open_us
from pipeline.tables import arrays, exact
from pipeline.tables.arrays import Ints
from pipeline.tables.value_area import points, ranked

MOST_CELLS = 120_000
"""More cells than this are put together: a page of them would take seconds to open."""

_STEPS = (1, 2, 5)


class Cells(msgspec.Struct, frozen=True):
    """Volume by minute and price, in the order of both, in whole numbers.

    A price is `price` x 10^-`price_places`, a volume x 10^-`lot_places`. A cell is `step` prices high, where
    `levels_together` says that it may hold several traded levels; then its price is the lowest. `minute` and
    `price` are written as differences to the cell before, the latter in steps; a minute's first price to that
    of the minute before. `buy` and `sell` are 0 where the side is not known, which is what they lack to
    `volume`. `poc`, `vah`, `val`: the day's point of control and value area, prices like the others.
    """

    price_places: int
    lot_places: int
    step: int
    levels_together: bool
    minute: list[int]
    price: list[int]
    buy: list[int]
    sell: list[int]
    volume: list[int]
    poc: int
    vah: int
    val: int


def cells(footprint: pa.Table, day: dt.date, most: int = MOST_CELLS) -> Cells | None:
    """The cells of one symbol's footprint; None without a row.

    Args:
        footprint: Rows of the published table, by minute and price.
        day: The UTC date.
        most: As many cells at most; steps of price are put together by 2, 5, 10, .. until it holds.
    """
    if not footprint.num_rows:
        return None
    prices = arrays.floats(footprint["price"])
    sides = [np.nan_to_num(arrays.floats(footprint[name])) for name in ("buy", "sell")]
    volume = arrays.floats(footprint["volume"])
    price_places, lot_places = exact.usual_places(prices), exact.usual_places(*sides, volume)
    minute = (arrays.ints(footprint["minute_open"]) - day_open_us(day)) // MINUTE_US
    price = _whole(prices, price_places)
    lots = [_whole(values, lot_places) for values in (*sides, volume)]
    tick = max(int(np.gcd.reduce(price)), 1)
    poc, vah, val = _day_points(price, lots[2])
    step = tick
    key = (minute, price)
    for factor in (s * 10**n for n in range(12) for s in _STEPS):
        step = tick * factor
        key = (minute, price // step * step)
        if _count(*key) <= most:
            break
    return _put_together(key, lots, (price_places, lot_places, step, step > tick), (poc, vah, val))


def _whole(values: arrays.Floats, places: int) -> Ints:
    """Values as whole numbers of a decimal place; float error of a sum is rounded off."""
    whole: Ints = np.rint(values * 10.0**places).astype(np.int64)
    return whole


def _day_points(price: Ints, volume: Ints) -> tuple[int, int, int]:
    levels, place = np.unique(price, return_inverse=True)
    whole = np.zeros(len(levels), dtype=np.int64)
    np.add.at(whole, place, volume)
    levels, whole = levels[whole > 0], whole[whole > 0]
    only = np.array([0, len(levels)])
    found = points(only, whole, ranked(levels), np.array([0]), np.array([1]))[0]
    poc, vah, val = (int(levels[rank]) for rank in found)
    return poc, vah, val


def _count(minute: Ints, price: Ints) -> int:
    return int(np.count_nonzero(np.diff(minute, prepend=-1) | np.diff(price, prepend=-1)))


def _put_together(
    key: tuple[Ints, Ints],
    lots: list[Ints],
    units: tuple[int, int, int, bool],
    day_points: tuple[int, int, int],
) -> Cells:
    minute, price = key
    starts = np.flatnonzero(np.diff(minute, prepend=-1) | np.diff(price, prepend=-1))
    minute, price = minute[starts], price[starts]
    buy, sell, volume = (np.add.reduceat(values, starts) for values in lots)
    is_first = np.diff(minute, prepend=-1) > 0
    heads = price[is_first]
    steps = np.diff(price, prepend=0)
    steps[is_first] = np.diff(heads, prepend=0)
    price_places, lot_places, step, together = units
    poc, vah, val = day_points
    return Cells(
        price_places=price_places,
        lot_places=lot_places,
        step=step,
        levels_together=together,
        minute=np.diff(minute, prepend=0).tolist(),
        price=(steps // step).tolist(),
        buy=buy.tolist(),
        sell=sell.tolist(),
        volume=volume.tolist(),
        poc=poc,
        vah=vah,
        val=val,
    )
