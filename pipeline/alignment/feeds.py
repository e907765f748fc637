"""The vendor's feeds of a day under one form: `clean_bars`.

Belongs here: minute statistics of a tape as if they were an export of bars. Does not belong here: which
feed is preferred, what is found or corrected.
"""

from __future__ import annotations

import pyarrow as pa

from pipeline.contracts.atas_types import TYPES

TICKS = "atas_ticks"


def vendor_feeds(
    bars: dict[str, pa.Table], minute_stats: pa.Table | None, prefer: tuple[str, ...]
) -> dict[str, pa.Table]:
    """Feed -> `clean_bars` for each feed that has rows, the preferred first, others by name."""
    feeds = dict(bars)
    if minute_stats is not None:
        feeds[TICKS] = bars_of_ticks(minute_stats)
    rank = {feed: number for number, feed in enumerate(prefer)}
    order = sorted(feeds, key=lambda feed: (rank.get(feed, len(rank)), feed))
    return {feed: feeds[feed] for feed in order if feeds[feed].num_rows}


def bars_of_ticks(minute_stats: pa.Table) -> pa.Table:
    """`minute_stats`, or part of its columns, as `clean_bars`: one run, stamped by the tape's clock."""
    rows = minute_stats.num_rows
    measured = {name: minute_stats[name] for name in minute_stats.column_names}
    return pa.table(
        {
            "run": pa.repeat(pa.scalar(0, pa.int32()), rows),
            "stamp": minute_stats["minute_open"],
            **{name: minute_stats[name] for name in ("open", "high", "low", "close", "volume")},
            **{name: measured.get(name, pa.nulls(rows, kind)) for name, kind in TYPES.items()},
            "lines": minute_stats["trades"],
            "file": pa.repeat(pa.scalar(0, pa.int32()), rows),
            "line": pa.repeat(pa.scalar(0, pa.int64()), rows),
            "flags": pa.repeat(pa.scalar(0, pa.int64()), rows),
        }
    )
