"""Row groups read by themselves: the rows of the whole file, of as many symbols as are asked for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipeline.packs import Stored
from pipeline.tables import parquet, row_groups
from pipeline.tables.row_groups import Ends, Layout, Piece, Span

SCHEMA = pa.schema(
    [
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("ts", pa.timestamp("us", tz="UTC")),
        pa.field("price", pa.float64(), metadata={"unit": "quote"}),
        pa.field("note", pa.string()),
        pa.field("good", pa.bool_()),
    ]
)


@st.composite
def files(draw: st.DrawFn) -> pa.Table:
    """A table of a few symbols, of any script, with a few rows each."""
    names = draw(st.sets(st.sampled_from(["BTC", "ETH", "币安", "X" * 40, "Ω", "A"]), min_size=1))
    instants = st.datetimes(timezones=st.just(dt.UTC))
    row = st.tuples(
        st.none() | instants,
        st.none() | st.floats(),
        st.none() | st.text(),
        st.none() | st.booleans(),
    )
    rows = [
        (name, *values)
        for name in sorted(names)
        for values in draw(st.lists(row, min_size=2, max_size=30))
    ]
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, r, strict=True)) for r in rows], SCHEMA)


def bytes_of(path: Path, span: Span) -> bytes:
    """A range of a file."""
    return path.read_bytes()[span.offset : span.offset + span.bytes]


def read(path: Path, found: Layout, places: list[int], columns: list[str] | None) -> pa.Table:
    """The row groups at these places, with nothing else of the file at hand."""
    groups = [found.groups[place] for place in places]
    image = bytearray(path.stat().st_size + row_groups.ROOM)
    for group in groups:
        image[group.data.offset : group.data.offset + group.data.bytes] = bytes_of(path, group.data)
    pieces = [Piece(group.rows, bytes_of(path, group.footer)) for group in groups]
    ends = Ends(bytes_of(path, found.schema), bytes_of(path, found.writer))
    return row_groups.read(image, found.schema.offset, ends, pieces, columns)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(table=files(), data=st.data())
def test_any_row_groups_are_those_of_the_whole_file(
    tmp_path: Path, table: pa.Table, data: st.DataObject
) -> None:
    """Any subset in any order, any columns: what pyarrow reads of the whole file; schema and units too."""
    symbols = len(table["symbol"].unique())
    assume(symbols == 1 or symbols < table.num_rows)  # one row each: all in one row group
    path = tmp_path / "table.parquet"
    parquet.write(path, table, group_by="symbol")
    found = row_groups.layout(Stored(path))

    assert found is not None
    assert [group.symbol for group in found.groups] == table["symbol"].unique().to_pylist()
    places = data.draw(st.lists(st.sampled_from(range(len(found.groups))), unique=True))
    columns = data.draw(st.none() | st.lists(st.sampled_from(SCHEMA.names), unique=True))
    with pq.ParquetFile(path) as file:
        wanted = file.read_row_groups(places, columns=columns)
    assert read(path, found, places, columns).to_pydict().__repr__() == repr(wanted.to_pydict())
    assert read(path, found, places, columns).schema.equals(wanted.schema, check_metadata=True)


def test_the_pieces_are_all_of_the_file(tmp_path: Path) -> None:
    """Row groups lie one behind the other from the magic to the footer, their descriptions within it."""
    table = pa.table({"symbol": ["A"] * 3 + ["B"] * 2, "x": [1.0, 2.0, None, 4.0, 5.0]})
    path = tmp_path / "table.parquet"
    parquet.write(path, table, group_by="symbol")
    found = row_groups.layout(Stored(path))

    assert found is not None
    first, second = found.groups
    assert (first.data.offset, first.rows, second.rows) == (4, 3, 2)
    assert first.data.offset + first.data.bytes == second.data.offset
    assert second.data.offset + second.data.bytes == found.schema.offset
    assert first.footer.offset + first.footer.bytes == second.footer.offset
    assert second.footer.offset + second.footer.bytes == found.writer.offset
    assert found.writer.offset + found.writer.bytes == path.stat().st_size - 8


@pytest.mark.parametrize(
    ("symbols", "group_by"),
    [(["A", "B"], None), (["A", None], None), ([], "symbol"), (None, None)],
)
def test_row_groups_of_no_single_symbol_have_no_layout(
    tmp_path: Path, symbols: list[str | None] | None, group_by: str | None
) -> None:
    """Two symbols in one, a row without one, no row, no such column."""
    table = pa.table({"x": [1]} if symbols is None else {"symbol": pa.array(symbols, pa.string())})
    path = tmp_path / "table.parquet"
    parquet.write(path, table, group_by=group_by)

    assert row_groups.layout(Stored(path)) is None
