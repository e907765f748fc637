"""What is said of dates without raw data: which, of which symbols, and what brings them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.support import kitchen_at, write_config
from pipeline import layout
from pipeline.cli.main import cli
from pipeline.settings import config
from pipeline.tasks import advice, context

FIRST = dt.date(2025, 1, 1)


def dates(*days: int) -> list[dt.date]:
    """Of January 2025."""
    return [FIRST.replace(day=day) for day in days]


def test_each_run_of_dates_has_its_command_and_the_rest_is_counted(tmp_path: Path) -> None:
    """No command spans the years between two exports."""
    it = kitchen_at(tmp_path)

    assert advice.commands(it, dates(5, 1, 2, 3, 5), "ADAUSDT") == (
        "kitchen fetch --date 2025-01-03 --days 3 --symbols ADAUSDT; kitchen fetch --date 2025-01-05"
        " --symbols ADAUSDT asks the exchange; kitchen import FOLDER sorts in files that you have"
    )
    assert "and so for 2 more runs of dates" in advice.commands(it, dates(1, 3, 5, 7, 9))


def test_a_simulated_kitchen_is_not_sent_to_the_exchange(tmp_path: Path) -> None:
    """Which it would refuse to ask."""
    it = replace(kitchen_at(tmp_path), simulated=True)

    assert advice.commands(it, dates(1)).startswith("kitchen import FOLDER")


def said(root: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> Result:
    """What a command says of the first three days."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(root / "configs/kitchen.yaml"))
    config._load.cache_clear()
    layout.forget_listings()
    context.forget()
    return CliRunner().invoke(cli, [command, "--start", "2025-01-01", "--stop", "2025-01-03"])


def test_a_backfill_before_any_file_says_what_brings_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The symbols are configured, so nothing is unexpected about them."""
    symbols = {"BTCUSDT": "{market: futures_um}", "ETHUSDT": "{market: spot, until: 2025-01-02}"}
    write_config(tmp_path, symbols)

    run = said(tmp_path, monkeypatch, "backfill")

    assert run.exit_code == 20
    first, second = run.stdout.splitlines()
    assert first.startswith("Backfill: 3 without raw data, ")
    assert second == (
        "no raw data yet of BTCUSDT, ETHUSDT on 2025-01-01 to 2025-01-03: kitchen fetch --date 2025-01-03"
        " --days 3 asks the exchange; kitchen import FOLDER sorts in files that you have"
    )


def test_status_says_it_too_and_not_of_dates_outside_the_configured_span(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `until` nobody need bring anything."""
    write_config(tmp_path, "{market: futures_um, until: 2025-01-02}")

    run = said(tmp_path, monkeypatch, "status")

    assert (
        "none: no raw data yet of BTCUSDT on 2025-01-01 to 2025-01-02: kitchen fetch" in run.stdout
    )
