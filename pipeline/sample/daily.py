"""The slow path of the price: one level per midnight, and whole days for the warm-up.

Belongs here: the level at 00:00 UTC of any date as a pure function of (seed, symbol, date), so that a
day made alone joins its neighbours; daily bars of days that nobody needs in minutes.
Does not belong here: what happens inside a day (`tape.py`).
"""

from __future__ import annotations

import datetime as dt

import numpy as np

from pipeline.clock import DAY_US, day_open_us
from pipeline.sample.bars import Bars
from pipeline.sample.draws import bells
from pipeline.sample.instrument import instrument_of
from pipeline.tables.arrays import Floats, Ints

ANCHOR = dt.date(2000, 1, 1)
"""Number 0 of the shock stream. Shocks before it do not exist, so dates start well after it."""

DAILY_SD = 0.025
"""Standard deviation of a day's return."""

MEAN_LOTS = 3
"""Mean size of a trade in units of `Instrument.usual_lots`."""

# The log level is a moving sum of the last 600 daily shocks with weights 0.99^k: it wanders like a
# price, returns to the instrument's own level, and needs no walk from some first day.
_LAGS = 600
_KERNEL_ONE = 1 << 16
_ACTIVITY_LAGS = 10


def _kernel() -> Ints:
    weights = [_KERNEL_ONE]
    while len(weights) < _LAGS:
        weights.append(weights[-1] * 99 // 100)
    return np.array(weights, dtype=np.int64)


def midnight_levels(seed: int, symbol: str, first: dt.date, count: int) -> Ints:
    """The price in ticks at 00:00 UTC of `count` days from `first` on; each the same in any range.

    The growth `(1 + x/2) / (1 - x/2)` stands for `exp(x)`: correctly rounded on every machine.
    """
    start = _number(first) - _LAGS
    whole = _ticks(bells(count + _LAGS, seed, symbol, "midnight", at=start) * _KERNEL_ONE)
    sums = np.convolve(whole, _kernel(), mode="valid")[1:]
    x = np.clip(sums * (DAILY_SD / _KERNEL_ONE / _KERNEL_ONE), -1.5, 1.5)
    level = instrument_of(symbol).level_ticks
    return _ticks(level * (1.0 + x / 2.0) / (1.0 - x / 2.0))


def daily_bars(seed: int, symbol: str, first: dt.date, count: int, trades: int) -> Bars:
    """`count` whole days from `first` on that were never simulated in minutes: one row a day.

    Open and close are the midnight levels of the day and of the next; `trades` is the usual number
    of trades a day, around which a slow activity moves.
    """
    coin, level = instrument_of(symbol), midnight_levels(seed, symbol, first, count + 1)
    o, c = level[:-1], level[1:]
    high = np.maximum(o, c) + _ticks(o * _reach(seed, symbol, first, count, "up"))
    low = np.minimum(o, c) - _ticks(o * _reach(seed, symbol, first, count, "down"))
    n = _ticks(trades * _activity(seed, symbol, first, count))
    volume = n * (MEAN_LOTS * coin.usual_lots)
    buy = np.clip(_ticks(volume * (0.5 + (c - o) / o)), 0, volume)
    price = (o + high + low + c) // 4
    return Bars(
        open_us=day_open_us(first) + DAY_US * np.arange(count, dtype=np.int64),
        open=o,
        high=high,
        low=low,
        close=c,
        volume=volume,
        quote=coin.amounts(price, volume),
        trades=n,
        buy_volume=buy,
        buy_quote=coin.amounts(price, buy),
        width_us=DAY_US,
    )


def _number(day: dt.date) -> int:
    return day.toordinal() - ANCHOR.toordinal()


def _ticks(values: Floats) -> Ints:
    return np.rint(values).astype(np.int64)


def _reach(seed: int, symbol: str, first: dt.date, count: int, side: str) -> Floats:
    """How far a day runs past its open and close, as a fraction: half a daily deviation, cut at 10 %."""
    draws = bells(count, seed, symbol, "reach", side, at=_number(first))
    return np.minimum(np.abs(draws) * (DAILY_SD / 2.0), 0.1)


def _activity(seed: int, symbol: str, first: dt.date, count: int) -> Floats:
    """Slow activity around 1: one plus the mean of the last ten days' draws, at least a quarter."""
    start = _number(first) - _ACTIVITY_LAGS
    whole = _ticks(bells(count + _ACTIVITY_LAGS, seed, symbol, "activity", at=start) * _KERNEL_ONE)
    sums = np.convolve(whole, np.ones(_ACTIVITY_LAGS, dtype=np.int64), mode="valid")[1:]
    return np.maximum(1.0 + sums / (_ACTIVITY_LAGS * _KERNEL_ONE), 0.25)
