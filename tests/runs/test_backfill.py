"""A range of days is built by what it lacks, and judged by what is complete."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.support import luigi, stat_tree, write_config
from pipeline.errors import ParameterError
from pipeline.runs.backfill import Outcome, Range
from pipeline.sample.generate import SampleRequest, write_sample

DAY = dt.date(2025, 1, 2)
SPAN = ("--start", "2025-01-01", "--stop", "2025-01-04")


def environment(root: Path) -> dict[str, str]:
    """The user's environment with the root's configuration."""
    return {**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")}


def kitchen(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`kitchen ...` as a user runs it."""
    return subprocess.run(
        [Path(sys.executable).with_name("kitchen"), *arguments],
        env=environment(root),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def write_days(root: Path) -> Path:
    """Three days of raw exports; the second one's klines are not there yet."""
    write_config(root, "{market: futures_um}", "simulated: true\n")
    write_sample(
        SampleRequest(
            out=root / "data/raw",
            first=DAY,
            days=3,
            trades_per_day=2000,
            ticks=False,
            simplified=False,
        )
    )
    (root / "data/raw/binance/futures_um/BTCUSDT-1m-2025-01-03.zip").unlink()
    return root


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """A root after one backfill on two workers, and what that said."""
    root = write_days(tmp_path_factory.mktemp("backfill"))
    run = kitchen(root, "backfill", *SPAN, "--workers", "2", "--json")
    return root, json.loads(run.stdout)


def test_one_pending_day_blocks_no_other(built: tuple[Path, dict[str, object]]) -> None:
    """Both ends are included; the days around the missing klines are published; exit 20."""
    root, said = built

    assert said["built"] == ["2025-01-02", "2025-01-04"]
    assert said["pending"] == ["2025-01-03"]
    assert said["unexpected"] == ["2025-01-01"]
    assert said["exit"] == 20
    assert (root / "snapshots/2025-01-04/bars_1m.parquet").exists()


def test_again_touches_no_published_byte(built: tuple[Path, dict[str, object]]) -> None:
    """The finished days are ready by their stamps."""
    root, _ = built
    before = stat_tree(root / "snapshots")

    said = json.loads(kitchen(root, "backfill", *SPAN, "--json").stdout)

    assert said["ready"] == ["2025-01-02", "2025-01-04"]
    assert stat_tree(root / "snapshots") == before


def test_the_luigi_task_says_the_same(built: tuple[Path, dict[str, object]]) -> None:
    """20 while raw data is missing, 0 for a range that has all."""
    root, _ = built

    assert luigi(root, "Backfill", *SPAN).returncode == 20
    assert luigi(root, "Backfill", "--start", "2025-01-02", "--stop", "2025-01-02").returncode == 0


def test_a_finished_range_loads_no_heavy_library(built: tuple[Path, dict[str, object]]) -> None:
    """Neither numpy, pandas, pyarrow, PyYAML nor cerberus is imported when there is nothing to do."""
    root, _ = built
    code = (
        "import sys, luigi.cmdline\n"
        "try:\n"
        "    luigi.cmdline.luigi_run(['--module', 'pipeline', 'Backfill',"
        " '--start', '2025-01-02', '--stop', '2025-01-02'])\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'yaml', 'cerberus'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(root),
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.stdout.splitlines()[-1] == "[]", run.stderr


def test_plan_why_and_status_agree_before_anything_runs(tmp_path: Path) -> None:
    """Each unit of the day, never built; the day whose klines never came; nothing written but caches."""
    root = write_days(tmp_path)

    planned = json.loads(kitchen(root, "plan", *SPAN, "--json").stdout)
    reasons = json.loads(kitchen(root, "why", "2025-01-02", "BTCUSDT", "--json").stdout)["units"]
    days = json.loads(kitchen(root, "status", *SPAN, "--json").stdout)["days"]

    assert planned["days"] == ["2025-01-02", "2025-01-04"]
    assert planned["pending"] == ["2025-01-03"]
    assert planned["steps"]["Snapshot"] == 2
    assert planned["reasons"]["never built"] == sum(planned["steps"].values())
    assert reasons["Snapshot 2025-01-02"] == ["never built"]
    assert [day["state"] for day in days] == ["none", "unbuilt", "missing", "unbuilt"]
    assert not (root / "snapshots").exists()


def test_status_and_plan_of_a_finished_day(built: tuple[Path, dict[str, object]]) -> None:
    """Fresh, in revision 1, nothing to do."""
    root, _ = built
    one = ("--start", "2025-01-02", "--stop", "2025-01-02")

    (day,) = json.loads(kitchen(root, "status", *one, "--json").stdout)["days"]

    assert (day["state"], day["revision"]) == ("fresh", 1)
    assert day["symbols"] == {"BTCUSDT": "available"}
    assert "nothing to do" in kitchen(root, "plan", *one).stdout


BY_KITCHEN = [str(Path(sys.executable).with_name("kitchen")), "backfill"]
BY_LUIGI = [sys.executable, "-m", "luigi", "--module", "pipeline", "Backfill"]


@pytest.mark.parametrize(
    ("program", "number"),
    [
        (BY_KITCHEN, signal.SIGKILL),
        (BY_KITCHEN, signal.SIGTERM),
        (BY_LUIGI, signal.SIGKILL),
        pytest.param(BY_LUIGI, signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_killed_backfill_leaves_no_orphan_and_is_finished_by_the_next(
    tmp_path: Path,
    built: tuple[Path, dict[str, object]],
    program: list[str],
    number: signal.Signals,
) -> None:
    """No child goes on writing; the next run publishes the very bytes of an undisturbed one."""
    root = write_days(tmp_path)
    command = [*program, *SPAN, "--workers", "2"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    run = subprocess.Popen(command, env=environment(root), cwd=root, **quiet)
    deadline = time.monotonic() + 60
    while not list(root.glob("data/prepared/date=*/*/*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(number)
    run.wait(timeout=30)
    time.sleep(1.0)
    left = stat_tree(root / "data/prepared")
    time.sleep(1.0)

    assert stat_tree(root / "data/prepared") == left
    again = subprocess.run(command, env=environment(root), cwd=root, check=False, **quiet)
    assert again.returncode == 20
    for name in ("bars_1m.parquet", "dataset_manifest.json", "SHA256SUMS"):
        mine, other = (r / "snapshots/2025-01-04" / name for r in (root, built[0]))
        assert mine.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("start", "stop", "symbols", "says"),
    [
        ("2025-01-03", "2025-01-02", (), "swap them"),
        ("2025-01-02", "2025-01-02", ("../x",), "no symbol"),
    ],
)
def test_a_wrong_range_is_one_sentence(
    start: str, stop: str, symbols: tuple[str, ...], says: str
) -> None:
    """Bad values are told before any work."""
    with pytest.raises(ParameterError, match=says):
        Range(start=dt.date.fromisoformat(start), stop=dt.date.fromisoformat(stop), symbols=symbols)


def test_the_exit_code_is_that_of_the_worst_day() -> None:
    """Failed before pending before done."""
    assert Outcome(built=[DAY]).exit_code == 0
    assert Outcome(built=[DAY], pending=[DAY]).exit_code == 20
    assert Outcome(pending=[DAY], failed=[DAY]).exit_code == 30
    assert Outcome(pending=[DAY], granted=False).exit_code == 35
    assert Outcome(pending=[DAY], held=[DAY]).exit_code == 10
    assert Outcome(held=[DAY], failed=[DAY]).exit_code == 30
    assert Outcome(built=[DAY], granted=False).exit_code == 0
    assert Outcome(unexpected=[DAY]).exit_code == 20
