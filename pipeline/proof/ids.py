"""Gaps in the ids of a tape's trades: where trades may be missing.

The exchange numbers all trades of a market, those too that no archive has and no kline counts (deleveraging,
the insurance fund). So a gap is no loss by itself; whether it is one, the klines say.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Ints
from pipeline.tables.parts import Parts


@dataclass(slots=True)
class IdGaps:
    """By minute: `missing` ids, counted in the minute of the trade behind the gap; `near`: some may be its.

    Before a tape's first trade and after its last one nothing is known, and ids may be missing.
    """

    missing: Ints = field(default_factory=lambda: np.zeros(MINUTES_PER_DAY, dtype=np.int64))
    near: Bools = field(default_factory=lambda: np.zeros(MINUTES_PER_DAY, dtype=np.bool_))


def id_gaps(tape: Parts, opened_us: int) -> IdGaps:
    """The gaps of a table of schema `clean_trades` or `clean_agg_trades`, part by part.

    An id below one that was seen before fills no gap: a tape that is not in the order of its ids looks more
    broken than it is.
    """
    found = IdGaps()
    names = _id_columns(tape.schema)
    highest, minute = -1, 0
    for table in tape.tables(["ts", *dict.fromkeys(names)]):
        if not table.num_rows:
            continue
        first, last = (arrays.ints(table[name]) for name in names)
        minutes = (arrays.ints(table["ts"]) - opened_us) // MINUTE_US
        before = np.maximum.accumulate(np.concatenate([[highest], last]))
        missing = np.maximum(first - before[:-1] - 1, 0)
        if highest < 0:
            missing[0] = 0
            found.near[: minutes[0] + 1] = True
        begins = np.concatenate([[minute], minutes[:-1]])
        for at in np.flatnonzero(missing).tolist():
            found.missing[minutes[at]] += missing[at]
            found.near[begins[at] : minutes[at] + 1] = True
        highest, minute = int(before[-1]), int(minutes[-1])
    found.near[minute:] = True
    return found


def _id_columns(schema: pa.Schema) -> tuple[str, str]:
    """The names of a row's first and last id."""
    if "first_id" in schema.names:
        return "first_id", "last_id"
    return "trade_id", "trade_id"
