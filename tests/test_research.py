"""A store as an object: rows as a researcher asks for them, against pandas and Polars on the same files."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.support import kitchen_at
from pipeline import layout
from pipeline.errors import ParameterError, RefusedError
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.publishing import index
from pipeline.publishing.opening import open_store
from pipeline.reader import Snapshots, notebook, open_snapshots, resample
from pipeline.reader.resampling import minutes_of
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.tasks import job

FIRST, LAST = dt.date(2025, 1, 2), dt.date(2025, 1, 3)
SYMBOLS = ["BTCUSDT", "ETHUSDT"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two published days of two symbols; ETHUSDT's second day has gaps."""
    market = "{market: futures_um}"
    kitchen = kitchen_at(tmp_path_factory.mktemp("research"), dict.fromkeys(SYMBOLS, market))
    for symbol in SYMBOLS:
        write_sample(
            SampleRequest(
                out=kitchen.raw,
                first=FIRST,
                days=2,
                symbols=(symbol,),
                trades_per_day=2_000,
                warmup_days=40,
                defects=("B12",) if symbol == "ETHUSDT" else (),
            )
        )
    layout.forget_listings()
    freshness = Freshness(kitchen)
    for day in (FIRST, LAST):
        job.build(freshness, Unit("Snapshot", day))
    assert index.current(open_store(kitchen.snapshots)).keys() == {FIRST, LAST}
    return kitchen.snapshots


@pytest.fixture
def store(root: Path) -> Snapshots:
    """The store, degraded days allowed."""
    return open_snapshots(root, allow=("available", "degraded"))


def published(root: Path, name: str, symbol: str) -> pd.DataFrame:
    """The rows of both days as they lie in the files."""
    files = [root / day.isoformat() / f"{name}.parquet" for day in (FIRST, LAST)]
    frame = pd.concat([pd.read_parquet(file) for file in files])
    return frame[frame["symbol"] == symbol].reset_index(drop=True)


def test_what_there_is_is_told_in_a_line(store: Snapshots, root: Path) -> None:
    """Days, symbols, conditions; short words for a prompt."""
    assert store.days() == [FIRST, LAST]
    assert store.symbols() == SYMBOLS
    assert repr(store) == f"<Snapshots {root}: 2 days, 2025-01-02 to 2025-01-03>"
    rows = store.conditions(FIRST, LAST).to_pylist()
    assert [(row["date"], row["symbol"]) for row in rows] == [
        (day, symbol) for day in (FIRST, LAST) for symbol in SYMBOLS
    ]
    assert rows[3]["condition"] == "degraded"
    assert "B12" in rows[3]["codes"]
    assert repr(store.snapshot(LAST)) == "<Snapshot 2025-01-03: 1 available, 1 degraded>"
    assert repr(store.snapshot(LAST).day("BTCUSDT")) == "<SymbolDay BTCUSDT 2025-01-03>"


def cells(text: str) -> list[list[str | None]]:
    """The rows of the one table, its head first."""
    rows = ElementTree.fromstring(f"<p>{text}</p>").iter("tr")  # noqa: S314
    return [[cell.text for cell in row] for row in rows]


def test_a_notebook_shows_a_small_table(store: Snapshots, root: Path) -> None:
    """Of a store the conditions counted by date, the newest first; of a date those of its symbols."""
    shown = store._repr_html_()
    assert shown.startswith(f"<p>Snapshots {root}: 2 days, 2025-01-02 to 2025-01-03</p>")
    assert cells(shown) == [
        ["date", "available", "degraded"],
        ["2025-01-03", "1", "1"],
        ["2025-01-02", "2", "0"],
    ]
    head, btc, eth = cells(store.snapshot(LAST)._repr_html_())
    assert head == ["symbol", "condition", "codes"]
    assert btc[:2] == ["BTCUSDT", "available"]
    assert eth[:2] == ["ETHUSDT", "degraded"]
    assert "B12" in str(eth[2])


def test_a_table_of_a_notebook_counts_the_rest_and_has_no_foreign_html() -> None:
    """Names are text."""
    shown = notebook.table("<b>", ["n"], [["<i>"]], 2)
    assert cells(shown) == [["n"], ["<i>"]]
    assert shown.endswith("<p>and 2 more</p>")
    assert "more" not in notebook.table("", ["n"], [], 0)


