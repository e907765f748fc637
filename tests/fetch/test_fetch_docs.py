"""What docs/operations.md says of fetching is what the program does."""

from __future__ import annotations

import datetime as dt
import shlex
import time
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit.fake_exchange import Clock, FakeExchange
from kit.fetch_ground import kitchen_for
from kit.support import write_config
from pipeline.cli.main import cli
from pipeline.settings import config
from pipeline.settings.fetching import Fetch

DOCS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def test_every_setting_is_documented_with_its_default(tmp_path: Path) -> None:
    """The shown section is valid, names every setting, and is what holds without it."""
    text = DOCS.read_text()
    shown = next(block for block in text.split("```") if block.startswith("yaml\nfetch:"))
    section = shown.removeprefix("yaml\n")

    documented = config._load(write_config(tmp_path / "a", extra=section)).fetch
    default = config._load(write_config(tmp_path / "b")).fetch

    assert documented == default
    assert all(f"\n  {setting.name}:" in section for setting in fields(Fetch))


def test_every_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each example is one that the program takes; the exchange on loopback has published nothing."""
    lines = [line for line in DOCS.read_text().splitlines() if line.startswith("kitchen fetch")]
    today = dt.datetime.now(dt.UTC).date().isoformat()
    with FakeExchange(Clock(time.time())).serving() as exchange:
        kitchen = kitchen_for(tmp_path, exchange)
        monkeypatch.setenv("KITCHEN_CONFIG", str(kitchen.file))
        for line in lines:
            words = shlex.split(line.replace("$(date -u +%F)", today), comments=True)
            done = CliRunner().invoke(cli, words[1:])

            assert done.exit_code in (20, 30), done.output

    assert len(lines) == 5
    assert any("-aggTrades-2025-01-08.zip" in path for path, _ in exchange.asked)
