"""Tables on disk and their content hash."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.tables import parquet
from pipeline.tables.parts import Parts, cut, in_memory

COLUMNS = {
    "f": st.none() | st.floats(width=64),
    "i": st.none() | st.integers(-(2**63), 2**63 - 1),
    "s": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    "b": st.none() | st.booleans(),
}
TYPES = {"f": pa.float64(), "i": pa.int64(), "s": pa.string(), "b": pa.bool_()}
ROWS = st.lists(st.fixed_dictionaries(COLUMNS), max_size=20)


def table(rows: list[dict[str, object]]) -> pa.Table:
    """Rows as a table of the four types."""
    return pa.table({n: pa.array([r[n] for r in rows], t) for n, t in TYPES.items()})


@given(ROWS, st.integers(1, 5))
def test_chunks_do_not_show(rows: list[dict[str, object]], size: int) -> None:
    """The same values in other chunks have the same hash."""
    whole = table(rows)
    parts = [whole.slice(i, size) for i in range(0, whole.num_rows, size)] or [whole]

    assert parquet.content_hash(pa.concat_tables(parts)) == parquet.content_hash(whole)


@given(ROWS.filter(bool), st.data())
def test_any_changed_value_shows(rows: list[dict[str, object]], data: st.DataObject) -> None:
    """Changing one value to another changes the hash."""
    before = parquet.content_hash(table(rows))
    row = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(list(COLUMNS)))
    value = data.draw(COLUMNS[name].filter(lambda v: repr(v) != repr(rows[row][name])))
    changed = [dict(r) for r in rows]
    changed[row][name] = value

    assert parquet.content_hash(table(changed)) != before


def test_null_zero_and_empty_text_are_three_things() -> None:
    """A null is not the value that stands in for it."""
    columns = [
        pa.array([None], pa.string()),
        pa.array([""], pa.string()),
        pa.array([None], pa.int64()),
    ]
    hashes = {parquet.content_hash(pa.table({"c": c})) for c in columns}

    assert len(hashes) == 3


def test_the_content_hash_is_this_one() -> None:
    """The encoding is part of the contract: a hash published once must be found again."""
    known = pa.table({"a": pa.array([1, None], pa.int64()), "s": pa.array(["x", ""], pa.string())})

    assert parquet.content_hash(known) == (
        "52064ea2ff5f5a3b3ce90e8231e5e27953ce01011019b36d59251906a5f42307"
    )


@pytest.mark.parametrize("group", [None, "k"])
def test_two_writes_give_the_same_bytes(tmp_path: Path, group: str | None) -> None:
    """The file is a function of the table."""
    given_table = pa.table({"k": ["a", "a", "b"], "v": [1.0, None, 3.0]})
    for name in ("one", "two"):
        parquet.write(tmp_path / name, given_table, group_by=group)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert parquet.read(tmp_path / "one").equals(given_table)


def test_each_symbol_is_one_row_group(tmp_path: Path) -> None:
    """A reader of one symbol reads one row group."""
    parquet.write(tmp_path / "t", pa.table({"k": ["a", "a", "b"], "v": [1, 2, 3]}), group_by="k")

    metadata = pq.ParquetFile(tmp_path / "t").metadata

    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [2, 1]


def test_a_table_of_one_row_a_symbol_is_one_row_group(tmp_path: Path) -> None:
    """What a row group says of every column is many times what a row says."""
    parquet.write(tmp_path / "t", pa.table({"k": ["a", "b", "c"], "v": [1, 2, 3]}), group_by="k")

    assert pq.ParquetFile(tmp_path / "t").metadata.num_row_groups == 1


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    """An empty dataset has the same schema as a full one."""
    parquet.write(tmp_path / "t", pa.table({"v": pa.array([], pa.float64())}), group_by=None)

    assert parquet.read(tmp_path / "t").schema.field("v").type == pa.float64()
    assert parquet.rows(tmp_path / "t") == 0


def test_row_groups_that_end_before_an_instant_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a footprint in parts, those from an instant on, in the columns asked for."""
    monkeypatch.setattr("pipeline.tables.parts.FEW_ROWS", 2)
    opens = pa.array([3_600_000_000 * hour for hour in range(4)]).cast(pa.timestamp("us", tz="UTC"))
    whole = pa.table({"minute_open": opens, "price": [1.0, 2.0, 3.0, 4.0], "trades": [1, 2, 3, 4]})
    parquet.write(tmp_path / "t.parquet", cut(whole))
    parquet.write(tmp_path / "none.parquet", cut(whole.slice(0, 0)))
    asked = (["minute_open", "price"], "minute_open", 2 * 3_600_000_000)

    assert parquet.read(tmp_path / "t.parquet").equals(whole)
    assert parquet.read_from(tmp_path / "t.parquet", *asked)["price"].to_pylist() == [3.0, 4.0]
    assert parquet.read_from(tmp_path / "none.parquet", *asked).column_names == asked[0]