def test_a_condition_that_is_not_allowed_is_refused_by_name(root: Path) -> None:
    """As `load` does."""
    with pytest.raises(RefusedError, match="ETHUSDT 2025-01-03 \\(degraded\\)"):
        open_snapshots(root).bars(FIRST, LAST)


def test_features_stand_beside_the_minutes_that_they_are_of(store: Snapshots, root: Path) -> None:
    """Of minutes and of days, both days and symbols, against the files."""
    found = store.bars(
        FIRST, LAST, columns=["close"], features=["ret_1m", "range_1d", "vpin"], form="pandas"
    )

    assert list(found.columns)[:5] == ["symbol", "ts", "available_at", "minute_open", "close"]
    for symbol in SYMBOLS:
        mine = found[found["symbol"] == symbol].reset_index(drop=True)
        micro, macro = (published(root, name, symbol) for name in ("features_micro", "macro_slow"))
        pd.testing.assert_series_equal(mine["ret_1m"], micro["ret_1m"])
        pd.testing.assert_series_equal(mine["vpin"], micro["vpin"])
        daily = macro.set_index(macro["day"].dt.date)["range_1d"]
        wanted = mine["minute_open"].dt.date.map(daily).astype(float)
        np.testing.assert_array_equal(mine["range_1d"], wanted)
        assert wanted.nunique() == 2
        assert mine["ret_1m"].notna().any()


def exact_sum(values: pd.Series) -> float:
    """The float nearest to the sum of the numbers as they are written."""
    return float(sum(Decimal(repr(value)) for value in values.tolist()))


def test_five_minutes_are_what_pandas_makes_of_them(store: Snapshots, root: Path) -> None:
    """Left-closed, named by their close; the symbol without gaps."""
    found = store.bars(FIRST, LAST, ["BTCUSDT"], every="5m", form="pandas").set_index("ts")

    minutes = published(root, "bars_1m", "BTCUSDT").set_index("minute_open")
    wanted = minutes.resample("5min", closed="left", label="right").agg(
        {
            "open": "first",
            "high": "max",
            "low": "min",
            "close": "last",
            "volume": exact_sum,
            "trades": "sum",
            "delta": exact_sum,
            "cvd": "last",
            "available_at": "last",
        }
    )
    assert len(found) == 2 * 288
    for name in set(wanted.columns) - {"available_at"}:
        np.testing.assert_array_equal(found[name], wanted[name])
    assert (found.index == wanted.index).all()
    assert (found["available_at"] == wanted["available_at"].to_numpy()).all()
    assert (found["minutes"] == 5).all()


def test_a_bar_with_an_unmeasured_minute_has_no_sum(store: Snapshots, root: Path) -> None:
    """Prices are those of the minutes that have one; nothing is filled; the flag is there."""
    found = store.bars(LAST, LAST, ["ETHUSDT"], every="15m", form="pandas")
    minutes = published(root, "bars_1m", "ETHUSDT")
    minutes = minutes[minutes["minute_open"].dt.date == LAST]
    gone = set(minutes.loc[minutes["volume"].isna(), "minute_open"].dt.floor("15min"))

    assert gone
    broken = found[found["minute_open"].isin(gone)]
    assert broken["volume"].isna().all()
    assert (broken["minutes"] < 15).all()
    assert broken["close"].notna().all()
    assert all("kline_missing (B12)" in store.flags(mask) for mask in broken["qc_flags"])
    assert found[~found["minute_open"].isin(gone)]["volume"].notna().all()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(1, 10_000)), st.one_of(st.none(), st.integers(0, 500))
        ),
        min_size=60,
        max_size=60,
    ),
    st.sampled_from(["5m", "10m", "30m", "1h"]),
)
def test_longer_bars_agree_with_polars(
    minutes: list[tuple[int | None, int | None]], every: str
) -> None:
    """An hour with any minutes null: first and last known price, extremes, and sums of whole bars."""
    opened = [
        dt.datetime(2025, 1, 2, 3, tzinfo=dt.UTC) + dt.timedelta(minutes=n) for n in range(60)
    ]
    stamp = pa.timestamp("us", tz="UTC")
    price = pa.array([None if p is None else float(p) for p, _ in minutes], pa.float64())
    table = pa.table(
        {
            "symbol": ["X"] * 60,
            "ts": pa.array([o + dt.timedelta(minutes=1) for o in opened], stamp),
            "minute_open": pa.array(opened, stamp),
            **dict.fromkeys(("open", "high", "low", "close"), price),
            "volume": pa.array([None if v is None else float(v) for _, v in minutes], pa.float64()),
        }
    )

    found = pl.from_arrow(resample(table, every))

    assert isinstance(found, pl.DataFrame)
    wanted = (
        pl.from_arrow(table)
        .group_by_dynamic("minute_open", every=every)  # type: ignore[union-attr]
        .agg(
            pl.col("open").drop_nulls().first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").drop_nulls().last(),
            pl.when(pl.col("volume").null_count() == 0)
            .then(pl.col("volume").sum())
            .alias("volume"),
            pl.col("close").count().cast(pl.Int64).alias("minutes"),
        )
    )
    names = ["minute_open", "open", "high", "low", "close", "volume", "minutes"]
    assert found.select(names).equals(wanted.select(names))


