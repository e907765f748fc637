"""Rows of several export runs -> one row a true minute.

Belongs here: which run's value stands when several tell of the same minute. Does not belong here: lines
within one run (`sources/`), what the offset is (`calibrate.py`), the day's grid (`align.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.clock import MINUTE_US
from pipeline.contracts import atas_columns
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats, Ints
from pipeline.tables.exact import Units, decimal_places, from_units, more, to_units

Offsets = int | Mapping[int, int]

NO_MINUTE = np.iinfo(np.int64).min
"""In the place of a minute: the row's run was not placed, or its true time is not a whole minute."""

OF_KEPT_ROW = ("open", "high", "low", "close", "volume", "file", "line")
_FLOW = ("vbuy", "vsell")
LAST_KNOWN = tuple(name for name in atas_columns.NAMES if name not in _FLOW)


def merge_runs(bars: pa.Table, offset_us: Offsets) -> pa.Table:
    """One row for each true minute that any run tells of, sorted.

    True time is stamp + offset. Prices and volume are those of the last run, unless an earlier one had
    a larger volume: that row is kept and `volume_regressed` is true. vbuy and vsell are increments, so
    runs add up; where the sum is larger than the volume, history was exported again, and the fullest
    single run that fits stands (of equals the last); where none fits they are null and
    `flow_exceeds_volume` is true. All other columns: the last value that is not null.

    Args:
        bars: schema `clean_bars`, runs numbered in file order.
        offset_us: of all runs, or by run; rows of a run that is not named are left out.

    Returns:
        `minute_open`, the value columns of `clean_bars`, `lines` and `flags` of all merged rows (sum,
        union), `runs` (how many), `file` and `line` of the kept row, and the two booleans. Rows whose
        true time is not a whole minute are in no minute and are left out.
    """
    bars, instant = _on_true_minutes(bars, offset_us)
    start = np.flatnonzero(np.diff(instant, prepend=instant[:1] - 1))
    if not len(start):
        return _empty(bars)
    kept, regressed = _kept_rows(arrays.floats(bars["volume"]), start)
    flow, exceeds = _merged_flow(bars, kept, start)
    flags = np.bitwise_or.reduceat(arrays.ints(bars["flags"]), start)
    return pa.table(
        {
            "minute_open": pa.array(instant[start], pa.timestamp("us", tz="UTC")),
            **{name: bars[name].take(pa.array(kept)) for name in OF_KEPT_ROW},
            **flow,
            **{name: _last_known(bars[name], start) for name in LAST_KNOWN},
            "lines": np.add.reduceat(arrays.ints(bars["lines"]), start),
            "runs": np.diff(np.append(start, len(instant))),
            "flags": flags,
            "volume_regressed": regressed,
            "flow_exceeds_volume": exceeds,
        }
    )


def minutes_of_bars(bars: pa.Table, offset_us: Offsets) -> Ints:
    """The true minute open of each row, in us; `NO_MINUTE` where none. Arguments as of `merge_runs`."""
    run, instant = arrays.ints(bars["run"]), arrays.ints(bars["stamp"])
    if isinstance(offset_us, Mapping):
        known = np.isin(run, np.array(sorted(offset_us), dtype=np.int64))
        shift = np.array([offset_us.get(r, 0) for r in run.tolist()], dtype=np.int64)
    else:
        known, shift = np.ones(len(run), dtype=bool), np.full(len(run), offset_us, dtype=np.int64)
    instant = instant + shift
    return np.where(known & (instant % MINUTE_US == 0), instant, NO_MINUTE)


def _on_true_minutes(bars: pa.Table, offset_us: Offsets) -> tuple[pa.Table, Ints]:
    """The rows that have a true minute, by minute and run; and their minutes."""
    run, instant = arrays.ints(bars["run"]), minutes_of_bars(bars, offset_us)
    rows = np.flatnonzero(instant != NO_MINUTE)
    rows = rows[np.lexsort((run[rows], instant[rows]))]
    return bars.take(pa.array(rows)).combine_chunks(), instant[rows]


def _kept_rows(volume: Floats, start: Ints) -> tuple[Ints, Bools]:
    """The last row with the largest volume of each minute; whether a later row had a smaller one."""
    known = np.where(np.isfinite(volume), volume, -1.0)
    largest = np.repeat(np.maximum.reduceat(known, start), _sizes(start, len(volume)))
    rows = np.where(known == largest, np.arange(len(volume)), -1)
    kept = np.maximum.reduceat(rows, start)
    last = np.append(start[1:], len(volume)) - 1
    return kept, np.isfinite(volume[last]) & (kept < last)


def _merged_flow(bars: pa.Table, kept: Ints, start: Ints) -> tuple[dict[str, pa.Array], Bools]:
    """Vbuy and vsell by minute, and where none of the runs' fits into the volume."""
    volume, buy, sell = (arrays.floats(bars[name]) for name in ("volume", "vbuy", "vsell"))
    measured = np.isfinite(buy) & np.isfinite(sell)
    places = decimal_places(volume[kept], buy[measured], sell[measured])
    room = np.where(np.isfinite(volume[kept]), to_units(volume[kept], places), -1)
    sides = [np.where(measured, to_units(side, places), 0) for side in (buy, sell)]
    sums = [np.add.reduceat(side, start) for side in sides]
    single = _fullest_that_fits(sides[0] + sides[1], measured, room, start)
    adds_up = ~more(sums[0] + sums[1], room)
    any_flow = np.logical_or.reduceat(measured, start)
    null = ~any_flow | (~adds_up & (single < 0))
    merged = [
        from_units(np.where(adds_up, total, side[single]), places)
        for total, side in zip(sums, sides, strict=True)
    ]
    columns = {
        name: pa.array(values, mask=null)
        for name, values in zip(("vbuy", "vsell"), merged, strict=True)
    }
    return columns, any_flow & null & (room >= 0)


def _fullest_that_fits(flow: Units, measured: Bools, room: Units, start: Ints) -> Ints:
    """By minute the last row with the largest measured flow within the volume; -1 where none is."""
    sizes = _sizes(start, len(flow))
    fitting = np.where(measured & ~more(flow, np.repeat(room, sizes)), flow, -1)
    fullest = np.repeat(np.maximum.reduceat(fitting, start), sizes)
    rows = np.where((fitting == fullest) & (fitting >= 0), np.arange(len(flow)), -1)
    return np.maximum.reduceat(rows, start)


def _last_known(column: pa.ChunkedArray, start: Ints) -> pa.Array:
    known = column.is_valid().to_numpy()
    rows = np.maximum.reduceat(np.where(known, np.arange(len(known)), -1), start)
    return pc.take(column, pa.array(rows, mask=rows < 0))


def _sizes(start: Ints, rows: int) -> Ints:
    return np.diff(np.append(start, rows))


def _empty(bars: pa.Table) -> pa.Table:
    """The result's columns without rows."""
    names = (*OF_KEPT_ROW[:5], *_FLOW, *LAST_KNOWN, "file", "line", "flags")
    columns = {name: bars[name].slice(0, 0) for name in names}
    more = {"lines": pa.int64(), "runs": pa.int64()}
    more |= {"volume_regressed": pa.bool_(), "flow_exceeds_volume": pa.bool_()}
    return pa.table(
        {
            "minute_open": pa.array([], pa.timestamp("us", tz="UTC")),
            **columns,
            **{name: pa.array([], kind) for name, kind in more.items()},
        }
    )
