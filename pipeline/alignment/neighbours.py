"""A day's own rows that lie in a neighbour day's file, because the vendor's clock files them there.

Belongs here: which stamps of a neighbour's file can be the day's, and putting them beside the day's own
file. Does not belong here: the finding itself (`calibrate.py`).

A finding rests on the day's own file wherever that is evidence enough; only then does it say which rows of
the neighbours are the day's. So a neighbour that comes late, and holds none, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.alignment.calibrate import Calibration, CalibrationInput, calibrate
from pipeline.alignment.dense import SCAN_MINUTES
from pipeline.alignment.feeds import TICKS
from pipeline.alignment.true_time import Window, with_moved, within
from pipeline.clock import DAY_US, MINUTE_US, day_open_us
from pipeline.tables import parquet
from pipeline.tables.parts import as_parts

Rows = Callable[[Window], pa.Table]
"""The rows of a neighbour's file whose stamps lie in a window."""

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithNeighbours:
    """A day's finding, the rows of the neighbours that are the day's, and where they were looked for.

    `beside` holds them by feed and side (schema `clean_bars`, or `clean_ticks` of the tape); `windows` by
    feed the stamps of the file before and of the file after that the finding depends on.
    """

    found: Calibration
    beside: dict[str, dict[str, pa.Table]]
    windows: dict[str, dict[str, Window]]

    def moved(self, feed: str) -> pa.Table | None:
        """The feed's rows from both sides, in the order of time; None without one."""
        return together(self.beside[feed]) if feed in self.beside else None

    def lines_of(self, feed: str, side: str) -> dict[int, int]:
        """Position of a raw file among those of a neighbour day's feed -> rows that are the day's."""
        rows = self.beside.get(feed, {}).get(side)
        counts = [] if rows is None else rows["file"].value_counts().to_pylist()
        return {int(count["values"]): int(count["counts"]) for count in counts}


def calibrate_among(
    given: CalibrationInput, neighbours: dict[str, dict[str, Rows]]
) -> WithNeighbours:
    """The finding of a day whose rows may lie in the files of the days beside it.

    A feed that the day's own file does not identify is tried with all rows within reach; where that finds
    a lag, the day's rows by it join, else the neighbours say nothing.

    Args:
        given: the day's own files.
        neighbours: feed -> `before` and `after` -> rows, for the files that are there.
    """
    alone = calibrate(given)
    windows = {feed: _windows(given, alone, feed) for feed in {*neighbours, *_feeds(given)}}
    joined: dict[str, dict[str, pa.Table]] = {}
    for feed in sorted(neighbours):
        shown = _shown(given, neighbours[feed], windows[feed], feed)
        if _any(shown) and not _stands(alone, feed):
            tried = calibrate(_with(given, {feed: shown}))
            by_lag = _windows(given, tried, feed)
            stands = _stands(tried, feed)
            shown = _shown(given, neighbours[feed], by_lag, feed) if stands else {}
        if _any(shown):
            joined[feed] = shown
    if not joined:
        return WithNeighbours(found=alone, beside={}, windows=windows)
    found = calibrate(_with(given, joined))
    return WithNeighbours(found=found, beside=joined, windows=windows)


def together(sides: dict[str, pa.Table]) -> pa.Table:
    """The rows of the file before, then those of the file after."""
    return pa.concat_tables([sides[side] for side in (BEFORE, AFTER) if side in sides])


def in_file(place: parquet.Place, window: Window) -> pa.Table:
    """The rows of a clean table's file with stamps in a window; the file's footer may say: none."""
    with parquet.opened(place) as file:
        name = "stamp" if "stamp" in file.schema_arrow.names else "ts"
        column = file.schema_arrow.names.index(name)
        groups = [
            group
            for group in range(file.num_row_groups)
            if _may_hold(file.metadata.row_group(group).column(column).statistics, window)
        ]
        table = file.read_row_groups(groups) if groups else file.schema_arrow.empty_table()
    return within(table, window)


def digest(place: parquet.Place, window: Window) -> str:
    """What a neighbour's file has to say about the day: empty when nothing."""
    rows = in_file(place, window)
    return str(parquet.content_hash(rows)) if rows.num_rows else ""


def reach(opened_us: int) -> dict[str, Window]:
    """Every stamp that could be the day's, in either neighbour's file."""
    far = SCAN_MINUTES * MINUTE_US
    return dict.fromkeys((BEFORE, AFTER), (opened_us - far, opened_us + DAY_US + far))


def _may_hold(statistics: Any, window: Window) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    low, high = (
        pa.scalar(bound, pa.timestamp("us", tz="UTC")).cast(pa.int64()).as_py()
        for bound in (statistics.min, statistics.max)
    )
    return bool(high >= window[0] and low < window[1])


def _feeds(given: CalibrationInput) -> set[str]:
    return {*given.bars, *(() if given.ticks is None else (TICKS,))}


def _stands(found: Calibration, feed: str) -> bool:
    entry = found.correction.feeds.get(feed)
    return entry is not None and entry.stands


def _windows(given: CalibrationInput, found: Calibration, feed: str) -> dict[str, Window]:
    """The day's stamps by the found lag, that of the first run before and of the last run after."""
    opened = day_open_us(given.day.date)
    if not _stands(found, feed):
        return reach(opened)
    entry = found.correction.feeds[feed]
    offsets, whole = entry.offsets, entry.offset_minutes or 0
    first, last = (offsets[edge(offsets)] if offsets else whole for edge in (min, max))
    return {
        side: _day_as_stamped(opened, minutes * MINUTE_US - entry.skew_us)
        for side, minutes in ((BEFORE, first), (AFTER, last))
    }


def _day_as_stamped(opened_us: int, offset_us: int) -> Window:
    return opened_us - offset_us, opened_us + DAY_US - offset_us


def _shown(
    given: CalibrationInput, files: dict[str, Rows], windows: dict[str, Window], feed: str
) -> dict[str, pa.Table]:
    """The neighbours' rows in the windows. Runs of bars before the day's own get numbers below 0."""
    own = given.bars.get(feed)
    parts = {side: rows(windows[side]) for side, rows in files.items()}
    if feed != TICKS:
        runs = own["run"].to_numpy() if own is not None and own.num_rows else np.zeros(1, np.int32)
        after = int(runs.max()) + 1
        parts = {
            side: _renumbered(rows, after if side == AFTER else None)
            for side, rows in parts.items()
        }
    return parts


def _any(sides: dict[str, pa.Table]) -> bool:
    return any(rows.num_rows for rows in sides.values())


def _renumbered(rows: pa.Table, first: int | None) -> pa.Table:
    """Runs counted from `first` on; without it, so that the last is -1."""
    if not rows.num_rows:
        return rows
    _, rank = np.unique(rows["run"].to_numpy(), return_inverse=True)
    start = -(int(rank.max()) + 1) if first is None else first
    numbers = pa.array((rank + start).astype(np.int32))
    at = rows.column_names.index("run")
    return rows.set_column(at, rows.schema.field("run"), numbers)


def _with(given: CalibrationInput, beside: dict[str, dict[str, pa.Table]]) -> CalibrationInput:
    bars, ticks = dict(given.bars), given.ticks
    for feed, sides in beside.items():
        if feed == TICKS:
            own = None if ticks is None else as_parts(ticks).whole()
            ticks = with_moved(own, together(sides))
        else:
            bars[feed] = with_moved(bars.get(feed), together(sides))
    return replace(given, bars=bars, ticks=ticks)