def test_a_panel_has_a_column_a_symbol(store: Snapshots, root: Path) -> None:
    """CVD of all symbols at five minutes, in one line; where a day is missing it is null."""
    panel = store.panel("cvd", FIRST, LAST, every="5m")

    assert list(panel.columns) == SYMBOLS
    assert panel.index.name == "ts"
    assert len(panel) == 2 * 288
    minutes = published(root, "bars_1m", "BTCUSDT").set_index("ts")["cvd"]
    np.testing.assert_array_equal(panel["BTCUSDT"], minutes.loc[panel.index])
    feature = store.panel("vpin", FIRST, LAST, form="polars")
    assert feature.columns == ["ts", *SYMBOLS]


def test_dates_that_are_not_published_have_no_row_where_that_is_allowed(root: Path) -> None:
    """Neither bars nor features, of minutes, of days, or longer."""
    store = open_snapshots(root, allow="pending")
    names = ["ret_1m", "range_1d"]

    for every in ("1m", "5m"):
        rows = store.bars("2019-01-02", "2019-01-03", features=names, every=every)
        assert rows.num_rows == 0
        assert (
            rows.schema.field("ret_1m").type == rows.schema.field("range_1d").type == pa.float64()
        )
        assert store.panel("vpin", "2019-01-02", "2019-01-03", every=every).empty


def test_a_name_of_bars_and_features_is_that_of_the_bars(store: Snapshots, root: Path) -> None:
    """A panel of delta sums its minutes; its sum goes on over days. No column is there twice."""
    panel = store.panel("delta", FIRST, LAST, "BTCUSDT", every="15m")["BTCUSDT"]
    minutes = published(root, "bars_1m", "BTCUSDT").set_index("minute_open")["delta"]

    wanted = minutes.resample("15min", closed="left", label="right").agg(exact_sum)
    np.testing.assert_array_equal(panel, wanted)
    cvd = store.panel("cvd", FIRST, LAST, "BTCUSDT", every="15m")["BTCUSDT"]
    np.testing.assert_allclose(panel.cumsum()[:96], cvd[:96])
    np.testing.assert_allclose(panel[96:].cumsum(), cvd[96:])
    rows = store.bars(FIRST, FIRST, columns="delta", features=["delta", "ret_1m"])
    assert rows.column_names[-2:] == ["delta", "ret_1m"]


def test_yesterday_as_it_was_known_before_it_was_published_is_not_there(root: Path) -> None:
    """`as_of` is the view's: every question is answered as of then."""
    early = open_snapshots(root, as_of="2001-01-01T06:00:00Z")

    with pytest.raises(RefusedError, match="not published"):
        early.bars(FIRST, FIRST)
    assert early.conditions(FIRST, LAST).num_rows == 0
    assert early.days() == early.symbols() == []
    assert repr(early) == f"<Snapshots {root}: no day, as of 2001-01-01T06:00:00Z>"
    now = open_snapshots(root, as_of=dt.datetime.now(dt.UTC))
    assert now.bars(FIRST, FIRST).num_rows == 2 * 1440
    assert now.days() == [FIRST, LAST]


def test_the_days_of_an_instant_are_those_that_can_be_read_as_of_it(root: Path) -> None:
    """The first day was published before the second: between the two it is the only one."""
    told = json.loads((root / str(LAST) / "publication.json").read_text())
    second = dt.datetime.fromisoformat(told["published_at"])
    between = open_snapshots(root, as_of=second - dt.timedelta(microseconds=1))

    assert between.days() == [FIRST]
    assert between.symbols() == SYMBOLS
    assert ": 1 day, 2025-01-02, as of " in repr(between)
    assert open_snapshots(root, as_of=second).days() == [FIRST, LAST]


