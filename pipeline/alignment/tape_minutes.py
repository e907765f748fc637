"""A day's minutes as its tapes prove them: the table that the proof writes and the bars are aligned with.

Belongs here: its form. What is proven and believed is the proof's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from pipeline.alignment.flow import Sides
from pipeline.clock import MINUTE_US, MINUTES_PER_DAY
from pipeline.model.feeds import TRADE_TAPES
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools

_TIME = pa.timestamp("us", tz="UTC")
_UNKNOWN = np.full(MINUTES_PER_DAY, np.nan)


def tape_minutes(
    opened_us: int, proven: pa.Array, ticks: Bools | None, archives: Mapping[str, Sides]
) -> pa.Table:
    """The day's 1440 minutes.

    Args:
        opened_us: 00:00 UTC of the day.
        proven: as in `bars_1m`.
        ticks: where ATAS's tape is believed; None where it is not held against the klines.
        archives: order flow in base units of the exchange's tapes, NaN where one is not believed.

    Returns:
        `minute_open`, `proven`, `ticks` (null where None), and of each archive `_buy` and `_sell`.
    """
    places = opened_us + np.arange(MINUTES_PER_DAY, dtype=np.int64) * MINUTE_US
    flow = {}
    for name in TRADE_TAPES:
        sides = archives.get(name, Sides(buy=_UNKNOWN, sell=_UNKNOWN))
        for side, values in (("buy", sides.buy), ("sell", sides.sell)):
            flow[f"{name}_{side}"] = pa.array(values, mask=np.isnan(values))
    return pa.table(
        {
            "minute_open": pa.array(places, _TIME),
            "proven": proven,
            "ticks": pa.nulls(MINUTES_PER_DAY, pa.bool_()) if ticks is None else pa.array(ticks),
            **flow,
        }
    )


def by_tapes(sources: Mapping[str, Sides], table: pa.Table) -> dict[str, Sides]:
    """The sources of order flow with those of the tapes: ticks where they are believed, and archives."""
    found = dict(sources)
    if "ticks" in found and table["ticks"].null_count == 0:
        found["ticks"] = found["ticks"].within(arrays.truths(table["ticks"]))
    for name in TRADE_TAPES:
        sides = Sides(
            buy=arrays.floats(table[f"{name}_buy"]), sell=arrays.floats(table[f"{name}_sell"])
        )
        if sides.measured.any():
            found[name] = sides
    return found
