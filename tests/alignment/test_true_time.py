"""Which true minute a row is of: one answer for those who align and those who explain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from kit.minute_tables import MINUTE, day_us, table
from pipeline.alignment.merge import NO_MINUTE
from pipeline.alignment.true_time import bars_in_true_time, true_minutes, with_moved
from pipeline.contracts.correction import NONE, Correction, FeedCorrection

DAY = day_us("2025-01-02")


def bars(*stamps: tuple[int, float]) -> pa.Table:
    """Rows of run and minute of the day, as exported."""
    rows = [
        {"run": run, "stamp": round(DAY + at * MINUTE), "volume": 1.0}
        | {"lines": 1, "file": 0, "line": line, "flags": 0}
        for line, (run, at) in enumerate(stamps, 1)
    ]
    return table("clean_bars", rows)


def finding(**values: Any) -> FeedCorrection:
    return FeedCorrection(
        status="applied",
        offset_minutes=0,
        identity="same",
        volume_unit="base",
        volume_factor=1,
        **values,
    )


def of_bars(entry: FeedCorrection) -> Correction:
    return replace(NONE, feed="atas_bars", feeds={"atas_bars": entry})


def test_rows_are_told_to_be_of_the_minutes_that_are_published() -> None:
    """A run cut at a gap, one that fits nowhere, and a stamp off the minute."""
    rows = bars((0, 10), (0, 11), (0, 200), (1, 300), (2, 400), (2, 400.5))
    entry = finding(split_gap_minutes=60, offsets={0: 0, 1: 60, 3: -60})

    found = true_minutes(rows, "atas_bars", of_bars(entry))
    published = bars_in_true_time(rows, entry)["minute_open"].cast(pa.int64()).to_pylist()

    assert [(m - DAY) // MINUTE for m in published] == [10, 11, 260, 340]
    assert found.tolist()[3] == found.tolist()[5] == NO_MINUTE
    assert sorted(found[found != NO_MINUTE].tolist()) == published


def test_rows_from_a_neighbours_file_count_where_runs_are_cut() -> None:
    """Cut alone, the day's own rows would be counted as another run, and have another offset."""
    own, moved = bars((0, 100), (0, 300)), bars((-1, -200), (-1, -60))
    entry = finding(split_gap_minutes=120, offsets={-1: 0, 0: 60, 1: 120, 2: 180})

    found = true_minutes(with_moved(own, moved), "atas_bars", of_bars(entry))

    assert ((found - DAY) // MINUTE).tolist() == [-200, 0, 220, 480]


def test_trades_are_in_the_minute_in_which_they_lie_once_moved() -> None:
    """A second that the clock was fast takes a trade back over the edge of its minute."""
    ticks = table("clean_ticks", [{"ts": DAY + MINUTE + 500_000}, {"ts": DAY + MINUTE + 1_500_000}])
    correction = replace(NONE, feeds={"atas_ticks": finding(skew_us=1_000_000)})

    found = true_minutes(ticks, "atas_ticks", correction)

    assert ((found - DAY) // MINUTE).tolist() == [0, 1]
    assert found.dtype == np.int64
