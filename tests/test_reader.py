"""`load()`: verified rows of whole revisions, and refusals in one sentence."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kit import snapshots as kit
from pipeline.errors import ParameterError, RefusedError, SnapshotCorruptError
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.revisions import read_publication
from pipeline.publishing.seal import publish
from pipeline.reader import files, load, scan

D1, D2, D3 = (kit.DAY + dt.timedelta(days=i) for i in range(3))
BOTH = {"BTCUSDT": "available", "ETHUSDT": "available"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three published days: two symbols; then ETHUSDT degraded; then ETHUSDT missing."""
    store = FolderStore(tmp_path / "snapshots")
    for day, eth in ((D1, "available"), (D2, "degraded"), (D3, "missing")):
        publish(kit.draft(tmp_path / f"{day}", day, states=BOTH | {"ETHUSDT": eth}), store)
    return store.root


def test_both_ends_are_included(root: Path) -> None:
    """`[start, end]`: two days of one symbol are 2880 minutes, by date and time."""
    table = load("bars_1m", D1, D2, symbols=["BTCUSDT"], root=root)

    assert table.num_rows == 2880
    assert table["minute_open"].to_pylist() == kit.minutes(D1) + kit.minutes(D2)


def test_dates_may_be_text_and_columns_chosen(root: Path) -> None:
    """Only the columns asked for come back, in that order."""
    table = load("bars_1m", "2025-01-02", "2025-01-02", columns=["close", "symbol"], root=root)

    assert table.column_names == ["close", "symbol"]
    assert table["symbol"].to_pylist() == ["BTCUSDT"] * 1440 + ["ETHUSDT"] * 1440


def test_chosen_columns_come_back_with_chosen_symbols(root: Path) -> None:
    """The symbol need not be among them, nor anything; every column in another order is every column."""
    every = load("bars_1m", D1, D2, ["BTCUSDT"], root=root)
    turned = every.column_names[::-1]

    assert load("bars_1m", D1, D2, ["BTCUSDT"], columns=["ts"], root=root).column_names == ["ts"]
    assert load("bars_1m", D1, D2, ["BTCUSDT"], columns=[], root=root).num_columns == 0
    assert load("bars_1m", D1, D2, ["BTCUSDT"], columns=turned, root=root) == every.select(turned)


def test_the_first_damaged_day_is_named(root: Path) -> None:
    """Files are read side by side; the error is that of the earliest all the same."""
    for day in (D2, D1):
        path = (root / day.isoformat() / "bars_1m.parquet").resolve()
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b"x")

    with pytest.raises(SnapshotCorruptError, match=r"2025-01-02\.r1/bars_1m"):
        load("bars_1m", D1, D2, allow=("available", "degraded"), root=root)


def test_units_come_along(root: Path) -> None:
    """The schema still says in which unit a column is."""
    table = load("bars_1m", D1, D1, root=root)

    assert table.schema.field("volume").metadata[b"unit"] == b"base"


def test_a_degraded_symbol_day_is_refused_by_name(root: Path) -> None:
    """The sentence names the symbol, the day and its condition."""
    with pytest.raises(RefusedError, match=r"ETHUSDT 2025-01-03 \(degraded\)") as told:
        load("bars_1m", D1, D2, root=root)
    assert "BTCUSDT" not in str(told.value)
    assert "\n" not in str(told.value)

    allowed = load("bars_1m", D1, D2, allow=("available", "degraded"), root=root)
    assert allowed.num_rows == 4 * 1440


def test_symbols_that_are_not_asked_for_do_not_refuse(root: Path) -> None:
    """A range is judged by the symbols asked for alone."""
    assert load("bars_1m", D1, D3, symbols=["BTCUSDT"], root=root).num_rows == 3 * 1440


def test_a_missing_symbol_day_is_a_gap_only_when_allowed(root: Path) -> None:
    """It has no rows, and nobody gets fewer rows than they think without having said so."""
    with pytest.raises(RefusedError, match=r"ETHUSDT 2025-01-04 \(missing\)"):
        load("bars_1m", D3, D3, symbols=["ETHUSDT"], root=root)

    assert load("bars_1m", D3, D3, ["ETHUSDT"], allow=["missing"], root=root).num_rows == 0


