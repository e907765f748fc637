"""A tape of trades in the order of time, cut at full minutes.

Belongs here: order and cuts, by the stamps in column `ts`. What is computed of a minute's trades is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US
from pipeline.tables import arrays
from pipeline.tables.arrays import Ints
from pipeline.tables.parts import Parts

_PIECE = 100_000
"""So many trades are worked on at once: some ten times their size stands in memory meanwhile."""


def whole_minutes(ticks: Parts, columns: Sequence[str], shift_us: int = 0) -> Iterator[pa.Table]:
    """The tape in pieces, in the order of time, that each hold all trades of their minutes.

    Args:
        ticks: parts that follow each other in time; inside a part any order, equal stamps keep theirs.
        columns: those of the pieces, as far as the tape has them.
        shift_us: a minute is `[open, open + 60 s)` of the stamps moved by so much.
    """
    columns = [name for name in columns if name in ticks.schema.names]
    held = ticks.schema.empty_table().select(columns)
    for part in ticks.tables(columns):
        table = in_order(pa.concat_tables([held, part]))
        first = 0
        for end in _cuts(arrays.ints(table["ts"]) + shift_us):
            yield table.slice(first, end - first)
            first = end
        held = table.slice(first).combine_chunks()
        del part, table
        pa.default_memory_pool().release_unused()
    if held.num_rows:
        yield held


def in_order(ticks: pa.Table) -> pa.Table:
    """The trades stably sorted by stamp."""
    ts = arrays.ints(ticks["ts"])
    if (np.diff(ts) >= 0).all():
        return ticks
    return ticks.take(pa.array(np.argsort(ts, kind="stable")))


def _cuts(ts: Ints) -> list[int]:
    """Where minutes begin, about every `_PIECE` rows, and where the last minute does; never at 0."""
    if not len(ts):
        return []
    wanted = [*range(_PIECE, len(ts), _PIECE), len(ts) - 1]
    begins = np.searchsorted(ts, ts[wanted] // MINUTE_US * MINUTE_US)
    return [int(begin) for begin in np.unique(begins) if begin]
