"""`kitchen verify --rebuild`: do the raw files still give what was published?"""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from kit.support import luigi, stat_tree, write_config
from pipeline.cli import main as program
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings import config

PROJECT = Path(program.__file__).resolve().parent.parent.parent

DAY = dt.date(2025, 1, 2)


def verify_rebuild() -> Result:
    """Runs the command in this process."""

    def call(*_: object, **__: object) -> None:
        program.main(["verify", "2025-01-02", "--rebuild"])

    return CliRunner().invoke(click.Command("kitchen", callback=call), [])


def test_same_then_differs_then_inputs_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One day, proved; held against another latency; then without its raw file. Nothing is ever changed."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path)))
    config._load.cache_clear()
    write_sample(SampleRequest(out=tmp_path / "data/raw", first=DAY, trades_per_day=2000))
    run = luigi(tmp_path, "Snapshot", "--date", "2025-01-02")
    assert run.returncode == 0, run.stderr
    before = stat_tree(tmp_path / "snapshots")

    same = verify_rebuild()
    write_config(tmp_path, extra="latency_seconds: {binance: 2}\n")
    config._load.cache_clear()
    other = verify_rebuild()
    next((tmp_path / "data/raw/binance").rglob("*1m*.zip")).unlink()
    gone = verify_rebuild()

    assert (same.exit_code, "rebuilt: same" in same.output) == (0, True), same.output
    assert (other.exit_code, "rebuilt: differs" in other.output) == (30, True), other.output
    assert "content of bars_1m.parquet" in other.output
    assert (gone.exit_code, "inputs gone" in gone.output) == (30, True), gone.output
    assert "No such file" in gone.output
    assert stat_tree(tmp_path / "snapshots") == before


def test_code_and_governance_that_changed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day published by a kitchen with one other formula and one other rule: both are named."""
    other = tmp_path / "other"
    for name in ("pipeline", "governance"):
        shutil.copytree(PROJECT / name, other / name)
    formula, rule = other / "pipeline/alignment/align.py", other / "governance/CONTROL_kitchen.yaml"
    changed = formula.read_text().replace("1e4 * np.log(ratio)", "1.0 + 1e4 * np.log(ratio)")
    assert changed != formula.read_text()
    formula.write_text(changed)
    raised = re.sub(r"(atas_coverage: +{at_least: )0\.95", r"\g<1>0.96", rule.read_text())
    assert raised != rule.read_text()
    rule.write_text(raised)
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path)))
    config._load.cache_clear()
    write_sample(SampleRequest(out=tmp_path / "data/raw", first=DAY, trades_per_day=2000))
    run = luigi(tmp_path, "Snapshot", "--date", "2025-01-02", PYTHONPATH=str(other))
    assert run.returncode == 0, run.stderr

    found = verify_rebuild()

    assert found.exit_code == 30
    told = next(line for line in found.output.splitlines() if "rebuilt: code changed" in line)
    assert "code of AlignedBars" in told
    assert "governance CONTROL" in told