def test_an_unpublished_day_is_pending(root: Path) -> None:
    """A hole in the range is refused like any other condition."""
    after = D3 + dt.timedelta(days=1)
    with pytest.raises(RefusedError, match=r"2025-01-05 \(not published\)"):
        load("bars_1m", D3, after, ["BTCUSDT"], root=root)

    allowed = load("bars_1m", D3, after, ["BTCUSDT"], allow=["available", "pending"], root=root)
    assert allowed.num_rows == 1440


def test_what_is_not_published_is_named_with_what_is(root: Path) -> None:
    """Dates in a row as one; the published range, the command that builds, and what `allow` is to say."""
    last = D3 + dt.timedelta(days=3)
    with pytest.raises(RefusedError) as told:
        load("bars_1m", D1, last, ["BTCUSDT"], root=root)
    assert str(told.value) == (
        "2025-01-05 to 2025-01-07 (not published): wanted only available; published are 2025-01-02 to"
        " 2025-01-04; `kitchen backfill --start 2025-01-05 --stop 2025-01-07` builds what is not;"
        " allow pending to go on without them"
    )

    with pytest.raises(RefusedError) as both:
        load("bars_1m", D1, last, root=root)
    assert "ETHUSDT 2025-01-03 (degraded), ETHUSDT 2025-01-04 (missing), 2025-01-05 to" in str(
        both.value
    )
    assert str(both.value).endswith(
        "; allow degraded and missing and pending to take what there is"
    )
    words = ("available", "degraded", "missing", "pending")
    assert load("bars_1m", D1, last, allow=words, root=root).num_rows == 5 * 1440


def test_what_was_not_published_yet_is_named_with_what_was(root: Path) -> None:
    """No command changes what was published at an instant."""
    with pytest.raises(RefusedError) as told:
        load("bars_1m", D1, D1, as_of="2001-01-01T00:00:00Z", root=root)
    assert str(told.value) == (
        f"2025-01-02 (not published): wanted only available; nothing was published in {root} as of"
        " 2001-01-01T00:00:00+00:00; allow pending to go on without them"
    )


def test_as_of_gives_what_was_published_then(root: Path, tmp_path: Path) -> None:
    """Before r1: nothing. From r1 on: r1. From r2 on, and without as_of: r2."""
    store = FolderStore(root)
    publish(kit.draft(tmp_path / "new", D1, states=BOTH, price=200.0), store)
    first, second = (
        dt.datetime.fromisoformat(read_publication(store.revision(D1, n))["published_at"])
        for n in (1, 2)
    )

    def price(as_of: Any) -> float:
        table = load("bars_1m", D1, D1, ["BTCUSDT"], as_of=as_of, columns=["open"], root=root)
        return float(table["open"][0].as_py())

    tick = dt.timedelta(microseconds=1)
    assert price(first) == price(second - tick) == price((second - tick).isoformat()) == 100.0
    assert price(second) == price(None) == price("2100-01-01T00:00:00Z") == 200.0
    with pytest.raises(RefusedError, match="not published"):
        price(first - tick)


