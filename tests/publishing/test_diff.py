"""Differences between two revisions: exactly the rows and columns that changed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from kit import snapshots as kit
from pipeline import storage
from pipeline.publishing import diff
from pipeline.publishing.diff import diff_tables
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.seal import publish

BARS = kit.bars(kit.DAY, "BTCUSDT")


def changed(table: pa.Table, column: str, row: int, value: object) -> pa.Table:
    """The table with one other value."""
    values = table[column].to_pylist()
    values[row] = value
    at = table.column_names.index(column)
    return table.set_column(
        at, table.schema.field(at), pa.array(values, table.schema.field(at).type)
    )


def test_equal_tables_do_not_differ() -> None:
    """Nothing added, removed or changed."""
    found = diff_tables("bars_1m.parquet", BARS, BARS)

    assert found.summary() == {"added": 0, "removed": 0, "changed": 0, "columns": {}}


@settings(max_examples=25)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 1439), st.sampled_from(["close", "volume", "poc"])),
        st.floats(200.0, 300.0),
        max_size=8,
    )
)
def test_exactly_the_changed_cells_are_named(edits: dict[tuple[int, str], float]) -> None:
    """Row, column, value before and after; also where a null becomes a value."""
    after = BARS
    for (row, column), value in edits.items():
        after = changed(after, column, row, value)

    found = diff_tables("bars_1m.parquet", BARS, after)

    cells = {
        (key[1], column): pair
        for key, columns in found.changed()
        for column, pair in columns.items()
    }
    stamps = BARS["ts"].to_pylist()
    assert cells == {
        (stamps[row], column): (None if column == "poc" else 100.0, value)
        for (row, column), value in edits.items()
    }
    assert sum(found.columns.values()) == len(edits)


def test_rows_that_one_side_has_are_added_and_removed() -> None:
    """By their keys, whatever their place."""
    found = diff_tables("bars_1m.parquet", BARS.slice(1), BARS.slice(0, 1439))

    opened = dt.datetime(2025, 1, 2, 0, 1, tzinfo=dt.UTC)
    assert found.added == [("BTCUSDT", opened)]
    assert found.removed == [("BTCUSDT", dt.datetime(2025, 1, 3, tzinfo=dt.UTC))]
    assert found.touched == []


def test_rows_of_equal_keys_are_paired_in_their_order() -> None:
    """A line that was set aside twice for one code is not lost."""
    twice = pa.concat_tables([kit.reject("BTCUSDT"), kit.reject("BTCUSDT")])

    assert diff_tables("rejects.parquet", twice, twice).touched == []
    assert len(diff_tables("rejects.parquet", kit.reject("BTCUSDT"), twice).added) == 1


def test_a_new_column_is_a_change_of_every_row() -> None:
    """And so is one of another type."""
    more = kit.macro("BTCUSDT").append_column("ema_50", pa.array([2.0]))

    found = diff_tables("macro_slow.parquet", kit.macro("BTCUSDT"), more)

    assert list(found.changed()) == [(("BTCUSDT",), {"ema_50": (None, 2.0)})]


def test_a_revision_says_what_it_changed(tmp_path: Path) -> None:
    """`publication.json` of r2 has the counts by table and column; r1 has none."""
    store = FolderStore(tmp_path / "snapshots")
    r1 = publish(kit.draft(tmp_path / "a"), store)
    r2 = publish(kit.draft(tmp_path / "b", price=101.0), store)

    assert storage.read_json(r1.path / "publication.json")["changes"] is None
    assert storage.read_json(r2.path / "publication.json")["changes"] == {
        "tables": {
            "bars_1m.parquet": {
                "added": 0,
                "removed": 0,
                "changed": 1440,
                "columns": dict.fromkeys(("close", "high", "low", "open", "volume"), 1440),
            }
        },
        "conditions": {},
        "correction": False,
    }


def test_a_changed_condition_stands_beside_the_rows(tmp_path: Path) -> None:
    """Whose condition became what."""
    store = FolderStore(tmp_path / "snapshots")
    publish(kit.draft(tmp_path / "a"), store)
    r2 = publish(kit.draft(tmp_path / "b", states={"BTCUSDT": "degraded"}), store)

    said = storage.read_json(r2.path / "publication.json")["changes"]
    assert said["conditions"] == {"BTCUSDT": ["available", "degraded"]}
    assert said["tables"] == {}


def test_a_parent_that_cannot_be_read_stops_nobody(tmp_path: Path) -> None:
    """A damaged table of the parent leaves its part of the summary out."""
    store = FolderStore(tmp_path / "snapshots")
    r1 = publish(kit.draft(tmp_path / "a"), store)
    (r1.path / "bars_1m.parquet").chmod(0o644)
    (r1.path / "bars_1m.parquet").write_bytes(b"no parquet")

    r2 = publish(kit.draft(tmp_path / "b", price=101.0), store)

    assert storage.read_json(r2.path / "publication.json")["changes"]["tables"] is None


@pytest.mark.parametrize("nan", [float("nan")])
def test_two_nans_are_no_change(nan: float) -> None:
    """What is not a number on both sides did not change."""
    one = pa.table({"symbol": ["X"], "ema_20": [nan]})

    assert diff_tables("macro_slow.parquet", one, one).touched == []


def test_counts_by_symbol_are_those_of_the_whole_tables(tmp_path: Path) -> None:
    """A symbol that changes, one that goes, one that comes, another column set; a table of one side."""
    folders, manifests = [], []
    for number, (states, price) in enumerate(
        (
            ({"AUSDT": "available", "BUSDT": "available", "CUSDT": "available"}, 100.0),
            ({"AUSDT": "available", "CUSDT": "missing", "DUSDT": "available"}, 101.0),
        )
    ):
        made = kit.draft(
            tmp_path / str(number), states=states, price=price, lacking=("poc",) if number else ()
        )
        folders.append(tmp_path / str(number))
        manifests.append(made.manifest)
    before, after = folders
    sides = (manifests[0], manifests[1])
    alone = structs.replace(
        sides[1], files={n: f for n, f in sides[1].files.items() if n != "features_micro.parquet"}
    )

    for pair in (sides, (sides[0], alone)):
        wanted = {t.name: t.summary() for t in diff.diff_folders(before, after, pair)}
        assert diff.counts(before, after, pair) == wanted
    assert wanted["bars_1m.parquet"]["added"] == 1440
    assert wanted["features_micro.parquet"]["removed"] == 3 * 1440
