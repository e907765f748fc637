"""Plain Parquet: a file a symbol, every column of the bars, nothing filled and nothing left out."""

from __future__ import annotations

from pipeline.exporting.receipt import SymbolEntry
from pipeline.exporting.tool import Tool, Work
from pipeline.tables import parquet


def _bars(work: Work) -> SymbolEntry:
    rows = work.chosen.bars(work.symbol)
    if rows.num_rows:
        with work.draft.file(f"{work.name}.parquet", rows.num_rows) as handle:
            parquet.write_into(handle, rows)
    return work.bars_entry(rows, "ts")


TOOL = Tool(
    name="parquet",
    columns={"ts": "the bar's close", "...": "every column of bars_1m, as published"},
    bars=_bars,
)