@pytest.mark.parametrize("as_of", [dt.datetime(2025, 1, 5), "2025-01-05T00:00:00", "soon", 5])  # noqa: DTZ001
def test_as_of_needs_a_zone(root: Path, as_of: Any) -> None:
    """An instant without a zone could be any of 38 hours."""
    with pytest.raises(ParameterError, match="as_of"):
        load("bars_1m", D1, D1, as_of=as_of, root=root)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"dataset": "trades"}, "no dataset 'trades'; there are bars_1m"),
        ({"start": "2025-1-2"}, "start: .*YYYY-MM-DD.*; did you mean 2025-01-02\\?"),
        ({"end": dt.datetime(2025, 1, 2, 6)}, "end: 2025-01-02 06:00:00 is an instant"),  # noqa: DTZ001
        ({"end": pd.Timestamp("2025-01-02", tz="Asia/Tokyo")}, "is an instant"),
        ({"end": pd.Timestamp("2025-01-02") + pd.Timedelta(1, "ns")}, "is an instant"),
        ({"end": pd.Timestamp("2025-01-02T06:00").to_datetime64()}, "is an instant"),
        ({"end": pd.NaT}, "is an instant"),
        ({"end": np.datetime64("NaT")}, "is an instant"),
        ({"start": "../2025-01-02"}, "YYYY-MM-DD"),
        ({"start": D2}, "swap them"),
        ({"symbols": ["../x"]}, "is no symbol"),
        ({"symbols": ["SOLUSDT"]}, "knows SOLUSDT; there are BTCUSDT, ETHUSDT"),
        ({"symbols": ["btcusdt"]}, "'btcusdt' is no symbol, it has 'b'; did you mean BTCUSDT\\?"),
        ({"symbols": "BTC/USDT"}, "it has '/'; did you mean BTCUSDT\\?"),
        ({"symbols": ["BTCUSD"]}, "knows BTCUSD; did you mean BTCUSDT"),
        ({"symbols": 5}, "symbols=5: wanted a name, or a list of names"),
        ({"columns": ["colour"]}, "no column colour; there are symbol, .* more$"),
        ({"columns": ["Close"]}, "no column Close; did you mean close"),
        ({"columns": ["vpin"]}, "no column vpin; it is a feature, of features_micro"),
        ({"columns": [5]}, "columns=.5.: wanted a name, or a list of names"),
        ({"dataset": "bars"}, "no dataset 'bars'; did you mean bars_1m\\?"),
        ({"allow": ["good"]}, "'good' is no condition; there are available, degraded"),
        ({"allow": "degrated"}, "'degrated' is no condition; did you mean degraded\\?"),
    ],
)
def test_wrong_arguments_are_one_sentence(root: Path, arguments: dict[str, Any], what: str) -> None:
    """What was wrong and what there is."""
    given: dict[str, Any] = {"dataset": "bars_1m", "start": D1, "end": D1, "root": root}

    with pytest.raises(ParameterError, match=what) as told:
        load(**given | arguments)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "day",
    [
        dt.datetime(2025, 1, 2),  # noqa: DTZ001
        dt.datetime(2025, 1, 2, tzinfo=dt.UTC),
        pd.Timestamp("2025-01-02"),
        pd.Timestamp("2025-01-02", tz="UTC"),
        np.datetime64("2025-01-02"),
        pd.Timestamp("2025-01-02").to_datetime64(),
    ],
)
def test_the_midnight_with_which_a_date_begins_is_that_date(root: Path, day: Any) -> None:
    """Naive or of UTC, as pandas and NumPy have their dates."""
    assert load("bars_1m", day, day, root=root).num_rows == 2 * 1440


def test_one_string_is_a_list_of_it(root: Path) -> None:
    """Of symbols, columns and conditions."""
    table = load("bars_1m", D2, D2, "ETHUSDT", columns="close", allow="degraded", root=root)

    assert table.column_names == ["close"]
    assert table.num_rows == 1440


def test_other_libraries_read_the_same_frame(root: Path) -> None:
    """pandas, Polars and DuckDB see the rows that load() gives, straight from the files too."""
    table = load("bars_1m", D1, D1, root=root)
    path = root / "2025-01-02" / "bars_1m.parquet"

    assert pl.DataFrame(pl.from_arrow(table)).equals(pl.read_parquet(path))
    assert pa.Table.from_pandas(table.to_pandas(), schema=table.schema).equals(table)
    rows = duckdb.sql(f"select symbol, count(*), sum(close) from '{path}' group by 1 order by 1")  # noqa: S608
    assert rows.fetchall() == [("BTCUSDT", 1440, 144000.0), ("ETHUSDT", 1440, 144000.0)]


def test_a_glob_over_days_counts_each_once(root: Path) -> None:
    """`snapshots/2*/` is each day's current revision, without LATEST and older revisions."""
    counted = duckdb.sql(f"select count(*) from '{root}/2*/bars_1m.parquet'").fetchall()  # noqa: S608

    assert counted == [((2 + 2 + 1) * 1440,)]


