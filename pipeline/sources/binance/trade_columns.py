"""A block of rows of trades by columns: those that are plainly good, and the places of all others.

A row is taken here only if each of its values is spelt as both the scanner and the strict reader
(`trade_line.py`) accept it; then it says what that one would read. Without the compiled scanner every row
goes to the strict reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.clock import DAY_US
from pipeline.contracts.values import ValueLimits
from pipeline.sources.atas.tick_scan import Form, Kind, Place, scan, scanner
from pipeline.sources.binance.trade_line import Shape
from pipeline.sources.text.lines import Block
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Ints

_KINDS = {
    **dict.fromkeys(("id", "first_id", "last_id", "time"), Kind.WHOLE),
    **dict.fromkeys(("price", "qty", "quote_qty", "base_qty"), Kind.NUMBER),
    **dict.fromkeys(("maker", "best"), Kind.TRUTH),
}
_AMOUNTS = ("quote_qty", "base_qty")
_EARLIEST_MS, _EARLIEST_US, _LATEST_US = 10**12, 10**15, 250_000_000_000_000_000
"""A stamp from 2001 to 9892; any other is looked at by itself."""


@dataclass(kw_only=True)
class Columns:
    """The plainly good rows of a block, in order.

    `values` are those of the feed's day, by our names, `ts` in us; `places` their positions in the block.
    `seen` are the positions of all good rows, `days` how many days after the feed's they are. `micro` counts
    those of the day that are stamped in microseconds. `odd` are all other positions.
    """

    places: Ints
    values: dict[str, NDArray[Any]]
    seen: Ints
    days: Ints
    micro: int
    odd: list[int]


def form_of(shape: Shape) -> Form | None:
    """What the scanner is told of such rows; None where a column is none of a trade's."""
    places = []
    for number, name in enumerate(shape.names):
        if name is None or name not in _KINDS:
            return None
        places.append(Place(key=name, kind=_KINDS[name], before=b"," if number else b""))
    return Form(places=tuple(places), tail=b"")


def read_columns(
    block: Block, form: Form | None, day_open: int, limits: ValueLimits
) -> Columns | None:
    """The plainly good rows of a block; None where nothing can scan it.

    Args:
        block: lines.
        form: of `form_of`.
        day_open: the first instant of the feed's day, in us.
        limits: a row with a number beyond them is left to the strict reader.
    """
    run = scanner()
    if run is None or form is None or block.whole:
        return None
    found = scan(run, block.body, block.count, form)
    values = found.values | {"ts": _instants(found.values["time"])}
    good = _good(values, limits)
    places = np.delete(np.arange(block.count), found.odd)
    days = (values["ts"] - day_open) // DAY_US
    ours = good & (days == 0)
    values = values if ours.all() else {name: some[ours] for name, some in values.items()}
    return Columns(
        places=places[ours],
        values=values,
        seen=places[good],
        days=days[good],
        micro=int(np.count_nonzero(values["time"] >= _EARLIEST_US)),
        odd=np.sort(np.concatenate([found.odd, places[~good]])).tolist(),
    )


def table_of(block: Block, columns: Columns, shape: Shape) -> pa.Table:
    """The rows as the clean table has them, but for `file`."""
    rows, values, kind = len(columns.places), columns.values, shape.kind
    made: dict[str, pa.Array] = {"line": arrays.column(columns.places + block.number)}
    made["ts"] = arrays.column(values["ts"]).view(kind.table["ts"])
    if "maker" in values:
        made["side"] = arrays.column(1 - 2 * values["maker"].astype(np.int8))
    for name in ("price", "qty", *_AMOUNTS, "first_id", "last_id"):
        if name in values:
            made[name] = arrays.column(values[name])
    made[kind.id_column] = arrays.column(values["id"])
    return pa.table(
        {name: made.get(name, pa.nulls(rows, type_)) for name, type_ in kind.table.items()}
    )


def _instants(stamps: Ints) -> Ints:
    """Stamps in milliseconds or microseconds as instants in us."""
    if len(stamps) and stamps.min() >= _EARLIEST_US:
        return stamps
    return np.where(stamps < _EARLIEST_US, stamps * 1000, stamps)


def _good(values: dict[str, NDArray[Any]], limits: ValueLimits) -> Bools:
    """Rows of which each value is one that a trade may have; a null number is NaN and passes no test."""
    good: Bools = (values["price"] > 0) & (values["qty"] > 0)
    good &= (values["time"] >= _EARLIEST_MS) & (values["ts"] < _LATEST_US)
    for name in ("price", "qty", *_AMOUNTS):
        if name in values:
            low, high = limits.within[name]
            good &= (values[name] == 0) | (values[name] >= low) & (values[name] <= high)
    if "first_id" in values:
        fills = values["last_id"] - values["first_id"] + 1
        good &= (fills >= 1) & (fills <= limits.within["trades"][1])
    return good
