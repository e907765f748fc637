"""One minute as ATAS and a tape measured it, and what its features are on paper."""

from __future__ import annotations

import pyarrow as pa

from kit.feature_frames import DAY, bars_of
from kit.shipped import RULES
from pipeline.clock import MINUTES_PER_DAY, day_open_us

_BAR = {
    "close": 100.0,
    "volume": 8.0,
    "atas_high": 104.0,
    "atas_low": 100.0,
    "atas_close": 101.0,
    "atas_volume": 10.0,
    "bar_vpo_price": 101.0,
    "bar_vpo_vol": 4.0,
    "bar_vpo_side": "bear",
    "absorption_detected": True,
    "absorption_side": "sell",
    "absorption_strength": 2.5,
    "poc": 102.0,
    "vah": 103.0,
    "val": 99.0,
    "basis_bps": 99.5,
}
_TAPE = {
    "open": 100.0,
    "high": 104.0,
    "low": 100.0,
    "close": 101.0,
    "volume": 10.0,
    "trades": 7,
    "delta_min": -3.0,
    "delta_max": 5.0,
    "gap_ms_mean": 20.0,
    "gap_ms_std": 30.0,
    "qty_max": 2.5,
    "qty_q95": 2.0,
    "best_bid": 100.0,
    "best_ask": 101.0,
    "bid_size": 3.0,
    "ask_size": 1.0,
    "eff_spread": 0.0004,
    "ofi": -1.5,
}
OF_THE_BAR = {
    "vpo_loc": 0.25,
    "vpo_intensity": 0.4,
    "vpo_bias": -1,
    "absorb_flag": 1,
    "absorb_side": -1,
    "absorb_strength": 2.5,
    "poc_gap": 2.0,
    "vah_gap": 3.0,
    "val_gap": -1.0,
    "poc_gap_bps": 200.0,
    "vah_gap_bps": 300.0,
    "val_gap_bps": -100.0,
    "basis_bps": 99.5,
    "xfeed_vol_ratio": 1.25,
}
"""(101 - 100) / (104 - 100), 4 / 10, bear, yes, sell, 2.5, level - 100, the same x 100 bps, 10 / 8."""

OF_THE_TAPE = {
    "min_delta": -3.0,
    "max_delta": 5.0,
    "interarrival_mean": 20.0,
    "interarrival_cv": 1.5,
    "burstiness": 0.2,
    "largest_share": 0.25,
    "size_q95": 2.0,
    "mid": 100.5,
    "spread_bps": 99.50248756218906,
    "queue_imb": 0.5,
    "microprice": 100.75,
    "eff_spread": 0.0004,
    "ofi": -1.5,
}
"""30 / 20, (30 - 20) / (30 + 20), 2.5 / 10, 1e4 / 100.5, (3 - 1) / 4, (101 x 3 + 100 x 1) / 4."""


def bars() -> pa.Table:
    """A day of which the first minute alone was measured."""
    return bars_of(DAY, {n: [value] + [None] * (MINUTES_PER_DAY - 1) for n, value in _BAR.items()})


def tape() -> pa.Table:
    """The minute's row of `minute_stats`."""
    schema = RULES.schema.table("minute_stats")
    opens = pa.array([day_open_us(DAY)]).cast(schema.field("minute_open").type)
    arrays = [
        opens if f.name == "minute_open" else pa.array([_TAPE.get(f.name)], type=f.type)
        for f in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
