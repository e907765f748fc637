"""A tape of trades as integer arrays, cut into minutes.

Belongs here: ticks -> whole ticks, lots and signs, the minutes' edges, whether the sides can be used.
Does not belong here: what is computed per price level (`profile.py`) or put into a table
(`footprint.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ahead import ahead
from pipeline.clock import MINUTE_US
from pipeline.exact import Floats, Ints, check_sum, decimal_places, to_units
from pipeline.parts import Part, Parts

_QUOTES = ["best_bid", "best_ask", "bid_volume", "ask_volume"]

_PIECE = 100_000
"""So many trades are worked on at once: some ten times their size stands in memory meanwhile."""

_COLUMNS = ["ts", "price", "qty", "side", *_QUOTES]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What holds for a whole tape: decimal places of its prices and sizes, and whether its sides count."""

    price_places: int
    qty_places: int
    has_sides: bool


def read_scale(ticks: Parts, flow: dict[str, float]) -> Scale | None:
    """The scale of a tape, None of one without trades.

    An exporter without a side to read writes "buy" on every trade, so one-sidedness of a whole tape
    says that nothing was measured (defect A09). It is judged from CONTROL's number of trades on.

    Args:
        ticks: a table of schema `clean_ticks`.
        flow: CONTROL's `flow`, which says when sides cannot be used.

    Raises:
        ContractError: prices or sizes do not fit exact integers.
    """
    prices, qtys, counts, sides = [], [], [], Counter[int | None]()
    for _, (price, qty, side) in ahead(_distinct, ticks.parts):
        prices.append(price.to_numpy())
        values, times = qty.flatten()
        qtys.append(values.to_numpy())
        counts.append(times.to_numpy())
        for entry in side.to_pylist():
            sides[entry["values"]] += entry["counts"]
    if not sum(map(len, prices)):
        return None
    places = decimal_places(*prices), decimal_places(*qtys)
    for values, times in zip(qtys, counts, strict=True):
        check_sum(to_units(values, places[1]), "ticks.qty", times)
    known = sides[1] + sides[-1]
    one_sided = (
        known >= flow["one_sided_trades_min"]
        and max(sides[1], sides[-1]) > flow["one_sided_share_max"] * known
    )
    return Scale(price_places=places[0], qty_places=places[1], has_sides=not one_sided)


def _distinct(part: Part) -> tuple[pa.Array, pa.StructArray, pa.StructArray]:
    """The distinct prices; sizes and sides with how often each stands."""
    table = part.read(["price", "qty", "side"])
    return pc.unique(table["price"]), *(pc.value_counts(table[name]) for name in ("qty", "side"))


def read_tapes(ticks: Parts, scale: Scale) -> Iterator[Tape]:
    """The tape in pieces, in the order of time, that each hold all trades of their minutes.

    Args:
        ticks: schema `clean_ticks`, parts that follow each other in time; inside a part any order,
            equal stamps keep theirs.
        scale: of the whole tape.
    """
    return (_tape(piece, scale) for piece in _whole_minutes(ticks))


def _whole_minutes(ticks: Parts) -> Iterator[pa.Table]:
    held = ticks.schema.empty_table().select(_COLUMNS)
    for part in ticks.tables(_COLUMNS):
        table = _in_order(pa.concat_tables([held, part]))
        ts = _instants(table)
        first = 0
        for end in _cuts(ts):
            yield table.slice(first, end - first)
            first = end
        held = table.slice(first).combine_chunks()
        del part, table
        pa.default_memory_pool().release_unused()
    if held.num_rows:
        yield held


def _cuts(ts: Ints) -> list[int]:
    """Where minutes begin, about every `_PIECE` rows, and where the last minute does; never at 0."""
    if not len(ts):
        return []
    wanted = [*range(_PIECE, len(ts), _PIECE), len(ts) - 1]
    begins = np.searchsorted(ts, ts[wanted] // MINUTE_US * MINUTE_US)
    return [int(begin) for begin in np.unique(begins) if begin]


def _in_order(table: pa.Table) -> pa.Table:
    ts = _instants(table)
    if (np.diff(ts) >= 0).all():
        return table
    return table.take(pa.array(np.argsort(ts, kind="stable")))


def _instants(table: pa.Table) -> Ints:
    stamps: Ints = table["ts"].cast(pa.int64()).to_numpy()
    return stamps


def _tape(ticks: pa.Table, scale: Scale) -> Tape:
    """Trades in the order of time, at least one."""
    ts = _instants(ticks)
    minute = ts // MINUTE_US
    start = np.flatnonzero(np.diff(minute, prepend=minute[0] - 1))
    side: Ints = pc.fill_null(ticks["side"].cast(pa.int64()), 0).to_numpy()
    return Tape(
        ts=ts,
        price=to_units(_floats(ticks["price"]), scale.price_places),
        qty=to_units(_floats(ticks["qty"]), scale.qty_places),
        side=side if scale.has_sides else np.zeros_like(side),
        bid=_floats(ticks["best_bid"]),
        ask=_floats(ticks["best_ask"]),
        bid_size=_floats(ticks["bid_volume"]),
        ask_size=_floats(ticks["ask_volume"]),
        price_places=scale.price_places,
        qty_places=scale.qty_places,
        start=start,
        minute=minute[start] * MINUTE_US,
    )


def _floats(column: pa.ChunkedArray) -> Floats:
    """The column with NaN for null."""
    values: Floats = column.cast(pa.float64()).to_numpy()
    return values
