"""Minute bars of a tape as stamped, in the form of an export of bars.

Belongs here: ticks -> prices and volume by minute, as far as finding the tape's clock needs them. Does
not belong here: order flow and price levels, which are made once the clock is known (`bars/`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US
from pipeline.exact import Floats, Ints, check_sum, from_units, places_within_reach, to_units

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


def tape_minutes(ticks: pa.Table, shift_us: int = 0) -> pa.Table:
    """Schema `clean_bars`, one run: the minutes of `clean_ticks` with every stamp moved by `shift_us`.

    A minute is `[open, open + 60 s)`. Trades of one stamp keep their order. Volumes are whole lots added.
    """
    ts, price, qty = in_time_order(ticks)
    minute = (ts + shift_us) // MINUTE_US
    start = np.flatnonzero(np.diff(minute, prepend=minute[:1] - 1))
    rows = len(start)
    end = np.append(start[1:], len(ts))[:rows] - 1
    places = places_within_reach(qty)
    lots = to_units(qty, places)
    check_sum(lots, "ticks.qty")
    return pa.table(
        {
            "run": pa.repeat(pa.scalar(0, pa.int32()), rows),
            "stamp": pa.array(minute[start] * MINUTE_US, pa.timestamp("us", tz="UTC")),
            "open": price[start],
            "high": np.maximum.reduceat(price, start) if rows else price,
            "low": np.minimum.reduceat(price, start) if rows else price,
            "close": price[end],
            "volume": from_units(np.add.reduceat(lots, start) if rows else lots, places),
            **{name: pa.nulls(rows, kind) for name, kind in _NOT_MEASURED.items()},
            "lines": pa.array(end - start + 1, pa.int64()),
            "file": pa.repeat(pa.scalar(0, pa.int32()), rows),
            "line": pa.repeat(pa.scalar(0, pa.int64()), rows),
            "flags": pa.repeat(pa.scalar(0, pa.int64()), rows),
        }
    )


def in_time_order(ticks: pa.Table) -> tuple[Ints, Floats, Floats]:
    """Stamps in us, prices and sizes of a tape, stably sorted by stamp."""
    ts = ticks["ts"].cast(pa.int64()).to_numpy()
    price, qty = (ticks[name].to_numpy() for name in ("price", "qty"))
    if np.any(ts[1:] < ts[:-1]):
        order = np.argsort(ts, kind="stable")
        ts, price, qty = ts[order], price[order], qty[order]
    return ts, price, qty
