"""Klines that a user keeps as Parquet."""

from __future__ import annotations

import datetime as dt
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kit.adapter_suite import DAY, drop, feed_of
from kit.shipped import RULES
from pipeline.contracts.ledger import Lines
from pipeline.model.raw_names import RawPath
from pipeline.sources.clean import read_feed

NAME = "binance/spot/BTCUSDT-1m-2025-01-02.parquet"
MIDNIGHT = dt.datetime.combine(DAY, dt.time(), dt.UTC)


def save(raw: Path, table: pa.Table) -> RawPath:
    """The table as a raw file."""
    file = drop(raw, NAME, b"")
    pq.write_table(table, file.path)
    return file


def klines(times: list[object], **changes: list[object]) -> pa.Table:
    """A table of klines at such open times."""
    prices = {name: [2.5] * len(times) for name in ("open", "high", "low", "close", "volume")}
    return pa.table({"open_time": times} | prices | changes)


@pytest.mark.parametrize(
    "times",
    [
        [1735776000000, 1735776060000],
        [1735776000000000, 1735776060000000],
        [MIDNIGHT, MIDNIGHT + dt.timedelta(minutes=1)],
        [MIDNIGHT.replace(tzinfo=None), MIDNIGHT.replace(tzinfo=None, minute=1)],
    ],
    ids=["ms", "us", "aware", "naive"],
)
def test_open_times_of_any_type(tmp_path: Path, times: list[object]) -> None:
    """Epoch numbers and timestamps name the same minutes."""
    found = read_feed(feed_of("binance_1m"), [save(tmp_path, klines(times))], RULES)

    assert found.table["minute_open"].to_pylist() == [
        MIDNIGHT,
        MIDNIGHT + dt.timedelta(minutes=1),
    ]
    assert found.ledger[0].adapter == "binance_parquet"
    assert found.ledger[0].lines == Lines(read=2, used=2, merged=0, rejected=0)


def test_a_bad_row_costs_only_itself(tmp_path: Path) -> None:
    """Null, NaN and rows that break a rule are set aside by row number."""
    table = klines(
        [1735776000000 + 60_000 * i for i in range(4)],
        open=[2.5, None, float("nan"), 2.6],
    )
    found = read_feed(feed_of("binance_1m"), [save(tmp_path, table)], RULES)

    assert found.table.num_rows == 1
    assert found.rejects["line"].to_pylist() == [2, 3, 4]


@pytest.mark.parametrize("size", [4, 20, 200, 700])
def test_a_cut_file_is_set_aside_whole(tmp_path: Path, size: int) -> None:
    """Its footer is gone."""
    file = save(tmp_path, klines([1735776000000]))
    file.path.write_bytes(file.path.read_bytes()[:size])
    found = read_feed(feed_of("binance_1m"), [file], RULES)

    assert found.table.num_rows == 0
    assert found.rejects["line"].to_pylist() == [0]


def test_a_table_without_kline_columns_is_set_aside_whole(tmp_path: Path) -> None:
    """The reason names what is wanted."""
    file = save(tmp_path, pa.table({"a": [1]}))
    found = read_feed(feed_of("binance_1m"), [file], RULES)

    assert found.rejects["code"].to_pylist() == ["B02"]
    assert "open_time" in found.rejects["reason"][0].as_py()


class _Runs:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


@pytest.mark.parametrize("name", ["arrow.py_extension_type", "arrow.json", "mine.own"])
def test_an_extension_type_of_a_file_runs_nothing(tmp_path: Path, name: str) -> None:
    """Arrow once unpickled what a column's type said; the column is read as what it is stored as, or not."""
    given = klines([1735776000000])
    payload = {
        "ARROW:extension:name": name,
        "ARROW:extension:metadata": pickle.dumps(_Runs(str(tmp_path / "pwned"))),
    }
    fields = [field.with_metadata(payload) for field in given.schema]
    table = pa.Table.from_arrays(given.columns, schema=pa.schema(fields))

    found = read_feed(feed_of("binance_1m"), [save(tmp_path, table)], RULES)

    assert found.table.num_rows + found.rejects.num_rows == 1
    assert not (tmp_path / "pwned").exists()
