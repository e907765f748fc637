"""Where a published row of slow features came from: each completed day's klines, funding and open interest.

Belongs here: that one answer. Minutes and raw lines of the day itself are `explain.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from pipeline.errors import ParameterError
from pipeline.free_form import Json
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.provenance.prepared_day import Outputs
from pipeline.provenance.raw_text import ranges
from pipeline.settings.config import Kitchen


def explain_slow(kitchen: Kitchen, symbol: str, day: dt.date) -> Json:
    """The row of slow features that holds on a day, and the lines of each completed day behind it.

    `days` has an entry a day, the oldest first: whether the day's aggregates are of its minutes or of its
    daily kline (`origin`), and `files`: source, file, and its `lines` as in `1-1440`.

    Raises:
        ParameterError: the symbol is not configured, or the row is not built.
    """
    kitchen.symbol(symbol)
    outputs, unit = Outputs(kitchen), Unit("MacroFeatures", day, symbol)
    table = outputs.table(unit, "macro_slow")
    if table is None:
        raise ParameterError(
            f"{symbol} {day}: its slow features are not built in {kitchen.prepared}; run"
            f" luigi --module pipeline Snapshot --date {day}"
        )
    row = {
        k: v.isoformat() if isinstance(v, dt.datetime) else v
        for k, v in table.to_pylist()[0].items()
    }
    days = sorted((edge.unit for edge in graph.edges(kitchen, unit)), key=lambda unit: unit.day)
    found = [facts for unit in days for facts in _day(outputs, unit)]
    return {"symbol": symbol, "date": day.isoformat(), "row": row, "days": found}


def _day(outputs: Outputs, unit: Unit) -> Iterator[Json]:
    """The lines behind one day's aggregates; nothing of a day that has none."""
    table = outputs.table(unit, "daily_stats")
    if table is None or not table.num_rows:
        return
    origin = table["origin"][0].as_py()
    unread = {"minutes": "binance_1d", "daily_kline": "binance_1m"}[origin]
    feeds = dict.fromkeys(edge.unit for edge in graph.edges(outputs.kitchen, unit))
    files = [facts for feed in feeds if feed.source != unread for facts in _files(outputs, feed)]
    yield {"date": unit.day.isoformat(), "origin": origin, "files": files}


def _files(outputs: Outputs, feed: Unit) -> list[Json]:
    """The files of a feed's day with rows, and these rows' lines."""
    rows = outputs.table(feed, "clean")
    if rows is None:
        return []
    entries = outputs.ledger(feed)
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
