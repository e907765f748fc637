"""A symbol that is held against another depends on the other's minutes, and says so by what runs."""

from __future__ import annotations

import csv
import io
import shutil
import statistics
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from kit.grid import DAYS, Grid, make
from kit.support import kitchen_at
from pipeline.errors import ConfigError
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.settings import config

pytestmark = pytest.mark.filterwarnings("ignore:The configuration contains")

KITCHEN = "configs/kitchen.yaml"
AGAINST = "BTCUSDT: {market: futures_um, basis_against: ETHUSDT}"
KLINES = "binance/futures_um/{symbol}-1m-2025-01-03.zip"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of two symbols, one held against the other, published."""
    root = tmp_path_factory.mktemp("basis")
    make(root)
    with pytest.MonkeyPatch.context() as patch:
        grid = Grid(root, patch)
        grid.edit(KITCHEN, "BTCUSDT: {market: futures_um}", AGAINST)
        grid.ask()
    return root


@pytest.fixture
def grid(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grid:
    """A copy of the published days, to be changed."""
    shutil.copytree(built, tmp_path / "kitchen", symlinks=True)
    return Grid(tmp_path / "kitchen", monkeypatch)


def lines(path: Path) -> list[list[str]]:
    """The klines of an archive, as text, its header too."""
    with zipfile.ZipFile(path) as archive:
        return list(csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode())))


def closes(grid: Grid, symbol: str) -> dict[str, float]:
    """Open time -> close of every minute of the middle day."""
    found = lines(grid.raw / KLINES.format(symbol=symbol))
    return {line[0]: float(line[4]) for line in found if line[0].isdigit()}


def basis(grid: Grid, symbol: str) -> float | None:
    """The published basis of the middle day, which the last day knows."""
    path = grid.root / f"snapshots/{DAYS[2]}/macro_slow.parquet"
    (row,) = (row for row in pq.ParquetFile(path).read().to_pylist() if row["symbol"] == symbol)
    return row["basis_1d"]


def test_the_published_basis_is_that_of_the_archives(grid: Grid) -> None:
    """The median over the day's minutes by the standard library; the other symbol has none."""
    own, other = closes(grid, "BTCUSDT"), closes(grid, "ETHUSDT")
    expected = statistics.median(1e4 * np.log(own[t] / other[t]) for t in own.keys() & other.keys())

    assert basis(grid, "BTCUSDT") == pytest.approx(expected, abs=1e-6)
    assert basis(grid, "ETHUSDT") is None


def test_a_restated_archive_of_the_other_symbol_reaches_the_basis(grid: Grid) -> None:
    """All of its prices one per mille lower: both symbols' history of the day is made anew, no more."""
    path = grid.raw / KLINES.format(symbol="ETHUSDT")
    before = basis(grid, "BTCUSDT")
    priced = (1, 2, 3, 4, 7, 10)  # prices, and what was paid at them
    restated = [
        [f"{float(x) * 0.999:.4f}" if at in priced else x for at, x in enumerate(k)]
        if k[0].isdigit()
        else k
        for k in lines(path)
    ]
    text = "".join(",".join(line) + "\n" for line in restated)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(path.with_suffix(".csv").name, text)
    path.with_name(f"{path.name}.CHECKSUM").unlink(missing_ok=True)

    ran = grid.ask([DAYS[2]])

    assert ("DailyStats", 3, "BTCUSDT") in ran
    assert ("MacroFeatures", 4, "BTCUSDT") in ran
    assert ("AlignedBars", 4, "BTCUSDT") not in ran
    assert basis(grid, "BTCUSDT") == pytest.approx(before + 1e4 * np.log(1 / 0.999), abs=0.5)
    assert grid.ask([DAYS[2]]) == set()


def test_taking_the_other_symbol_away_takes_the_basis_away(grid: Grid) -> None:
    """The key left out of the configuration: null again, and a new revision says so."""
    grid.edit(KITCHEN, AGAINST, "BTCUSDT: {market: futures_um}")
    grid.ask()

    assert basis(grid, "BTCUSDT") is None
    assert grid.revisions()[4] == 2


def test_daily_statistics_read_the_other_symbols_minutes(tmp_path: Path) -> None:
    """The graph names the other's cleaned klines, where they are; without the key it does not."""
    symbols = {
        "BTCUSDT": "{market: futures_um, basis_against: ETHUSDT}",
        "ETHUSDT": "{market: spot}",
    }
    kitchen = kitchen_at(tmp_path, symbols)
    for name in ("futures_um/BTCUSDT", "spot/ETHUSDT"):
        path = kitchen.raw / f"binance/{name}-1m-{DAYS[0]}.zip"
        path.parent.mkdir(parents=True)
        path.touch()

    def read_by(symbol: str) -> list[str]:
        edges = graph.edges(kitchen, Unit("DailyStats", DAYS[0], symbol))
        return [str(edge.unit.symbol) for edge in edges]

    assert read_by("BTCUSDT") == ["BTCUSDT", "ETHUSDT"]
    assert read_by("ETHUSDT") == ["ETHUSDT"]


@pytest.mark.parametrize("other", ["BTCUSDT", "XRPUSDT"])
def test_a_basis_against_itself_or_nobody_is_refused(other: str, tmp_path: Path) -> None:
    """One sentence with the key, before anything runs."""
    with pytest.raises(
        ConfigError, match=r"symbols\.BTCUSDT\.basis_against: got .* wanted another"
    ):
        kitchen_at(tmp_path, f"{{market: futures_um, basis_against: {other}}}")
    config._load.cache_clear()