@pytest.mark.parametrize("counts", [(3, 1, 700), (2,), (1, 1), ()])
def test_parts_of_a_symbol_each_give_the_file_of_the_whole(
    tmp_path: Path, counts: tuple[int, ...]
) -> None:
    """The same bytes, whether a table is written in one piece or symbol by symbol; also without rows."""
    schema = pa.schema([("symbol", pa.string()), ("x", pa.float64()), ("note", pa.string())])
    groups = [
        pa.table({"symbol": [f"S{n}"] * k, "x": [n / 3] * k, "note": [None] * k}, schema)
        for n, k in enumerate(counts)
    ]
    whole = pa.concat_tables([schema.empty_table(), *groups]).combine_chunks()
    parquet.write(tmp_path / "whole", whole, group_by="symbol")
    parts = Parts(schema=schema, parts=tuple(in_memory(group) for group in groups))
    parquet.write(tmp_path / "parts", parts, group_by="symbol")

    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()


@given(ROWS, st.data())
def test_a_file_read_by_columns_has_the_content_of_its_table(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]], data: st.DataObject
) -> None:
    """The same content hash, of all columns or of some."""
    known = table(rows)
    path = tmp_path_factory.mktemp("columns") / "table.parquet"
    parquet.write(path, known)
    names = data.draw(st.lists(st.sampled_from(list(COLUMNS)), unique=True, min_size=1))

    assert parquet.content_hash(parquet.by_columns(path)) == parquet.content_hash(known)
    some = parquet.content_hash(parquet.by_columns(path, names))
    assert some == parquet.content_hash(known.select(names))


@given(ROWS, st.data())
def test_a_file_read_when_it_is_asked_for_has_the_columns_of_its_table(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]], data: st.DataObject
) -> None:
    """In the order in which they are asked for; or all."""
    known = table(rows)
    path = tmp_path_factory.mktemp("unread") / "table.parquet"
    parquet.write(path, known)
    names = data.draw(st.lists(st.sampled_from(list(COLUMNS)), unique=True, min_size=1))
    found = parquet.unread(path)

    assert parquet.content_hash(found) == parquet.content_hash(known)
    assert [part.column_names for part in found.tables(names)] == [names]


@pytest.mark.parametrize("limit", ["PART_ROWS", "_BATCH_BYTES", "_KEPT_BYTES"])
def test_a_file_larger_than_what_is_read_at_once_has_the_same_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """In as many parts as it takes, read once or again."""
    known = pa.table({"symbol": list("aabbbc"), "v": [1.0, None, 3.0, 4.0, float("nan"), 6.0]})
    path = tmp_path / "table.parquet"
    parquet.write(path, known, group_by="symbol")
    for each in ("_KEPT_BYTES", limit):  # a small table is read in one piece
        monkeypatch.setattr(parquet, each, 4)
    found = parquet.by_columns(path)

    assert parquet.content_hash(found) == parquet.content_hash(known)
    assert len(found.parts) == {"PART_ROWS": 2, "_BATCH_BYTES": 3, "_KEPT_BYTES": 1}[limit]