def test_a_day_without_ticks_has_no_footprint_rows(root: Path) -> None:
    """An absent file is an empty table with the schema's columns, not an error."""
    table = load("footprint", D1, D1, root=root)

    assert table.num_rows == 0
    assert table.column_names[:3] == ["symbol", "minute_open", "price"]
    assert load("macro_slow", D1, D1, root=root).column_names == ["symbol", "ema_20"]


def test_a_verified_file_is_hashed_once_until_it_changes(root: Path) -> None:
    """The cache goes by path, size, time and inode: damage after the first load is found."""
    load("bars_1m", D1, D1, root=root)
    path = (root / "2025-01-02" / "bars_1m.parquet").resolve()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)

    with pytest.raises(SnapshotCorruptError, match=r"bars_1m\.parquet: sha256"):
        load("bars_1m", D1, D1, root=root)


def test_the_store_of_the_configuration_is_the_default(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `root` the configured snapshots are read."""
    path = tmp_path / "kitchen.yaml"
    path.write_text(
        "paths: {raw: raw, prepared: prepared, snapshots: snapshots}\n"
        "symbols: {BTCUSDT: {market: spot}}\n"
    )
    monkeypatch.setenv("KITCHEN_CONFIG", str(path))

    assert load("bars_1m", D1, D1, ["BTCUSDT"]).num_rows == 1440


def test_scan_and_files_give_the_rows_of_load(root: Path) -> None:
    """A lazy frame, and DuckDB over the files: the same rows, the same refusals."""
    wanted = pl.DataFrame(pl.from_arrow(load("bars_1m", D1, D2, ["BTCUSDT"], root=root)))
    lazy = scan("bars_1m", D1, D2, ["BTCUSDT"], root=root)
    paths = [str(p) for p in files("bars_1m", D1, D2, ["BTCUSDT"], root=root)]

    assert lazy.collect().equals(wanted)
    assert lazy.select("close").filter(pl.col("close") > 100).collect().height == 0
    read = duckdb.read_parquet(paths).filter("symbol = 'BTCUSDT'").order("ts").pl()
    assert read.with_columns(pl.col(pl.Datetime).dt.convert_time_zone("UTC")).equals(wanted)
    assert [Path(p).parent.name for p in paths] == ["2025-01-02.r1", "2025-01-03.r1"]
    for call in (scan, files):
        with pytest.raises(RefusedError, match="ETHUSDT 2025-01-03"):
            call("bars_1m", D1, D2, root=root)


def test_scan_without_rows_has_the_columns(root: Path) -> None:
    """A day without ticks, and one that is not published."""
    assert scan("footprint", D1, D1, root=root).collect().columns[:2] == ["symbol", "minute_open"]
    later = D3 + dt.timedelta(days=1)
    assert files("bars_1m", later, later, allow=["pending"], root=root) == []


def test_scan_refuses_damaged_files(root: Path) -> None:
    """Before anything is read of them."""
    path = (root / "2025-01-02" / "bars_1m.parquet").resolve()
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])

    for call in (scan, files):
        with pytest.raises(SnapshotCorruptError, match="sha256"):
            call("bars_1m", D1, D1, root=root)


@pytest.mark.parametrize("dataset", ["bars_1m", "features_micro", "macro_slow", "rejects"])
def test_three_libraries_read_identical_frames(root: Path, dataset: str) -> None:
    """pandas, Polars and DuckDB straight from a file: the same columns, types, values and nulls."""
    path = root / "2025-01-02" / f"{dataset}.parquet"
    wanted = pq.read_table(path, partitioning=None)

    polars = pl.read_parquet(path).to_arrow()
    duck = duckdb.read_parquet(str(path)).to_arrow_table()
    pandas = pa.Table.from_pandas(pd.read_parquet(path), preserve_index=False)

    for other in (polars, duck, pandas):
        assert other.column_names == wanted.column_names
        assert other.cast(wanted.schema.remove_metadata()).to_pydict() == wanted.to_pydict()
