"""The vendor's feeds of a day under one form: `clean_bars`.

Belongs here: minute statistics of a tape as if they were an export of bars. Does not belong here: which
feed is preferred, what is found or corrected.
"""

from __future__ import annotations

import pyarrow as pa

TICKS = "atas_ticks"

_MEASURED = (
    *("open", "high", "low", "close", "volume", "vbuy", "vsell", "poc", "vah", "val"),
    *("bar_vpo_price", "bar_vpo_vol", "bar_vpo_loc", "bar_vpo_side"),
)
_NOT_MEASURED = {
    "cvd_export": pa.float64(),
    "absorption_detected": pa.bool_(),
    "absorption_strength": pa.float64(),
    "absorption_side": pa.string(),
    "oi": pa.float64(),
    "cum_bid_depth": pa.float64(),
    "cum_ask_depth": pa.float64(),
}


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
    """`minute_stats` as `clean_bars`: one run, stamped with the minute's open by the tape's clock."""
    rows = minute_stats.num_rows
    return pa.table(
        {
            "run": pa.repeat(pa.scalar(0, pa.int32()), rows),
            "stamp": minute_stats["minute_open"],
            **{name: minute_stats[name] for name in _MEASURED},
            **{name: pa.nulls(rows, kind) for name, kind in _NOT_MEASURED.items()},
            "lines": minute_stats["trades"],
            "file": pa.repeat(pa.scalar(0, pa.int32()), rows),
            "line": pa.repeat(pa.scalar(0, pa.int64()), rows),
            "flags": pa.repeat(pa.scalar(0, pa.int64()), rows),
        }
    )
