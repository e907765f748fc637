"""Minute bars of a tape as stamped, in the form of an export of bars.

Belongs here: ticks -> prices and volume by minute, as far as finding the tape's clock needs them. Does
not belong here: order flow and price levels, which are made once the clock is known (`bars/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.alignment.feeds import bars_of_ticks
from pipeline.clock import MINUTE_US
from pipeline.tables import arrays
from pipeline.tables.arrays import Floats, Ints
from pipeline.tables.exact import Units, decimal_places, from_units, times, to_units
from pipeline.tables.parts import Parts, as_parts
from pipeline.tables.tape import whole_minutes

COLUMNS = ["ts", "price", "qty"]
"""What is read of a tape."""

_UTC = pa.timestamp("us", tz="UTC")
_MINUTES = pa.schema(
    {
        "minute_open": _UTC,
        **dict.fromkeys(("open", "high", "low", "close", "volume"), pa.float64()),
        "trades": pa.int64(),
    }
)


def tape_minutes(ticks: pa.Table | Parts, shift_us: int = 0) -> pa.Table:
    """Schema `clean_bars`, one run: the minutes of `clean_ticks` with every stamp moved by `shift_us`.

    A minute is `[open, open + 60 s)`. Trades of one stamp keep their order, parts follow each other in
    time and one at a time stands in memory. Volumes are whole lots added.
    """
    tape = as_parts(ticks)
    lots = Lots.of(tape)
    pieces = whole_minutes(tape, COLUMNS, shift_us)
    minutes = [_minutes(piece, shift_us, lots) for piece in pieces]
    return bars_of_ticks(pa.concat_tables([_MINUTES.empty_table(), *minutes]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lots:
    """How a tape's sizes are counted: in 10^-places, by numbers that hold the sum over all parts."""

    places: int
    kind: np.dtype[Any]

    @classmethod
    def of(cls, tape: Parts, *others: Floats) -> Lots:
        """Of a tape, and of other volumes that it is held against."""
        sizes, counts = _traded_sizes(tape)
        places = decimal_places(sizes, *others)
        return cls(places=places, kind=times(to_units(sizes, places), counts).dtype)

    def count(self, sizes: Floats) -> Units:
        """Sizes in lots."""
        return to_units(sizes, self.places).astype(self.kind, copy=False)


def _traded_sizes(tape: Parts) -> tuple[Floats, Ints]:
    """The distinct trade sizes of each part, and how often each stands there."""
    found = [pc.value_counts(table["qty"]) for table in tape.tables(["qty"])]
    sizes = [counts.field(0).to_numpy() for counts in found]
    times = [counts.field(1).to_numpy() for counts in found]
    return np.concatenate([np.zeros(0), *sizes]), np.concatenate([np.zeros(0, np.int64), *times])


def _minutes(trades: pa.Table, shift_us: int, lots: Lots) -> pa.Table:
    """The minutes of trades in the order of time, at least one."""
    minute = (arrays.ints(trades["ts"]) + shift_us) // MINUTE_US
    price, qty = (arrays.floats(trades[name]) for name in ("price", "qty"))
    start = np.flatnonzero(np.diff(minute, prepend=minute[0] - 1))
    end = np.append(start[1:], len(minute)) - 1
    columns = {
        "minute_open": pa.array(minute[start] * MINUTE_US, _UTC),
        "open": price[start],
        "high": np.maximum.reduceat(price, start),
        "low": np.minimum.reduceat(price, start),
        "close": price[end],
        "volume": from_units(np.add.reduceat(lots.count(qty), start), lots.places),
        "trades": end - start + 1,
    }
    return pa.table(columns, _MINUTES)
