"""Where a published row of slow features came from: each completed day's klines, funding and open interest.

Belongs here: that one answer. Minutes and raw lines of the day itself are `explain.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from pipeline import storage
from pipeline.contracts import ledger
from pipeline.errors import ParameterError
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.provenance.raw_text import ranges
from pipeline.settings.config import Kitchen
from pipeline.tables import parquet

Facts = dict[str, Any]


def explain_slow(kitchen: Kitchen, symbol: str, day: dt.date) -> Facts:
    """The row of slow features that holds on a day, and the lines of each completed day behind it.

    `days` has an entry a day, the oldest first: whether the day's aggregates are of its minutes or of its
    daily kline (`origin`), and `files`: source, file, and its `lines` as in `1-1440`.

    Raises:
        ParameterError: the symbol is not configured, or the row is not built.
    """
    kitchen.symbol(symbol)
    unit = Unit("MacroFeatures", day, symbol)
    path = graph.output_path(kitchen, unit, "macro_slow")
    if not path.exists():
        raise ParameterError(
            f"{symbol} {day}: its slow features are not built in {kitchen.prepared}; run"
            f" luigi --module pipeline Snapshot --date {day}"
        )
    rows = parquet.read(path).to_pylist()
    row = {k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in rows[0].items()}
    days = [edge.unit for edge in graph.edges(kitchen, unit)]
    found = [facts for unit in sorted(days, key=lambda u: u.day) for facts in _day(kitchen, unit)]
    return {"symbol": symbol, "date": day.isoformat(), "row": row, "days": found}


def _day(kitchen: Kitchen, unit: Unit) -> Iterator[Facts]:
    """The lines behind one day's aggregates; nothing of a day that has none."""
    path = graph.output_path(kitchen, unit, "daily_stats")
    table = parquet.read(path) if path.exists() else None
    if table is None or not table.num_rows:
        return
    origin = table["origin"][0].as_py()
    unread = {"minutes": "binance_1d", "daily_kline": "binance_1m"}[origin]
    feeds = dict.fromkeys(edge.unit for edge in graph.edges(kitchen, unit))
    files = [facts for feed in feeds if feed.source != unread for facts in _files(kitchen, feed)]
    yield {"date": unit.day.isoformat(), "origin": origin, "files": files}


def _files(kitchen: Kitchen, feed: Unit) -> list[Facts]:
    """The files of a feed's day with rows, and these rows' lines."""
    path = graph.output_path(kitchen, feed, "clean")
    if not path.exists():
        return []
    rows = parquet.read(path)
    entries = ledger.from_json(storage.read_json(graph.output_path(kitchen, feed, "ledger")))
    lines: dict[int, set[int]] = {}
    for file, line in zip(rows["file"].to_pylist(), rows["line"].to_pylist(), strict=True):
        lines.setdefault(file, set()).add(line)
    return [
        {
            "symbol": feed.symbol,
            "source": feed.source,
            "file": entries[file].path,
            "lines": ranges(numbers),
        }
        for file, numbers in sorted(lines.items())
    ]
