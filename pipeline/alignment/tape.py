"""Minute bars of a tape as stamped, in the form of an export of bars.

Belongs here: ticks -> prices and volume by minute, as far as finding the tape's clock needs them. Does
not belong here: order flow and price levels, which are made once the clock is known (`bars/`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.clock import MINUTE_US
from pipeline.tables.arrays import Floats, Ints
from pipeline.tables.exact import Units, decimal_places, from_units, times, to_units
from pipeline.tables.parts import Parts, as_parts

_COLUMNS = ["ts", "price", "qty"]

_NOT_MEASURED = {
    **dict.fromkeys(("vbuy", "vsell", "cvd_export", "poc", "vah", "val"), pa.float64()),
    **dict.fromkeys(("bar_vpo_price", "bar_vpo_vol", "bar_vpo_loc"), pa.float64()),
    "bar_vpo_side": pa.string(),
    "absorption_detected": pa.bool_(),
    "absorption_strength": pa.float64(),
    "absorption_side": pa.string(),
    "oi": pa.float64(),
    "cum_bid_depth": pa.float64(),
    "cum_ask_depth": pa.float64(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Minutes:
    """Rows in the order of time: number of the minute, prices, whole lots and trades."""

    minute: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    lots: Units
    trades: Ints


def tape_minutes(ticks: pa.Table | Parts, shift_us: int = 0) -> pa.Table:
    """Schema `clean_bars`, one run: the minutes of `clean_ticks` with every stamp moved by `shift_us`.

    A minute is `[open, open + 60 s)`. Trades of one stamp keep their order, parts follow each other in
    time and one at a time stands in memory. Volumes are whole lots added.
    """
    tape = as_parts(ticks)
    lots = Lots.of(tape)
    nothing = tape.schema.empty_table()  # there may be no part at all
    tables = chain([nothing], tape.tables(_COLUMNS))
    minutes = _joined([_of_trades(table, shift_us, lots) for table in tables])
    rows = len(minutes.minute)
    return pa.table(
        {
            "run": pa.repeat(pa.scalar(0, pa.int32()), rows),
            "stamp": pa.array(minutes.minute * MINUTE_US, pa.timestamp("us", tz="UTC")),
            "open": minutes.open,
            "high": minutes.high,
            "low": minutes.low,
            "close": minutes.close,
            "volume": from_units(minutes.lots, lots.places),
            **{name: pa.nulls(rows, kind) for name, kind in _NOT_MEASURED.items()},
            "lines": pa.array(minutes.trades, pa.int64()),
            "file": pa.repeat(pa.scalar(0, pa.int32()), rows),
            "line": pa.repeat(pa.scalar(0, pa.int64()), rows),
            "flags": pa.repeat(pa.scalar(0, pa.int64()), rows),
        }
    )


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


def in_time_order(ticks: pa.Table) -> tuple[Ints, Floats, Floats]:
    """Stamps in us, prices and sizes of a tape, stably sorted by stamp."""
    ts = ticks["ts"].cast(pa.int64()).to_numpy()
    price, qty = (ticks[name].to_numpy() for name in ("price", "qty"))
    if np.any(ts[1:] < ts[:-1]):
        order = np.argsort(ts, kind="stable")
        ts, price, qty = ts[order], price[order], qty[order]
    return ts, price, qty


def _of_trades(ticks: pa.Table, shift_us: int, lots: Lots) -> _Minutes:
    """Each trade as a minute of its own, then those of one minute together."""
    ts, price, qty = in_time_order(ticks)
    trade = _Minutes(
        minute=(ts + shift_us) // MINUTE_US,
        open=price,
        high=price,
        low=price,
        close=price,
        lots=lots.count(qty),
        trades=np.ones(len(ts), dtype=np.int64),
    )
    return _together(trade)


def _joined(parts: list[_Minutes]) -> _Minutes:
    """Parts that follow each other in time; the last minute of one may go on in the next."""
    names = [field.name for field in fields(_Minutes)]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return _together(_Minutes(**columns))


def _together(rows: _Minutes) -> _Minutes:
    """Successive rows of one minute as one row."""
    start = np.flatnonzero(np.diff(rows.minute, prepend=rows.minute[:1] - 1))
    if not len(start):
        return rows
    end = np.append(start[1:], len(rows.minute)) - 1
    return _Minutes(
        minute=rows.minute[start],
        open=rows.open[start],
        high=np.maximum.reduceat(rows.high, start),
        low=np.minimum.reduceat(rows.low, start),
        close=rows.close[end],
        lots=np.add.reduceat(rows.lots, start),
        trades=np.add.reduceat(rows.trades, start),
    )
