"""What the steps of a symbol's day left behind, read again: clean tables, ledgers, rejects, the correction.

Belongs here: finding each feed's rows with their minutes in true time, in the day's own files and in its
neighbours'. Nothing is computed anew but where a row was moved to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import storage
from pipeline.alignment.record_clock import in_true_time
from pipeline.alignment.runs import split_at_gaps
from pipeline.clock import MINUTE_US
from pipeline.contracts import ledger
from pipeline.contracts.correction import NONE, Correction, FeedCorrection, from_json
from pipeline.contracts.ledger import LedgerEntry
from pipeline.errors import ParameterError
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.settings.config import Kitchen
from pipeline.tables import parquet
from pipeline.tables.exact import Ints

STAMPS = {"binance_1m": "minute_open", "atas_ticks": "ts"}
"""Feed -> the column of its stamp; `stamp` of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is prepared of a symbol's day: feed -> clean table, ledger, rejects, rows of its neighbours."""

    kitchen: Kitchen
    symbol: str
    day: dt.date
    tables: dict[str, pa.Table]
    ledgers: dict[str, list[LedgerEntry]]
    rejects: dict[str, pa.Table]
    moved: dict[str, pa.Table]
    correction: Correction
    bars: pa.Table | None

    def found(self, feed: str) -> FeedCorrection | None:
        """What the correction says of a feed; None where it says nothing."""
        return self.correction.feeds.get(feed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of one feed and the ledger that their `file` counts in; `minutes` are true, in us."""

    table: pa.Table
    ledger: list[LedgerEntry]
    minutes: Ints

    def path(self, row: dict[str, Any]) -> str:
        """The raw file of a row."""
        return str(self.ledger[row["file"]].path)


def prepared(kitchen: Kitchen, symbol: str, day: dt.date) -> Prepared:
    """Reads it.

    Raises:
        ParameterError: the symbol is not configured, or nothing of the day was built.
    """
    kitchen.symbol(symbol)
    feeds = [e.unit for e in graph.edges(kitchen, Unit("Verdict", day, symbol))]
    built = {
        str(unit.source): unit
        for unit in feeds
        if unit.stage == "CleanFeed" and graph.output_path(kitchen, unit, "clean").exists()
    }
    if not built:
        raise ParameterError(
            f"{symbol} {day}: nothing of it is built in {kitchen.prepared}; run"
            f" luigi --module pipeline Snapshot --date {day}"
        )
    bars = graph.output_path(kitchen, Unit("AlignedBars", day, symbol), "bars_1m")
    correction = graph.output_path(kitchen, Unit("Calibration", day, symbol), "correction")
    return Prepared(
        kitchen=kitchen,
        symbol=symbol,
        day=day,
        tables={feed: _table(kitchen, unit, "clean") for feed, unit in built.items()},
        ledgers={feed: _ledger(kitchen, unit) for feed, unit in built.items()},
        rejects={feed: _table(kitchen, unit, "rejects") for feed, unit in built.items()},
        moved=_moved(kitchen, Unit("Calibration", day, symbol)),
        correction=from_json(storage.read_json(correction)) if correction.exists() else NONE,
        bars=parquet.read(bars) if bars.exists() else None,
    )


def rows_of(given: Prepared, feed: str) -> Iterator[Rows]:
    """The feed's rows: of the day's own files, then those that it has in the files of the days beside it."""
    own = given.tables[feed]
    yield Rows(table=own, ledger=given.ledgers[feed], minutes=_true_minutes(given, feed, own))
    moved = given.moved.get(feed)
    if moved is None or not moved.num_rows:
        return
    taken = dict(zip(_keys(feed, moved), moved.to_pylist(), strict=True))
    for days in (-1, 1):
        unit = Unit("CleanFeed", given.day + dt.timedelta(days=days), given.symbol, feed)
        if not graph.output_path(given.kitchen, unit, "clean").exists():
            continue
        there = [
            taken[key] for key in _keys(feed, _table(given.kitchen, unit, "clean")) if key in taken
        ]
        if there:
            table = pa.Table.from_pylist(there, schema=moved.schema)
            yield Rows(
                table=table,
                ledger=_ledger(given.kitchen, unit),
                minutes=_true_minutes(given, feed, table),
            )


def _moved(kitchen: Kitchen, unit: Unit) -> dict[str, pa.Table]:
    """Feed -> the day's rows that lie in a neighbour's files."""
    found = {}
    for output in ("moved_bars", "moved_ticks"):
        path = graph.output_path(kitchen, unit, output)
        table = parquet.read(path) if path.exists() else None
        if table is None or not table.num_rows:
            continue
        if output == "moved_ticks":
            found["atas_ticks"] = table
            continue
        for feed in pc.unique(table["feed"]).to_pylist():
            found[feed] = table.filter(pc.equal(table["feed"], feed)).drop_columns(["feed"])
    return found


def _keys(feed: str, table: pa.Table) -> list[tuple[int, int, int]]:
    """What tells a row of a clean table from all others: its file, its line, its stamp."""
    stamps = table[STAMPS.get(feed, "stamp")].cast(pa.int64())
    columns = (table["file"], table["line"], stamps)
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def _true_minutes(given: Prepared, feed: str, table: pa.Table) -> Ints:
    """The minute of each row of a clean table, in us, moved as the calibration of the day found."""
    entry = given.found(feed)
    if feed == "binance_1m":
        table = in_true_time(table, given.correction)
    stamps: Ints = table[STAMPS.get(feed, "stamp")].cast(pa.int64()).to_numpy()
    if entry is not None and entry.offsets is not None and "run" in table.column_names:
        gap, own = entry.split_gap_minutes, entry.offsets
        runs = (table if gap is None else split_at_gaps(table, gap))["run"].to_pylist()
        whole = entry.offset_minutes or 0
        stamps = stamps + MINUTE_US * np.array([own.get(run, whole) for run in runs], np.int64)
    elif entry is not None:
        stamps = stamps + entry.offset_us
    return stamps // MINUTE_US * MINUTE_US


def _table(kitchen: Kitchen, unit: Unit, output: str) -> pa.Table:
    return parquet.read(graph.output_path(kitchen, unit, output))


def _ledger(kitchen: Kitchen, unit: Unit) -> list[LedgerEntry]:
    return ledger.from_json(storage.read_json(graph.output_path(kitchen, unit, "ledger")))
