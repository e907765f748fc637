"""Tables of rows in the shape that a researcher asked for.

Belongs here: joining, pivoting and handing over rows that were verified. What is read is `research.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import ParameterError
from pipeline.optional import require
from pipeline.reader.arguments import names_of

Form = Literal["arrow", "pandas", "polars"]

KEYS = ("symbol", "ts", "available_at", "minute_open")
"""Columns that every choice of columns has: which row it is, when it is known, which minute."""


def shaped(table: pa.Table, form: Form) -> Any:
    """The rows as pandas, Polars or Arrow.

    Raises:
        ParameterError: another form.
        ConfigError: the library is not installed.
    """
    if form == "arrow":
        return table
    if form == "pandas":
        require("pandas")
        return table.to_pandas()
    if form == "polars":
        return require("polars").from_arrow(table)
    raise ParameterError(f"form={form!r}: wanted 'arrow', 'pandas' or 'polars'")


def with_keys(columns: Sequence[str]) -> list[str]:
    """The key columns, then those that were asked for."""
    return list(dict.fromkeys([*KEYS, *names_of(columns, "columns")]))


def beside(bars: pa.Table, rows: pa.Table, names: list[str], *, daily: bool) -> pa.Table:
    """The bars with columns of other rows, by symbol and minute, or by symbol and day."""
    keys = ["symbol", "day" if daily else "ts"]
    if not daily and bars.select(keys).equals(rows.select(keys)):
        for name in names:  # as published: row beside row
            bars = bars.append_column(name, rows[name])
        return bars
    left = bars
    if daily:
        left = bars.append_column("day", pc.floor_temporal(bars["minute_open"], unit="day"))
    found = left.join(rows.select([*keys, *names]), keys=keys, join_type="left outer")
    found = found.sort_by([("symbol", "ascending"), ("ts", "ascending")])
    return found.select([*bars.column_names, *names])


def panel_of(rows: pa.Table, column: str) -> pa.Table:
    """A column a symbol, by time."""
    stamps = pc.unique(rows["ts"]).sort()
    columns = {"ts": stamps}
    for symbol in sorted(pc.unique(rows["symbol"]).to_pylist()):
        own = rows.filter(pc.equal(rows["symbol"], symbol))
        columns[symbol] = own[column].take(pc.index_in(stamps, own["ts"]))
    return pa.table(columns)
