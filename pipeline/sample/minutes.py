"""Exact minute bars and volume points of a tape, in integers.

Belongs here: the bucketing `[open, open + 60 s)` and what ATAS and Binance both derive from it.
Does not belong here: how either of them prints it (`writers.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.sample.bars import Bars
from pipeline.sample.tape import Tape
from pipeline.tables.arrays import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """The price with the largest volume of each traded minute, in time order.

    `minute` counts from 00:00 UTC; of equal volumes the lower price is taken, as in the real exports;
    `tilt` is the sign of buys minus sells at that price.
    """

    minute: Ints
    price: Ints
    volume: Ints
    tilt: Ints


def minute_of(tape: Tape) -> Ints:
    """The minute of the day, 0 to 1439, of each trade."""
    return (tape.ts_us - day_open_us(tape.day)) // MINUTE_US


def minute_bars(tape: Tape) -> Bars:
    """All 1440 minutes; one without a trade carries the last price (at the start, the level at 00:00)."""
    minute, p = minute_of(tape), tape.price_ticks
    first = _starts(minute)
    traded = minute[first]
    close = _carried(tape, traded, p[np.append(first[1:], len(p)) - 1])
    before = np.concatenate([[tape.open_ticks], close[:-1]])
    amount, bought = tape.instrument.amounts(p, tape.qty_lots), tape.side > 0
    return Bars(
        open_us=day_open_us(tape.day) + MINUTE_US * np.arange(MINUTES_PER_DAY, dtype=np.int64),
        open=_placed(before, traded, p[first]),
        high=_placed(close, traded, np.maximum.reduceat(p, first)),
        low=_placed(close, traded, np.minimum.reduceat(p, first)),
        close=close,
        volume=_summed(minute, tape.qty_lots),
        quote=_summed(minute, amount),
        trades=_summed(minute, np.ones_like(p)),
        buy_volume=_summed(minute, np.where(bought, tape.qty_lots, 0)),
        buy_quote=_summed(minute, np.where(bought, amount, 0)),
        width_us=MINUTE_US,
    )


def volume_points(tape: Tape) -> Points:
    """The volume point of each traded minute."""
    minute = minute_of(tape)
    order = np.lexsort((tape.price_ticks, minute))
    m, p, q = minute[order], tape.price_ticks[order], tape.qty_lots[order]
    level = np.flatnonzero(np.r_[True, (m[1:] != m[:-1]) | (p[1:] != p[:-1])])
    volume = np.add.reduceat(q, level)
    delta = np.add.reduceat(q * tape.side[order], level)
    best = np.lexsort((p[level], -volume, m[level]))
    best = best[_starts(m[level][best])]
    return Points(
        minute=m[level][best], price=p[level][best], volume=volume[best], tilt=np.sign(delta[best])
    )


def _starts(groups: Ints) -> npt.NDArray[np.intp]:
    return np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])


def _summed(minute: Ints, values: Ints) -> Ints:
    sums = np.zeros(MINUTES_PER_DAY, dtype=np.int64)
    np.add.at(sums, minute, values)
    return sums


def _placed(base: Ints, where: Ints, values: Ints) -> Ints:
    filled = base.copy()
    filled[where] = values
    return filled


def _carried(tape: Tape, traded: Ints, closes: Ints) -> Ints:
    """Closes of all minutes: each from the last traded minute up to it."""
    known = np.concatenate([[tape.open_ticks], closes])
    return known[np.searchsorted(traded, np.arange(MINUTES_PER_DAY), side="right")]
