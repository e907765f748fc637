"""Macro features of a published day, against an independent reading of the daily klines."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from kit.support import kitchen_at, luigi, write_config
from pipeline.cli.explain import command
from pipeline.errors import ParameterError
from pipeline.provenance.explain_slow import explain_slow
from pipeline.sample.generate import SampleRequest, write_sample

DAY = dt.date(2025, 1, 2)
WARMUP = 400


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 days of daily klines and one day of minutes, published."""
    root = tmp_path_factory.mktemp("macro")
    write_config(root)
    write_sample(
        SampleRequest(out=root / "data/raw", first=DAY, trades_per_day=3000, warmup_days=WARMUP)
    )
    run = luigi(root, "Snapshot", "--date", DAY.isoformat())
    assert run.returncode == 0, run.stderr
    return root


@pytest.fixture(scope="module")
def klines(root: Path) -> pd.DataFrame:
    """The daily klines before the day, read with the standard library alone."""
    rows = []
    for path in sorted((root / "data/raw/binance/futures_um").glob("*-1d-*.zip")):
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0]).decode()
        rows += [row for row in csv.reader(io.StringIO(text)) if row[0].isdigit()]
    frame = pd.DataFrame(
        [[int(r[0]), *map(float, r[1:6]), float(r[7])] for r in rows],
        columns=["time", "open", "high", "low", "close", "volume", "quote"],
    )
    opened = int(dt.datetime(2025, 1, 2, tzinfo=dt.UTC).timestamp() * 1000)
    return frame[frame["time"] < opened].sort_values("time").tail(WARMUP).reset_index(drop=True)


@pytest.fixture(scope="module")
def macro(root: Path) -> dict:
    """The published row."""
    (row,) = pq.read_table(root / "snapshots/LATEST/macro_slow.parquet").to_pylist()
    return row


def test_the_row_knows_completed_days_alone(macro: dict) -> None:
    """Valid from 00:00 of the day, computed through the day before."""
    assert macro["symbol"] == "BTCUSDT"
    assert macro["valid_from"].date() == DAY
    assert macro["computed_through"].date() == DAY - dt.timedelta(days=1)
    assert macro["days_in_history"] == WARMUP


def test_the_slow_anchor_is_the_mean_of_200_closes(macro: dict, klines: pd.DataFrame) -> None:
    """C / SMA200 - 1, and the 20-day change of SMA200."""
    close = klines["close"]
    sma = close.rolling(200).mean()

    assert macro["ma200_anchor"] == pytest.approx(close.iloc[-1] / sma.iloc[-1] - 1, rel=1e-9)
    assert macro["ma200_slope"] == pytest.approx(sma.iloc[-1] / sma.iloc[-21] - 1, rel=1e-9)


def test_volatility_of_closes_over_thirty_days(macro: dict, klines: pd.DataFrame) -> None:
    """The annualised root of the mean squared daily log return."""
    returns = np.log(klines["close"]).diff().tail(30)

    assert macro["rv_cc_30d"] == pytest.approx(np.sqrt((returns**2).mean() * 365), rel=1e-9)


def test_drawdown_and_place_in_the_range(macro: dict, klines: pd.DataFrame) -> None:
    """Against the highest close of 365 days, and between the extremes of 30."""
    close = klines["close"]
    month = klines.tail(30)
    low, high = month["low"].min(), month["high"].max()
    expected = (close.iloc[-1] - low) / (high - low)

    assert macro["drawdown_365"] == pytest.approx(
        close.iloc[-1] / close.tail(365).max() - 1, rel=1e-9
    )
    assert macro["pos_in_range_30d"] == pytest.approx(expected, rel=1e-9)


def archive_lines(root: Path, kind: str) -> list[list[str]]:
    """The data lines of all archives of a kind, in the order of their names."""
    found = []
    for path in sorted((root / "data/raw/binance/futures_um").glob(f"*-{kind}-*.zip")):
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0]).decode()
        found += list(csv.reader(io.StringIO(text)))[1:]
    return found


def test_funding_is_that_of_the_archives(root: Path, macro: dict) -> None:
    """The last rate before the day, a week's mean as a year's, and the score of 90 days."""
    opened = int(dt.datetime(2025, 1, 2, tzinfo=dt.UTC).timestamp() * 1000)
    settled = [float(r[2]) for r in archive_lines(root, "fundingRate") if int(r[0]) < opened]
    days = np.array(settled).reshape(-1, 3).sum(axis=1)
    score = (days[-1] - days[-90:].mean()) / days[-90:].std(ddof=1)

    assert macro["funding_last"] == settled[-1]
    assert macro["funding_7d"] == pytest.approx(365 * days[-7:].mean(), rel=1e-12)
    assert macro["funding_z"] == pytest.approx(score, rel=1e-9)


def test_open_interest_is_that_of_the_archives(
    root: Path, macro: dict, klines: pd.DataFrame
) -> None:
    """By the last line of each day's archive, which is labelled 00:00 of the next."""
    lines = {r[0]: float(r[2]) for r in archive_lines(root, "metrics") if "00:00:00" in r[0]}
    held = [lines[f"{DAY - dt.timedelta(days=back)} 00:00:00"] for back in range(8)]

    assert macro["oi_chg_1d"] == pytest.approx(held[0] / held[1] - 1, rel=1e-12)
    assert macro["oi_chg_7d"] == pytest.approx(held[0] / held[7] - 1, rel=1e-12)
    assert macro["oi_to_vol"] == pytest.approx(held[0] / klines["volume"].tail(7).mean(), rel=1e-12)


def test_what_needs_minutes_or_a_longer_warm_up_is_null(macro: dict) -> None:
    """Nothing stands in for what was not measured."""
    assert macro["rv_30d"] is None
    assert macro["vol_regime"] is None
    assert macro["volume_regime"] is None


def test_explain_names_the_kline_of_each_completed_day(
    root: Path, klines: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File and line of every day behind the row: the line there has the day's own open time."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(root / "configs/kitchen.yaml"))
    told = CliRunner().invoke(command, [DAY.isoformat(), "BTCUSDT", "--macro", "--json"])
    assert told.exit_code == 0, told.output
    days = json.loads(told.stdout)["days"]

    opened = []
    for day in days:
        (file,) = (file for file in day["files"] if file["source"] == "binance_1d")
        with zipfile.ZipFile(root / "data/raw" / file["file"]) as archive:
            lines = archive.read(archive.namelist()[0]).decode().splitlines()
        opened.append(int(lines[int(file["lines"]) - 1].split(",")[0]))
    assert opened == klines["time"].tolist()
    assert {day["origin"] for day in days} == {"daily_kline"}
    told_of = {file["source"]: file["lines"] for file in days[-1]["files"]}
    assert told_of == {"binance_1d": "2", "binance_funding": "2-4", "binance_metrics": "2-289"}


def test_explain_says_that_slow_features_are_not_built(root: Path) -> None:
    """What is missing and what to run, for a day that nobody asked for."""
    with pytest.raises(ParameterError, match=r"2025-01-05: its slow features are not built .* run"):
        explain_slow(kitchen_at(root), "BTCUSDT", dt.date(2025, 1, 5))
