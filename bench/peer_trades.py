"""A library's bare parse of a CSV of trades: all columns, one thread; nothing else.

python bench/peer_trades.py duckdb|polars|pyarrow CSV
"""

from __future__ import annotations

import json
import os
import sys


def duckdb(path: str) -> int:
    """Rows, by DuckDB."""
    import duckdb as library

    base = library.connect(config={"threads": 1})
    return base.sql(f"select * from read_csv('{path}')").to_arrow_table().num_rows


def polars(path: str) -> int:
    """Rows, by Polars."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as library

    return library.read_csv(path).height


def pyarrow(path: str) -> int:
    """Rows, by pyarrow."""
    import pyarrow.csv as library

    options = library.ReadOptions(use_threads=False)
    return library.read_csv(path, read_options=options).num_rows


if __name__ == "__main__":
    readers = {"duckdb": duckdb, "polars": polars, "pyarrow": pyarrow}
    sys.stdout.write(json.dumps({"read": readers[sys.argv[1]](sys.argv[2])}))
