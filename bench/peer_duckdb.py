"""DuckDB's bare parse: time, price, quantity and side of every line into columns; nothing else.

python bench/peer_duckdb.py RAW
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

COLUMNS = "{ts: 'TIMESTAMP_NS', price: 'DOUBLE', qty: 'DOUBLE', side: 'VARCHAR'}"


def main() -> None:
    """Parses with one thread, file by file in order."""
    base = duckdb.connect(config={"threads": 1})
    rows = 0
    for path in sorted(Path(sys.argv[1]).rglob("ticks.jsonl*")):
        query = (
            f"select * from read_json('{path}', format='newline_delimited', columns={COLUMNS},"
            " hive_partitioning=false)"
        )
        rows += base.sql(query).to_arrow_table().num_rows
    print(json.dumps({"read": rows}))


if __name__ == "__main__":
    main()