def test_only_what_is_asked_for_is_given(store: Snapshots) -> None:
    """Columns by name, beside the keys."""
    assert store.bars(FIRST, FIRST, ["BTCUSDT"], columns=["delta"]).column_names == [
        "symbol", "ts", "available_at", "minute_open", "delta"
    ]  # fmt: skip


def test_a_day_is_shown_as_its_picture(
    store: Snapshots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a notebook and in a browser; the frame may run its own scripts alone."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    day = store.snapshot(FIRST).day("BTCUSDT")

    file = day.show(tmp_path / "day.html")

    assert opened == [file.as_uri()]
    assert "Lightweight Charts" in file.read_text()
    assert day._repr_html_().startswith('<iframe sandbox="allow-scripts" srcdoc="')
    assert day.footprint().num_rows > 0
    assert day.bars("pandas")["close"].notna().any()


@pytest.mark.parametrize("every", ["7m", "0m", "2d", "5", "", "1w", None, 5])
def test_a_length_that_does_not_fill_a_day_is_refused(every: object) -> None:
    """Says which would do."""
    with pytest.raises(ParameterError, match="'5m', '15m'"):
        minutes_of(every)  # type: ignore[arg-type]


def test_a_name_that_is_nearly_right_is_guessed_at(store: Snapshots) -> None:
    """One sentence, also in a notebook."""
    with pytest.raises(ParameterError, match=r"did you mean .*ma200_anchor") as told:
        store.bars(FIRST, FIRST, features=["ma200_ancor"])
    assert told.value._render_traceback_() == [f"ParameterError: {told.value}"]
    with pytest.raises(ParameterError, match="did you mean BTCUSDT"):
        store.snapshot(FIRST).day("BTCUSD")
    with pytest.raises(ParameterError, match="'arrow', 'pandas' or 'polars'"):
        store.bars(FIRST, FIRST, form="numpy")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"columns": ["Close"]}, "no column Close; did you mean close"),
        ({"columns": "vpin"}, "'vpin' is no column but a feature: features=\\['vpin'\\]"),
        ({"features": "close"}, "'close' is no feature but a column: columns=\\['close'\\]"),
        ({"features": "absent"}, "'absent' is no feature; there are .* and [0-9]+ more"),
        ({"features": None}, "features=None: wanted a name, or a list of names"),
    ],
)
def test_columns_and_features_are_told_apart(
    store: Snapshots, asked: dict[str, Any], told: str
) -> None:
    """A name of the other kind says how to ask for it."""
    with pytest.raises(ParameterError, match=told):
        store.bars(FIRST, FIRST, **asked)


@pytest.mark.parametrize(("name", "meant"), [("cvdd", "cvd"), ("vpinn", "vpin")])
def test_a_panel_guesses_among_columns_and_features(
    store: Snapshots, name: str, meant: str
) -> None:
    """It takes both."""
    with pytest.raises(ParameterError, match=f"did you mean .*{meant}"):
        store.panel(name, FIRST, FIRST)


def test_one_feature_may_be_a_string(store: Snapshots) -> None:
    """As one column, or one symbol."""
    rows = store.bars(FIRST, FIRST, "BTCUSDT", columns="close", features="ret_1m")
    assert rows.column_names[-2:] == ["close", "ret_1m"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"as_of": "yesterday"}, "as_of: 'yesterday' is no instant"),
        ({"as_of": dt.datetime(2025, 1, 3)}, "as_of: .* has no zone"),  # noqa: DTZ001
        ({"allow": ["degrated"]}, "did you mean degraded"),
    ],
)
def test_what_could_not_be_read_later_is_refused_when_it_is_opened(
    root: Path, asked: dict[str, Any], told: str
) -> None:
    """However it is opened."""
    with pytest.raises(ParameterError, match=told):
        open_snapshots(root, **asked)
    with pytest.raises(ParameterError, match=told):
        Snapshots(root=root, **asked)
    assert open_snapshots(root, allow="degraded").allow == ("degraded",)


def test_every_feature_is_described(store: Snapshots, root: Path) -> None:
    """Those of the published files, in their order."""
    names = pq.read_schema(root / FIRST.isoformat() / "features_micro.parquet").names
    assert [it.name for it in store.features() if it.table == "micro"] == names[3:]
    assert store.feature("vpin").unit == "fraction"
