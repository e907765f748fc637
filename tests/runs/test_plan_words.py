"""What `plan` and `status` say of days that were never built, in the words of a person's first look."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit.support import kitchen_at, write_config
from pipeline import layout
from pipeline.cli import main as program
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings import config
from pipeline.tasks import context, job

FIRST, SECOND, THIRD = (dt.date(2025, 1, day) for day in (2, 3, 4))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kitchen with three days of klines, of which nothing is built."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path)))
    out = tmp_path / "data" / "raw"
    write_sample(
        SampleRequest(
            out=out,
            first=FIRST,
            days=3,
            trades_per_day=400,
            ticks=False,
            bars=False,
            simplified=False,
            trades=False,
        )
    )
    config._load.cache_clear()
    return tmp_path


def said(*arguments: str) -> str:
    """What a command of the third day says, looking at all afresh."""
    context.forget()
    span = ("--start", str(THIRD), "--stop", str(THIRD))
    return CliRunner().invoke(program.cli, [*arguments, *span]).stdout


def test_how_long_is_unknown_where_nothing_ever_ran(root: Path) -> None:
    """No 0 s of work."""
    assert "how long is unknown" in said("plan")
    assert json.loads(said("plan", "--json"))["unmeasured"] == sum(
        json.loads(said("plan", "--json"))["steps"].values()
    )


def test_status_without_a_range_shows_the_newest_dates(root: Path) -> None:
    """Those with raw data, though nothing is published; half a range is refused."""
    context.forget()
    rows = CliRunner().invoke(program.cli, ["status"]).stdout.splitlines()
    half = CliRunner().invoke(program.cli, ["status", "--start", str(FIRST)])

    assert [row.split()[0] for row in rows] == [str(day) for day in (FIRST, SECOND, THIRD)]
    assert (half.exit_code, "or neither" in half.output) == (2, True)


def test_what_was_never_built_is_not_stale(root: Path) -> None:
    """Stale is what was true once."""
    assert said("status").split()[:3] == [str(THIRD), "--", "unbuilt"]


def test_a_day_takes_as_long_as_the_days_before(root: Path) -> None:
    """Each step as its receipts of published days say, of two the longer one."""
    kitchen, taken = kitchen_at(root), dict[str, float]()
    layout.forget_listings()
    for day in (FIRST, SECOND):
        for unit, facts in job.build(Freshness(kitchen), Unit("Snapshot", day)).items():
            taken[unit.name] = max(taken.get(unit.name, 0.0), facts.get("seconds", 0.0))

    planned = json.loads(said("plan", "--json"))

    assert planned["unmeasured"] == 0
    assert planned["seconds"] == pytest.approx(sum(taken.values()), abs=0.5)
