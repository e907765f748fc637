"""Best quotes as the trades of a minute saw them: order flow imbalance, and what takers paid.

Belongs here: sums over the quotes that stand beside the trades, in integers. Does not belong here: the
minute's last quote (`footprint.py`), and any quote between two trades, which a tape does not have.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.bars.tape import Tape
from pipeline.tables import arrays
from pipeline.tables.arrays import Ints
from pipeline.tables.exact import Units, decimal_places, from_units, quotients, times, to_units


def order_flow_imbalance(tape: Tape) -> pa.Array:
    """Per minute the sum of e over successive quotes with both sizes; null below two such quotes.

    e = [b >= b'] qb - [b <= b'] qb' - [a <= a'] qa + [a >= a'] qa', of the quote and the one before
    it (') in the same minute, seen at successive trades. Source: Cont, Kukanov and Stoikov 2014.
    """
    known = np.flatnonzero(
        np.isfinite(tape.bid + tape.ask) & np.isfinite(tape.bid_size + tape.ask_size)
    )
    if known.size == 0:
        return pa.nulls(len(tape.start), pa.float64())
    bid, ask, minute = tape.bid[known], tape.ask[known], tape.minute_index[known]
    sizes = tape.bid_size[known], tape.ask_size[known]
    places = decimal_places(*sizes)
    bid_size, ask_size = (to_units(size, places) for size in sizes)
    event = (
        np.where(bid[1:] >= bid[:-1], bid_size[1:], 0)
        - np.where(bid[1:] <= bid[:-1], bid_size[:-1], 0)
        - np.where(ask[1:] <= ask[:-1], ask_size[1:], 0)
        + np.where(ask[1:] >= ask[:-1], ask_size[:-1], 0)
    )
    inside = minute[1:] == minute[:-1]
    total = _sums(np.where(inside, event, 0), minute[1:], len(tape.start))
    pairs = np.bincount(minute[1:][inside], minlength=len(tape.start))
    return arrays.column(from_units(total, places), pairs == 0)


def effective_spread(tape: Tape) -> pa.Array:
    """Per minute 2 x sum of side (p - mid) q / sum of mid q, mid of the quote beside each trade.

    That is the mean of 2 side (p - mid) / mid weighted by traded value; trades without a side or without
    an uncrossed quote are left out, null where none is left. Source: Huang and Stoll 1996.
    """
    known = np.flatnonzero((tape.side != 0) & (tape.bid < tape.ask))
    if known.size == 0:
        return pa.nulls(len(tape.start), pa.float64())
    places = max(tape.price_places, decimal_places(tape.bid[known], tape.ask[known]))
    double_mid = to_units(tape.bid[known], places) + to_units(tape.ask[known], places)
    double_price = times(tape.price[known], 2 * 10 ** (places - tape.price_places))
    minute, qty = tape.minute_index[known], tape.qty[known]
    distance = tape.side[known] * (double_price - double_mid)
    paid, value = (_sums(times(x, qty), minute, len(tape.start)) for x in (distance, double_mid))
    return arrays.column(quotients(2 * paid, value), value == 0)


def _sums(values: Units, minute: Ints, minutes: int) -> Units:
    """Integer sums by minute; `minute` does not fall."""
    start = np.searchsorted(minute, np.arange(minutes + 1))
    running = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(values)))
    return np.diff(running[start])


def size_quantile(tape: Tape, percent: int) -> Units:
    """Per minute the smallest trade size, in lots, that at least `percent` % of its trades do not exceed."""
    found = np.empty(len(tape.start), dtype=tape.qty.dtype)
    for minute, (first, count) in enumerate(
        zip(tape.start.tolist(), tape.count.tolist(), strict=True)
    ):
        place = (percent * count + 99) // 100 - 1
        found[minute] = np.partition(tape.qty[first : first + count], place)[place]
    return found
