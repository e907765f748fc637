"""A tape of trades as integer arrays, cut into minutes.

Belongs here: ticks -> whole ticks, lots and signs, the minutes' edges, whether the sides can be used.
Does not belong here: what is computed per price level (`profile.py`) or put into a table
(`footprint.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.clock import MINUTE_US
from pipeline.tables import arrays
from pipeline.tables.arrays import Floats, Ints
from pipeline.tables.exact import Units, decimal_places, to_units
from pipeline.tables.parts import Part, Parts
from pipeline.tables.prefetch import ahead
from pipeline.tables.tape import whole_minutes

_QUOTES = ["best_bid", "best_ask", "bid_volume", "ask_volume"]

_COLUMNS = ("ts", "price", "qty", "side", *_QUOTES, "first_id", "last_id")
"""Of these the ones that a tape has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """Trades in time order. `price` and `qty` are whole multiples of 10^-places, of this piece's own.

    `side` is +1, -1, or 0 where it is not known; all 0 when the tape's sides cannot be used. `fills` are
    how many trades of the exchange each row stands for, None where each is one.
    `start` holds the first trade of each traded minute, `minute` that minute's open in us.
    """

    ts: Ints
    price: Units
    qty: Units
    side: Ints
    fills: Ints | None
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
        """Rows of each traded minute."""
        return np.diff(np.append(self.start, len(self.ts)))

    @property
    def trades(self) -> Ints:
        """Trades of each traded minute, those that an aggregate stands for one by one."""
        return self.count if self.fills is None else np.add.reduceat(self.fills, self.start)

    @property
    def end(self) -> Ints:
        """The last trade of each traded minute, itself included."""
        return np.append(self.start[1:], len(self.ts)) - 1


def has_sides(ticks: Parts, flow: dict[str, float]) -> bool:
    """Whether the sides of a tape count.

    An exporter without a side to read writes "buy" on every trade, so one-sidedness of a whole tape
    says that nothing was measured (defect A09). It is judged from CONTROL's number of trades on.

    Args:
        ticks: a table of schema `clean_ticks`, `clean_trades` or `clean_agg_trades`.
        flow: CONTROL's `flow`, which says when sides cannot be used.
    """
    sides = [found for _, found in ahead(_counted_sides, ticks.parts)]
    bought, sold = (sum(counts) for counts in zip((0, 0), *sides, strict=True))
    one_sided = bought + sold >= flow["one_sided_trades_min"] and max(bought, sold) > flow[
        "one_sided_share_max"
    ] * (bought + sold)
    return not one_sided


def _counted_sides(part: Part) -> tuple[int, int]:
    """How many trades of a part were bought and sold."""
    sides = _sides(part.read(["side"]))
    return int(np.count_nonzero(sides > 0)), int(np.count_nonzero(sides < 0))


def _sides(ticks: pa.Table) -> NDArray[np.int8]:
    """+1, -1, or 0 where it is not known."""
    side = arrays.one(ticks["side"])
    return np.where(arrays.valid(side), arrays.raw(side), np.int8(0))


def read_tapes(ticks: Parts, sided: bool) -> Iterator[Tape]:
    """The tape in pieces, in the order of time, that each hold all trades of their minutes.

    Args:
        ticks: as there, parts that follow each other in time; inside a part any order,
            equal stamps keep theirs.
        sided: whether the sides of the whole tape count (`has_sides`).
    """
    return (_tape(piece, sided) for piece in whole_minutes(ticks, _COLUMNS))


def _tape(ticks: pa.Table, sided: bool) -> Tape:
    """Trades in the order of time, at least one."""
    ts = arrays.ints(ticks["ts"])
    minute = ts // MINUTE_US
    start = np.flatnonzero(np.diff(minute, prepend=minute[0] - 1))
    price, qty = (arrays.floats(ticks[name]) for name in ("price", "qty"))
    price_places, qty_places = decimal_places(price), decimal_places(qty)
    side = _sides(ticks).astype(np.int64)
    return Tape(
        ts=ts,
        price=to_units(price, price_places),
        qty=to_units(qty, qty_places),
        side=side if sided else np.zeros_like(side),
        fills=_fills(ticks),
        **_quotes(ticks),
        price_places=price_places,
        qty_places=qty_places,
        start=start,
        minute=minute[start] * MINUTE_US,
    )


def _fills(ticks: pa.Table) -> Ints | None:
    if "first_id" not in ticks.column_names:
        return None
    return arrays.ints(ticks["last_id"]) - arrays.ints(ticks["first_id"]) + 1


def _quotes(ticks: pa.Table) -> dict[str, Floats]:
    """Best bid and ask, NaN of a tape without."""
    names = zip(("bid", "ask", "bid_size", "ask_size"), _QUOTES, strict=True)
    nothing = np.full(ticks.num_rows, np.nan)
    return {
        ours: arrays.floats(ticks[name]) if name in ticks.column_names else nothing
        for ours, name in names
    }
