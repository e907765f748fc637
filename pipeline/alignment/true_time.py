"""A tape in true time: what a found correction makes of its stamps.

Belongs here: moving trades. Does not belong here: finding by how much (`calibrate.py`), cutting the tape
into minutes and price levels (`bars/`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import partial

import pyarrow as pa

from pipeline.alignment.feeds import TICKS
from pipeline.alignment.neighbours import with_moved, within
from pipeline.clock import DAY_US, day_open_us
from pipeline.contracts.correction import Correction
from pipeline.tables.parts import Columns, Part, Parts, single


def parts_in_true_time(
    ticks: Parts, moved: pa.Table, correction: Correction, day: dt.date
) -> Parts:
    """As `tape_in_true_time`, part by part; as one where trades of a neighbour's files are to join.

    A part then may have fewer rows than it says.
    """
    if moved.num_rows:
        return single(tape_in_true_time(ticks.whole(), moved, correction, day))

    def read(part: Part, names: Columns) -> pa.Table:
        wanted = ticks.schema.names if names is None else names
        rows = part.read(list(dict.fromkeys([*wanted, "ts"])))
        return tape_in_true_time(rows, None, correction, day).select(wanted)

    return Parts(
        schema=ticks.schema,
        parts=tuple(replace(part, read=partial(read, part)) for part in ticks.parts),
    )


def tape_in_true_time(
    ticks: pa.Table, moved: pa.Table | None, correction: Correction, day: dt.date
) -> pa.Table:
    """The day's trades, stamped with true time. None of a tape whose finding was refused.

    Args:
        ticks: schema `clean_ticks`, the day's own files.
        moved: the same, trades of the day that lie in a neighbour's files.
        correction: `Calibration.correction`.
        day: the UTC date.
    """
    entry = correction.feeds.get(TICKS)
    if entry is None or not entry.stands:
        return ticks.slice(0, 0)
    offset = entry.offset_us
    whole = ticks if moved is None or not moved.num_rows else with_moved(ticks, moved)
    opened = day_open_us(day)
    own = within(whole, (opened - offset, opened - offset + DAY_US))
    if offset == 0:
        return own
    field = own.schema.field("ts")
    shifted = pa.array(own["ts"].cast(pa.int64()).to_numpy() + offset, field.type)
    return own.set_column(own.column_names.index("ts"), field, shifted)
