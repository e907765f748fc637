"""A tape of trades as integer arrays, cut into minutes.

Belongs here: ticks -> whole ticks, lots and signs, the minutes' edges, whether the sides can be used.
Does not belong here: what is computed per price level (`profile.py`) or put into a table
(`footprint.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.clock import MINUTE_US
from pipeline.exact import Floats, Ints, check_sum, decimal_places, to_units


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """Trades in time order. `price` and `qty` are whole multiples of 10^-places.

    `side` is +1, -1, or 0 where it is not known; all 0 when the tape's sides cannot be used.
    `start` holds the first trade of each traded minute, `minute` that minute's open in us.
    """

    ts: Ints
    price: Ints
    qty: Ints
    side: Ints
    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats
    price_places: int
    qty_places: int
    start: Ints
    minute: Ints

    @property
    def minute_index(self) -> Ints:
        """For each trade the position of its minute among the traded ones."""
        return np.repeat(np.arange(len(self.start)), self.count)

    @property
    def count(self) -> Ints:
        """Trades of each traded minute."""
        return np.diff(np.append(self.start, len(self.ts)))

    @property
    def end(self) -> Ints:
        """The last trade of each traded minute, itself included."""
        return np.append(self.start[1:], len(self.ts)) - 1


def read_tape(ticks: pa.Table, flow: dict[str, float]) -> Tape:
    """The trades of `clean_ticks`, at least one, as a tape; equal stamps keep their row order.

    Args:
        ticks: a table of schema `clean_ticks`.
        flow: CONTROL's `flow`, which says when sides cannot be used.

    Raises:
        ContractError: prices or sizes do not fit exact integers.
    """
    ts = ticks["ts"].cast(pa.int64()).to_numpy()
    order = np.argsort(ts, kind="stable")
    ts = ts[order]
    price, qty = (_floats(ticks[name])[order] for name in ("price", "qty"))
    places = decimal_places(price), decimal_places(qty)
    units = to_units(price, places[0]), to_units(qty, places[1])
    check_sum(units[1], "ticks.qty")
    minute = ts // MINUTE_US
    start = np.flatnonzero(np.diff(minute, prepend=minute[0] - 1))
    return Tape(
        ts=ts,
        price=units[0],
        qty=units[1],
        side=_usable_sides(ticks["side"], flow)[order],
        bid=_floats(ticks["best_bid"])[order],
        ask=_floats(ticks["best_ask"])[order],
        bid_size=_floats(ticks["bid_volume"])[order],
        ask_size=_floats(ticks["ask_volume"])[order],
        price_places=places[0],
        qty_places=places[1],
        start=start,
        minute=minute[start] * MINUTE_US,
    )


def _floats(column: pa.ChunkedArray) -> Floats:
    """The column with NaN for null."""
    values: Floats = column.cast(pa.float64()).to_numpy()
    return values


def _usable_sides(column: pa.ChunkedArray, flow: dict[str, float]) -> Ints:
    """Signs by row, 0 where unknown; all 0 when nearly all known ones are the same (defect A09).

    An exporter without a side to read writes "buy" on every trade, so one-sidedness of a whole tape
    says that nothing was measured. It is judged from CONTROL's number of trades on.
    """
    side: NDArray[np.int64] = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
    known = int(np.count_nonzero(side))
    larger = max(int(np.count_nonzero(side > 0)), int(np.count_nonzero(side < 0)))
    one_sided = (
        known >= flow["one_sided_trades_min"] and larger > flow["one_sided_share_max"] * known
    )
    return np.zeros_like(side) if one_sided else side
