"""Two backfills of one range at once, as of two hosts on one folder: no day of theirs fails."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kit import ranges
from kit.real_luigid import Luigid, serving
from kit.support import luigi, task_id, write_config
from pipeline.publishing import locks
from pipeline.publishing.folder_store import FolderStore

DAYS = [dt.date(2025, 1, 31) + dt.timedelta(days=n) for n in range(2)]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw exports of two symbols."""
    small = {"trades_per_day": 800, "ticks": False, "simplified": False}
    return ranges.write_raw(tmp_path_factory.mktemp("raw"), DAYS, **small)


@pytest.fixture(scope="module")
def luigid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Luigid]:
    """One scheduler for all."""
    with serving(Luigid(write_config(tmp_path_factory.mktemp("luigid")))) as found:
        yield found


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("shared", [True, False], ids=["one luigid", "none"])
@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_both_end_well_and_publish_each_day_once(
    raw: Path, luigid: Luigid, tmp_path: Path, shared: bool, rounds: int
) -> None:
    """Whether they know of each other or not."""
    scheduler = luigid.address if shared else "local"
    for number in range(rounds):
        root = ranges.kitchen(tmp_path / str(number), raw)
        how = ("--scheduler", scheduler, "--workers", str(1 + number % 2))
        both = [ranges.begin(root, DAYS, *how) for _ in range(2)]
        said = list(map(ranges.ended, both))

        assert [run.returncode for run in said] == [0, 0], "".join(run.stderr for run in said)
        revisions = sorted(path.name for path in (root / "snapshots/.revisions").iterdir())
        assert revisions == [f"{day}.r1" for day in DAYS]
        shutil.rmtree(tmp_path / str(number) / "data")


def test_a_day_that_another_run_holds_to_the_end_is_no_failure(raw: Path, tmp_path: Path) -> None:
    """It is waited for, then the exit code says to come back; the other day is there."""
    root = ranges.kitchen(tmp_path, raw, "workers: {patience_seconds: 1}\n")
    store = FolderStore(root / "snapshots")
    store.lock(DAYS[0]).parent.mkdir(parents=True)

    with locks.held(store.lock(DAYS[0])):
        run = ranges.backfill(root, DAYS, "--json")

    said = json.loads(run.stdout)
    assert (run.returncode, said["exit"]) == (10, 10), run.stderr
    assert said["held"] == [DAYS[0].isoformat()]
    assert said["built"] == [DAYS[1].isoformat()]
    assert f"{DAYS[0]} is in another run's hands" in run.stderr
    assert ranges.backfill(root, DAYS).returncode == 0


def test_a_day_that_another_run_lets_go_is_built(raw: Path, tmp_path: Path) -> None:
    """Though it was held for longer than a publisher waits at a time."""
    root = ranges.kitchen(tmp_path, raw)
    store = FolderStore(root / "snapshots")
    store.lock(DAYS[0]).parent.mkdir(parents=True)

    with locks.held(store.lock(DAYS[0])):
        run = ranges.begin(root, DAYS[:1])
        with pytest.raises(ranges.TimeoutExpired):
            run.wait(timeout=15)

    assert ranges.ended(run).returncode == 0


def test_the_same_date_of_another_kitchen_is_not_its_own(
    raw: Path, luigid: Luigid, tmp_path: Path
) -> None:
    """Two kitchens share a luigid: what a worker of the one has in hand holds up the one alone."""
    one, other = (ranges.kitchen(tmp_path / name, raw) for name in ("one", "other"))
    ghost = {"task_id": task_id(one, "Snapshot", DAYS[0]), "worker": "ghost", "status": "RUNNING"}
    asked = json.dumps({**ghost, "family": "Snapshot"})
    httpx.post(f"{luigid.address}/api/add_task", data={"data": asked}).raise_for_status()
    command = ("Snapshot", "--date", str(DAYS[0]), "--scheduler-url", luigid.address)

    assert luigi(one, *command).returncode == 10
    assert luigi(other, *command).returncode == 0
