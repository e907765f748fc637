"""A feed's rows in true time: what a correction makes of their stamps.

Belongs here: carrying out a correction, for all who ask which minute a row is of. Does not belong here:
finding it (`calibrate.py`), cutting a tape into minutes and price levels (`bars/`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import partial

import pyarrow as pa

from pipeline.alignment.feeds import TICKS
from pipeline.alignment.merge import Offsets, merge_runs, minutes_of_bars
from pipeline.alignment.record_clock import in_true_time
from pipeline.alignment.runs import split_at_gaps
from pipeline.clock import DAY_US, MINUTE_US, day_open_us
from pipeline.contracts.correction import Correction, FeedCorrection
from pipeline.model.feeds import TRADE_FEEDS
from pipeline.tables import arrays
from pipeline.tables.arrays import Ints
from pipeline.tables.parts import Columns, Part, Parts, single

STAMPS = {"binance_1m": "minute_open", **dict.fromkeys((TICKS, *TRADE_FEEDS), "ts")}
"""Feed -> the column of its stamp; `stamp` of the others."""

Window = tuple[int, int]
"""Stamps `[first, end)` in us, as written."""


def with_moved(own: pa.Table | None, moved: pa.Table) -> pa.Table:
    """The day's own file, where there is one, and its rows from the neighbours as one feed, in the order
    of time.
    """
    whole = moved if own is None else pa.concat_tables([own, moved])
    return whole.sort_by("run" if "run" in whole.column_names else "ts")


def within(rows: pa.Table, window: Window) -> pa.Table:
    """The rows with stamps in a window."""
    stamp = arrays.ints(rows["stamp" if "stamp" in rows.column_names else "ts"])
    if not len(stamp) or window[0] <= stamp.min() <= stamp.max() < window[1]:
        return rows
    return rows.filter(pa.array((stamp >= window[0]) & (stamp < window[1])))


def true_minutes(rows: pa.Table, feed: str, correction: Correction) -> Ints:
    """The true minute open of each row of a clean table, in us; `merge.NO_MINUTE` where it has none.

    Args:
        rows: of a feed of minutes or ticks, the neighbours' rows of the day among them: where runs are
            cut depends on all. Rows of a feed that the correction does not know have the minutes they say.
        feed: the feed.
        correction: `Calibration.correction`.
    """
    entry = correction.feeds.get(feed)
    if feed == "binance_1m":
        rows = in_true_time(rows, correction)
    elif entry is not None and feed != TICKS:
        return minutes_of_bars(*_runs(rows, entry))
    stamps = arrays.ints(rows[STAMPS.get(feed, "stamp")])
    stamps = stamps + (entry.offset_us if entry is not None and feed == TICKS else 0)
    return stamps // MINUTE_US * MINUTE_US


def bars_in_true_time(bars: pa.Table, found: FeedCorrection) -> pa.Table:
    """A feed's bars, schema `clean_bars`, as one row a true minute: see `merge_runs`."""
    return merge_runs(*_runs(bars, found))


def _runs(bars: pa.Table, found: FeedCorrection) -> tuple[pa.Table, Offsets]:
    """The bars with their runs cut as the finding says, and what is added to the stamps of each."""
    gap = found.split_gap_minutes
    runs = bars if gap is None else split_at_gaps(bars, gap)
    if found.offsets is None:
        return runs, (found.offset_minutes or 0) * MINUTE_US
    return runs, {run: minutes * MINUTE_US for run, minutes in found.offsets.items()}


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
    shifted = pa.array(arrays.ints(own["ts"]) + offset, field.type)
    return own.set_column(own.column_names.index("ts"), field, shifted)
