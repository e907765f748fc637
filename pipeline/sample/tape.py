"""The trade tape of one symbol-day: the one truth from which every sample file is printed.

Belongs here: simulated trades in integers, with the quote that each of them met.
Does not belong here: bars (`minutes.py`), vendor formats (`writers.py`), damage (`defects.py`).
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.clock import MINUTES_PER_DAY, day_open_us
from pipeline.errors import ParameterError
from pipeline.sample.daily import ANCHOR, DAILY_SD, midnight_levels
from pipeline.sample.draws import bells, below, uniforms
from pipeline.sample.instrument import Instrument, instrument_of
from pipeline.tables.arrays import Bools, Floats, Ints

TRADES_MAX = 2_000_000
"""Most trades of one day; trade ids leave room for ten million."""

_IDS_PER_DAY = 10_000_000
_MINUTE_MS = 60_000
_FRACTION_BITS = 10

# Activity at the turn of each UTC hour: Asia's morning, Europe's opening, the American afternoon.
_MORNING = (78, 70, 62, 56, 50, 48, 50, 62, 84, 88, 80, 78)
_AFTERNOON = (88, 118, 150, 146, 124, 104, 92, 84, 78, 70, 66, 72, 78)
_HOURS = np.array([*_MORNING, *_AFTERNOON], dtype=np.int64)
_HOURS_MEAN = 82.0
_QUIET_ONE_IN = 40
_SPREAD_TICKS = np.array([1, 1, 1, 1, 1, 1, 2, 3], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """One symbol-day of trades in exchange order; equal stamps are common, stamps never step back.

    `ts_us` is UTC microseconds on whole milliseconds; prices, `bid_ticks` and `ask_ticks` are in ticks,
    `qty_lots` in lots of the instrument; `side` is +1 where the buyer was the taker, else -1.
    `open_ticks` is the price at 00:00, which is also the last price of the day before.
    """

    seed: int
    instrument: Instrument
    day: dt.date
    open_ticks: int
    ts_us: Ints
    price_ticks: Ints
    qty_lots: Ints
    side: npt.NDArray[np.int8]
    bid_ticks: Ints
    ask_ticks: Ints
    trade_id: Ints

    def __len__(self) -> int:
        return len(self.ts_us)


def day_tape(seed: int, symbol: str, day: dt.date, trades: int) -> Tape:
    """The day's `trades` trades: the same arrays whether the day is made alone or within a range.

    The first trade is at the midnight level of the day and the last at that of the next, so days join.

    Raises:
        ParameterError: fewer than 2 or more than `TRADES_MAX` trades.
    """
    if not 2 <= trades <= TRADES_MAX:
        raise ParameterError(f"trades a day: got {trades}, wanted 2 to {TRADES_MAX}")
    instrument, names = instrument_of(symbol), (seed, symbol, day)
    volatility = _volatility(*names)
    ms, joins = _times(trades, volatility, *names)
    side = _sides(joins, *names)
    spread = _SPREAD_TICKS[below(len(_SPREAD_TICKS), trades, *names, "spread")]
    levels = midnight_levels(seed, symbol, day, 2)
    lift = np.where(side > 0, spread, 0)
    bid = _bids(_steps(ms, side, volatility * levels[0], *names), levels, lift)
    number = day.toordinal() - ANCHOR.toordinal()
    return Tape(
        seed=seed,
        instrument=instrument,
        day=day,
        open_ticks=int(levels[0]),
        ts_us=day_open_us(day) + 1_000 * ms,
        price_ticks=bid + lift,
        qty_lots=sizes(trades, instrument, *names),
        side=side.astype(np.int8),
        bid_ticks=bid,
        ask_ticks=bid + spread,
        trade_id=number * _IDS_PER_DAY + np.arange(trades, dtype=np.int64),
    )


def sizes(count: int, instrument: Instrument, *names: object) -> Ints:
    """Heavy-tailed sizes in lots: Pareto of tail index 4/3 (`u^(-3/4)` by square roots), cut far out."""
    root = np.sqrt(uniforms(count, *names, "size"))
    tail = 1.0 / (root * np.sqrt(root)) - 1.0
    return 1 + (instrument.usual_lots * np.minimum(tail, 2_000.0)).astype(np.int64)


def _curve() -> Floats:
    """Usual activity of each minute around 1, straight between the hours."""
    hour, minute = np.divmod(np.arange(MINUTES_PER_DAY), 60)
    between = _HOURS[hour] * (60 - minute) + _HOURS[hour + 1] * minute
    return np.asarray(between / (60.0 * _HOURS_MEAN), dtype=np.float64)


def _volatility(*names: object) -> Floats:
    """Standard deviation of each minute's return: GARCH(1,1) variance around 1, times the day's curve."""
    variance, run_in = 1.0, 240
    variances = []
    for shock in bells(run_in + MINUTES_PER_DAY, *names, "variance").tolist():
        variance = 0.03 + 0.09 * variance * shock * shock + 0.88 * variance
        variances.append(variance)
    daily = np.sqrt(np.array(variances[run_in:], dtype=np.float64) * _curve())
    return np.asarray(daily * (DAILY_SD / math.sqrt(MINUTES_PER_DAY)), dtype=np.float64)


def _times(trades: int, volatility: Floats, *names: object) -> tuple[Ints, Bools]:
    """Milliseconds of the day, non-decreasing, and which trades share the stamp before them."""
    weight = (volatility * _curve() * 1e9).astype(np.int64)
    weight[below(_QUIET_ONE_IN, MINUTES_PER_DAY, *names, "quiet") == 0] = 0
    ends = np.cumsum(weight)
    minute = np.searchsorted(ends, below(int(ends[-1]), trades, *names, "minute"), side="right")
    ms = np.sort(minute * _MINUTE_MS + below(_MINUTE_MS, trades, *names, "ms"))
    joins = below(10, trades, *names, "join") < 3
    joins[1:] &= ms[1:] // _MINUTE_MS == ms[:-1] // _MINUTE_MS
    joins[0] = False
    return np.maximum.accumulate(np.where(joins, 0, ms)), joins


def _sides(joins: Bools, *names: object) -> Ints:
    """+1 and -1 in runs of four on average; trades of one stamp have one side."""
    turns = (below(3, len(joins), *names, "turn") == 0) & ~joins
    return np.where((np.cumsum(turns) + below(2, 1, *names, "first")) % 2 == 0, 1, -1)


def _steps(ms: Ints, side: Ints, minute_sd: Floats, *names: object) -> Ints:
    """Price change before each trade in 1/1024 tick: noise plus impact; each minute has its variance."""
    minute = ms // _MINUTE_MS
    trades = np.bincount(minute, minlength=MINUTES_PER_DAY)
    sd = (minute_sd / np.sqrt(np.maximum(trades, 1)))[minute]
    noise = 0.9 * bells(len(ms), *names, "step") + 0.2 * side
    return np.rint(sd * noise * (1 << _FRACTION_BITS)).astype(np.int64)


def _bids(steps: Ints, levels: Ints, lift: Ints) -> Ints:
    """Best bids: the walk, bent so that bid + lift starts at the first level and ends at the second."""
    start, end = int(levels[0] - lift[0]), int(levels[1] - lift[-1])
    walk = np.cumsum(steps) - steps[0]
    miss = ((end - start) << _FRACTION_BITS) - int(walk[-1])
    last = len(walk) - 1
    bent = walk + miss * np.arange(last + 1, dtype=np.int64) // last
    half = 1 << (_FRACTION_BITS - 1)
    bids = start + ((bent + half) >> _FRACTION_BITS)
    return np.asarray(np.maximum(bids, 1), dtype=np.int64)
