"""Funding and open interest reach the days that look back on them, and no other; manifests name the files."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kit.grid import DAYS, Grid, make
from pipeline.sample.derivatives import METRICS_HEADER, metrics_rows

pytestmark = pytest.mark.filterwarnings("ignore:The configuration contains")

FOLDER = "binance/futures_um"
FUNDING = f"{FOLDER}/BTCUSDT-fundingRate-2025-01.csv"
RATES = {2: ("0.0001", "0.0002", "0.0003"), 3: ("-0.0001", "0.00005", "0.00015"), 4: ("0.1",) * 3}


def funding(rates: dict[int, tuple[str, ...]]) -> str:
    """The month's archive, day of the month -> its three rates."""
    lines = ["calc_time,funding_interval_hours,last_funding_rate"]
    for day, settled in rates.items():
        for number, rate in enumerate(settled):
            at = dt.datetime(2025, 1, day, 8 * number, tzinfo=dt.UTC)
            lines.append(f"{int(at.timestamp())}000,8,{rate}")
    return "\n".join(lines) + "\n"


def metrics(day: dt.date) -> str:
    """A metrics archive of BTCUSDT."""
    return "\n".join([METRICS_HEADER, *metrics_rows(1, "BTCUSDT", day, 90_000.0)]) + "\n"


def metrics_path(day: dt.date) -> str:
    """Its name below the raw folder."""
    return f"{FOLDER}/BTCUSDT-metrics-{day}.csv"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three published days of two symbols, one with funding and metrics."""
    root = tmp_path_factory.mktemp("derivatives")
    make(root)
    (root / "data/raw" / FUNDING).write_text(funding(RATES))
    for day in DAYS:
        (root / "data/raw" / metrics_path(day)).write_text(metrics(day))
    with pytest.MonkeyPatch.context() as patch:
        Grid(root, patch).ask()
    return root


@pytest.fixture
def grid(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grid:
    """A copy of the published days, to be changed."""
    shutil.copytree(built, tmp_path / "kitchen", symlinks=True)
    return Grid(tmp_path / "kitchen", monkeypatch)


def macro(grid: Grid, day: dt.date, symbol: str = "BTCUSDT") -> dict[str, Any]:
    """The published slow features."""
    rows = pq.ParquetFile(grid.root / f"snapshots/{day}/macro_slow.parquet").read().to_pylist()
    return next(row for row in rows if row["symbol"] == symbol)


def inputs(grid: Grid, day: dt.date, symbol: str = "BTCUSDT") -> dict[str, Any]:
    """The manifest's funding and metrics archives."""
    manifest = json.loads((grid.root / f"snapshots/{day}/dataset_manifest.json").read_text())
    found = manifest["inputs"][symbol].items()
    return {name: entry for name, entry in found if "funding" in name or "metrics" in name}


def held(day: dt.date) -> float:
    """Open interest at the end of the day, as the archive's last line says."""
    return float(metrics(day).splitlines()[-1].split(",")[2])


def test_published_features_are_those_of_the_archives(grid: Grid) -> None:
    """The day before's last rate, the change of open interest; null for the symbol without archives."""
    last, other = macro(grid, DAYS[2]), macro(grid, DAYS[2], "ETHUSDT")

    assert last["funding_last"] == 0.00015
    assert last["oi_chg_1d"] == pytest.approx(held(DAYS[1]) / held(DAYS[0]) - 1, rel=1e-12)
    assert macro(grid, DAYS[1])["funding_last"] == 0.0003
    assert macro(grid, DAYS[0])["funding_last"] is None
    assert {other[name] for name in last if name.startswith(("funding", "oi_"))} == {None}


def test_the_manifest_names_the_files_of_the_days_looked_back_on(grid: Grid) -> None:
    """With their lines of those days; the day's own archives were not known yet."""
    found = inputs(grid, DAYS[2])

    assert list(found) == sorted([FUNDING, metrics_path(DAYS[0]), metrics_path(DAYS[1])])
    assert found[FUNDING]["lines"] == {"read": 6, "used": 6, "merged": 0, "rejected": 0}
    assert found[metrics_path(DAYS[1])]["lines"]["used"] == 288
    assert inputs(grid, DAYS[0]) == inputs(grid, DAYS[2], "ETHUSDT") == {}


def test_changed_metrics_of_a_day_reach_the_days_after_it(grid: Grid) -> None:
    """That day's statistics and the next day's features are made anew, and nothing else of theirs."""
    path = grid.raw / metrics_path(DAYS[1])
    path.write_text(path.read_text().replace(f",{held(DAYS[1]):.3f},", ",100000.000,"))
    ran = grid.ask()

    assert {(step, day) for step, day, symbol in ran if symbol} == {
        ("CleanFeed binance_metrics", 3),
        ("DailyStats", 3),
        ("MacroFeatures", 4),
    }
    assert macro(grid, DAYS[2])["oi_chg_1d"] == pytest.approx(1e5 / held(DAYS[0]) - 1, rel=1e-12)
    assert grid.revisions() == {2: 1, 3: 1, 4: 2}
    assert grid.ask() == set()


def test_a_changed_rate_makes_a_revision_of_the_days_that_know_it(grid: Grid) -> None:
    """A month's file is read again for its days; only where features differ is anything published."""
    (grid.raw / FUNDING).write_text(funding(RATES | {3: ("0.0001", "0.0001", "0.0007")}))
    ran = grid.ask()

    assert ("MacroFeatures", 2, "BTCUSDT") not in ran
    assert not {step for step, _, symbol in ran if symbol == "ETHUSDT"}
    assert not {step for step, _, _ in ran if step in ("AlignedBars", "MicroFeatures", "Verdict")}
    assert macro(grid, DAYS[2])["funding_last"] == 0.0007
    assert grid.revisions() == {2: 1, 3: 1, 4: 2}
    assert grid.ask() == set()


def test_an_archive_that_appears_or_goes_is_noticed(grid: Grid) -> None:
    """Without the file the feature is null again, with it it is back; a day that had no use for it stays."""
    path, aside = grid.raw / metrics_path(DAYS[0]), grid.root / "aside.csv"
    path.rename(aside)
    grid.ask()
    without = macro(grid, DAYS[2])["oi_chg_1d"]
    aside.rename(path)
    grid.ask()

    assert without is None
    assert macro(grid, DAYS[2])["oi_chg_1d"] is not None
    assert grid.revisions() == {2: 1, 3: 1, 4: 3}
