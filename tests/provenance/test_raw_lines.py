"""Raw lines by the numbers of the ledger, in every form of the exchange's trades."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.model.limits import Limits
from pipeline.provenance.raw_text import RawLines

ROWS = [
    {"a": n, "p": "1.5", "q": "2", "f": n, "l": n, "T": 1_735_776_000_000 + n, "m": True}
    for n in range(7)
]
PAGES = "".join(json.dumps(ROWS[start : start + 3]) + "\n" for start in (0, 3, 6))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("BTCUSDT-aggTrades-2025-01-02.json", PAGES),
        ("BTCUSDT-aggTrades-2025-01-02.json", json.dumps(ROWS)),
        ("BTCUSDT-aggTrades-2025-01-02.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS)),
    ],
)
def test_objects_are_numbered_through(tmp_path: Path, name: str, text: str) -> None:
    """Pages of the API one after the other, elements of an array, lines."""
    (tmp_path / name).write_text(text)
    found = RawLines(tmp_path, Limits()).at(name, range(1, 9))

    assert {number: json.loads(line) for number, line in found.items()} == dict(enumerate(ROWS, 1))


def test_more_rows_of_parquet_than_klines_have(tmp_path: Path) -> None:
    """A day of trades has more rows than a file of klines may; the last one is found."""
    name, count = "BTCUSDT-trades-2025-01-02.parquet", 1000
    columns = {"id": range(count), "price": [1.5] * count, "qty": [2] * count, "time": [7] * count}
    pq.write_table(pa.table({key: list(value) for key, value in columns.items()}), tmp_path / name)
    found = RawLines(tmp_path, Limits(kline_rows=100)).at(name, [count])

    assert found == {count: b"999,1.5,2,7"}
