"""Two releases on one store or one prepared folder: one of them works, the other says so and ends with 40."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit import ranges
from pipeline.locations import PROJECT
from pipeline.publishing import locks
from pipeline.publishing.folder_store import FolderStore

DAYS = [dt.date(2025, 1, 31) + dt.timedelta(days=n) for n in range(2)]
ASK = "kitchen release adopt"
NO_CACHE = shutil.ignore_patterns("__pycache__")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"),
    reason="gives a process another host's name: root",
)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw exports of two symbols."""
    small = {"trades_per_day": 800, "ticks": False, "simplified": False}
    return ranges.write_raw(tmp_path_factory.mktemp("raw"), DAYS, **small)


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another release: one step's code differs."""
    other = tmp_path_factory.mktemp("edited")
    for part in ("pipeline", "governance", "configs"):
        shutil.copytree(PROJECT / part, other / part, ignore=NO_CACHE)
    with open(other / "pipeline/alignment/grid.py", "a") as module:
        module.write("ANOTHER = 1\n")
    return other


def begin(root: Path, host: str, release: Path, *command: str) -> subprocess.Popen[str]:
    """A program of a release on a host, for the kitchen at a root."""
    named = ("unshare", "--uts", "sh", "-c", f'hostname {host}; exec "$@"', "sh")
    environ = {
        **os.environ,
        "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml"),
        "PYTHONPATH": str(release),
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*named, *command], env=environ, cwd="/", text=True, **pipes)  # type: ignore[call-overload,no-any-return]


def run(root: Path, host: str, release: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The same, to its end."""
    return ranges.ended(begin(root, host, release, *command))


def kitchen(*arguments: str) -> tuple[str, ...]:
    """A command of ours."""
    return (str(ranges.KITCHEN), *arguments)


def backfill(days: list[dt.date] = DAYS) -> tuple[str, ...]:
    """Of the days."""
    span = ("--start", days[0].isoformat(), "--stop", days[-1].isoformat())
    return kitchen("backfill", *span, "--scheduler", "local")


def snapshot(day: dt.date) -> tuple[str, ...]:
    """Luigi's own program."""
    luigi = (sys.executable, "-m", "luigi", "--module", "pipeline")
    return (*luigi, "Snapshot", "--date", day.isoformat(), "--local-scheduler")


def revisions(root: Path) -> list[str]:
    """The names of all that was published."""
    return sorted(path.name for path in (root / "snapshots/.revisions").iterdir())


def test_two_hosts_with_two_releases_make_one_revision(
    raw: Path, edited: Path, tmp_path: Path
) -> None:
    """Whatever program the other one starts; until it is adopted, from when on the first is refused."""
    root = ranges.kitchen(tmp_path, raw)
    assert run(root, "one", PROJECT, *backfill(DAYS[:1])).returncode == 0

    for command in (backfill(), snapshot(DAYS[0]), snapshot(DAYS[1])):
        refused = run(root, "two", edited, *command)
        assert refused.returncode == 40, refused.stderr
        assert "Traceback" not in refused.stderr
        [said] = [line for line in refused.stderr.splitlines() if ASK in line]
        assert said.index(" on two") < said.index(" on one")
    shown = run(root, "two", edited, *kitchen("release", "--json"))
    assert ASK in json.loads(shown.stdout)["refused"]
    assert revisions(root) == [f"{DAYS[0]}.r1"]

    assert run(root, "two", edited, *kitchen("release", "adopt")).returncode == 0
    late = run(root, "one", PROJECT, *backfill())
    assert (late.returncode, "which was epoch 1" in late.stderr) == (40, True)
    assert run(root, "two", edited, *backfill()).returncode == 0
    assert revisions(root) == [f"{day}.r1" for day in DAYS]
    assert (root / "snapshots/.locks").is_symlink()


def test_a_release_with_comments_changed_is_the_same(raw: Path, tmp_path: Path) -> None:
    """In code and governance; on another host it goes on without a question."""
    root, other = ranges.kitchen(tmp_path / "kitchen", raw), tmp_path / "other"
    for part in ("pipeline", "governance", "configs"):
        shutil.copytree(PROJECT / part, other / part, ignore=NO_CACHE)
    for name in ("pipeline/alignment/grid.py", "governance/CONTROL_kitchen.yaml"):
        with open(other / name, "a") as text:
            text.write("# a comment\n")

    assert run(root, "one", PROJECT, *backfill(DAYS[:1])).returncode == 0
    assert run(root, "two", other, *backfill(DAYS[1:])).returncode == 0

    assert os.listdir(root / "snapshots/.epochs") == ["000001.json"]


def test_a_forgotten_cron_is_told_once(raw: Path, edited: Path, tmp_path: Path) -> None:
    """Exit 40 and one problem, not one a day; nothing is built."""
    today = dt.datetime.now(dt.UTC).date()
    days = [today - dt.timedelta(days=back) for back in (5, 4)]
    small = {"trades_per_day": 800, "ticks": False, "simplified": False}
    recent = ranges.write_raw(tmp_path / "raw", days, **small)
    for path in recent.rglob("*"):
        os.utime(path, (time.time() - 200_000,) * 2)
    root = ranges.kitchen(tmp_path / "kitchen", recent)
    assert run(root, "one", PROJECT, *kitchen("release", "adopt")).returncode == 0

    told = run(root, "two", edited, *kitchen("cron", "--json"))

    said = json.loads(told.stdout)
    assert (told.returncode, said["exit"]) == (40, 40), told.stderr
    assert [ASK in problem["what"] for problem in said["problems"]] == [True]
    assert not list((root / "data/prepared").glob("date=*"))


def test_two_releases_at_once_on_one_prepared_folder(
    raw: Path, edited: Path, tmp_path: Path
) -> None:
    """The second is refused while the first is at it, with both names; then it is free to go."""
    root = ranges.kitchen(tmp_path, raw)
    store, held = FolderStore(root / "snapshots"), root / "data/prepared/.release"
    store.prepare()
    with locks.held(store.lock(DAYS[0])):  # the first comes to no end
        first = begin(root, "one", PROJECT, *backfill())
        while not (held.exists() and held.read_bytes()):
            assert first.poll() is None
            time.sleep(0.02)

        second = run(root, "one", edited, *backfill())

    assert ranges.ended(first).returncode == 0
    assert second.returncode == 40, second.stderr
    assert "Traceback" not in second.stderr
    assert "builds there at present" in second.stderr
    assert run(root, "one", edited, *backfill()).returncode == 0
    assert revisions(root) == [f"{day}.r1" for day in DAYS]
