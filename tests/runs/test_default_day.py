"""Which day is built when a person names none."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from kit.support import kitchen_at
from pipeline import layout
from pipeline.errors import ParameterError
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.locations import PROJECT
from pipeline.runs import default_day as ops
from pipeline.runs import first_look
from pipeline.tasks import job

DAY = dt.date(2025, 1, 2)
TWO = {"BTCUSDT": "{market: futures_um}", "ETHUSDT": "{market: futures_um}"}


def put(root: Path, *names: str) -> None:
    """Empty klines of days, as `SYMBOL-1m-DATE`."""
    folder = root / "data/raw/binance/futures_um"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.zip").touch()
    layout.forget_listings()


def test_the_newest_day_on_which_every_symbol_has_klines(tmp_path: Path) -> None:
    """A later day of one symbol alone does not count."""
    put(
        tmp_path,
        *(f"{s}-1m-2025-01-0{d}" for s in TWO for d in (2, 3)),
        "BTCUSDT-1m-2025-01-04",
    )

    assert ops.newest_complete_day(kitchen_at(tmp_path, TWO)) == dt.date(2025, 1, 3)


def test_a_day_that_goes_on_is_not_complete(tmp_path: Path) -> None:
    """Today's file is there, but the day has not ended."""
    today = dt.datetime.now(dt.UTC).date()
    put(tmp_path, "BTCUSDT-1m-2025-01-02", f"BTCUSDT-1m-{today}")

    assert ops.newest_complete_day(kitchen_at(tmp_path)) == DAY


def test_without_klines_there_is_no_day(tmp_path: Path) -> None:
    """None, not a guess."""
    assert ops.newest_complete_day(kitchen_at(tmp_path)) is None


def test_a_step_of_a_symbol_runs_for_each_and_a_step_of_the_date_once(tmp_path: Path) -> None:
    """`make data.align` builds every expected symbol."""
    put(tmp_path, *(f"{s}-1m-2025-01-02" for s in TWO))
    kitchen = kitchen_at(tmp_path, TWO)

    aligned = ops.commands(kitchen, "AlignedBars", DAY)

    assert [line[-1] for line in aligned] == ["BTCUSDT", "ETHUSDT"]
    assert [line[3:] for line in ops.commands(kitchen, "Snapshot", DAY)] == [
        ["--module", "pipeline", "Snapshot", "--date", "2025-01-02"]
    ]


def test_a_wrong_date_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Makefile's variable is named."""
    put(tmp_path, "BTCUSDT-1m-2025-01-02")
    monkeypatch.setenv("KITCHEN_CONFIG", str(kitchen_at(tmp_path).file))

    with pytest.raises(ParameterError, match="DATE: '2025-1-2' is not a date"):
        ops.run("Snapshot", "2025-1-2")


def test_a_named_configuration_without_data_is_not_replaced_by_a_sample(tmp_path: Path) -> None:
    """Who names a configuration gets it, or a sentence; never simulated data instead."""
    kitchen = kitchen_at(tmp_path)
    environment = {**os.environ, "KITCHEN_CONFIG": str(kitchen.file)}

    run = subprocess.run(
        [sys.executable, "-m", "pipeline.runs.default_day", "Snapshot"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 40
    assert "has klines of every expected symbol" in run.stderr
    assert not kitchen.snapshots.exists()


def test_the_sample_day_ends_as_the_readme_shows_it(tmp_path: Path) -> None:
    """A line a symbol: closes, clock, lines merged and set aside, minutes proven and mended."""
    symbols = yaml.safe_load(ops.SAMPLE_CONFIG.read_text())["symbols"]
    kitchen = kitchen_at(
        tmp_path, {name: json.dumps(it, default=str) for name, it in symbols.items()}
    )
    ops.write_market(kitchen, warmup_days=0)
    layout.forget_listings()
    job.build(Freshness(kitchen), Unit("Snapshot", ops.SAMPLE_DAY))

    told = list(first_look.lines(kitchen, ops.SAMPLE_DAY))

    readme = (PROJECT / "README.md").read_text().splitlines()
    assert [line.split()[0] for line in told] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert set(told) <= set(readme)


def test_the_sample_market_has_a_symbol_of_each_kind(tmp_path: Path) -> None:
    """One by ATAS and the exchange, one by the exchange alone: there each of the trades is a sell."""
    kitchen = kitchen_at(tmp_path, {**TWO, "ETHUSDT": "{market: futures_um, atas: none}"})
    ops.write_market(kitchen, warmup_days=2)
    raw = kitchen.raw
    sides = {}
    for symbol in TWO:
        with zipfile.ZipFile(raw / f"binance/futures_um/{symbol}-trades-2025-01-02.zip") as archive:
            lines = archive.read(archive.namelist()[0]).decode().splitlines()[1:]
        sides[symbol] = {line.rpartition(",")[2] for line in lines}

    assert [path.name for path in (raw / "atas/bars_1m").iterdir()] == ["BTCUSDT"]
    assert sides == {"BTCUSDT": {"true", "false"}, "ETHUSDT": {"true"}}
    assert (raw / "binance/futures_um/ETHUSDT-aggTrades-2025-01-02.zip").is_file()
