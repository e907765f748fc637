"""A backfill on two workers and a luigid; one of the three is killed at a random moment, again and again."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import snapshots as kit
from kit.real_luigid import KITCHEN, Luigid, serving
from kit.support import write_config
from pipeline import storage
from pipeline.freshness import receipt
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.verify import verify_day
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import PROJECT

DAYS = [dt.date(2025, 1, 2), dt.date(2025, 1, 3)]
SPAN = ("--start", DAYS[0].isoformat(), "--stop", DAYS[-1].isoformat())


class Kitchen:
    """A root with raw exports, its luigid, and the command that builds it."""

    def __init__(self, root: Path, luigid: Luigid, settings: Path) -> None:
        self.root, self.luigid = root, luigid
        self.environment = {
            **os.environ,
            "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml"),
            "LUIGI_CONFIG_PATH": str(settings),
        }

    def start(self) -> subprocess.Popen[bytes]:
        """The backfill, in the background."""
        return subprocess.Popen(
            [KITCHEN, "backfill", *SPAN, "--workers", "2"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def clean(self) -> None:
        """Forgets all days that were ever made; the state of luigid, which runs, stays."""
        for place, _, _ in os.walk(self.root / "snapshots"):
            os.chmod(place, 0o700)
        prepared = self.root / "data/prepared"
        for folder in (self.root / "snapshots", prepared / ".history", *prepared.glob("date=*")):
            shutil.rmtree(folder, ignore_errors=True)

    def finish(self) -> float:
        """Runs it to its end, and returns how long that took."""
        started, run = time.monotonic(), self.start()
        said = run.communicate(timeout=300)[1]
        assert run.returncode == 0, said.decode()
        return time.monotonic() - started

    def contents(self) -> dict[str, bytes]:
        """All published bytes but the publications, and every table and document that was prepared."""
        published = kit.contents(self.root / "snapshots")
        prepared = self.root / "data/prepared"
        made = {p: p.read_bytes() for p in prepared.glob("date=*/**/*.*") if p.is_file()}
        return {
            **{n: b for n, b in published.items() if not n.endswith("publication.json")},
            **{str(p): b for p, b in made.items() if p.name[0] != "." and p.name != receipt.FILE},
        }

    def untrue(self) -> list[Path]:
        """Units' files that are other bytes than their receipts promise."""
        found = []
        for path in (self.root / "data/prepared").glob("date=*/**/receipts.json"):
            for name in storage.read_json(path):
                kept = receipt.read(path.parent, name)
                assert kept is not None
                file = next(path.parent.glob(f"{name}.*"), path.parent / name)
                found += [file] if receipt.is_damaged(file, kept, trusting=False) else []
        return found


def kill_worker(kitchen: Kitchen, run: subprocess.Popen[bytes]) -> None:
    """The process that schedules; its children must die with it."""
    run.kill()


def kill_child(kitchen: Kitchen, run: subprocess.Popen[bytes]) -> None:
    """One that computes, if one does."""
    text = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text()
    for pid in text.split()[:1]:
        os.kill(int(pid), signal.SIGKILL)


def kill_luigid(kitchen: Kitchen, run: subprocess.Popen[bytes]) -> None:
    """The scheduler and dashboard."""
    kitchen.luigid.kill()


VICTIMS: tuple[Callable[[Kitchen, subprocess.Popen[bytes]], None], ...] = (
    kill_worker,
    kill_child,
    kill_luigid,
)


@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("kills", [3, pytest.param(102, marks=pytest.mark.slow)])
def test_whoever_is_killed_the_next_run_ends_the_work(tmp_path: Path, kills: int) -> None:
    """Every output matches its receipt after every kill; in the end all bytes are an undisturbed run's."""
    write_config(tmp_path, extra="simulated: true\n")
    request = {"trades_per_day": 1500, "ticks": False, "simplified": False}
    write_sample(SampleRequest(out=tmp_path / "data/raw", first=DAYS[0], days=2, **request))
    chance = random.Random(20250102)
    with serving(Luigid(tmp_path / "configs/kitchen.yaml")) as luigid:
        settings = tmp_path / "luigi.cfg"
        text = (PROJECT / "luigi.cfg").read_text()
        settings.write_text(text.replace("[core]", f"[core]\ndefault_scheduler_port={luigid.port}"))
        kitchen = Kitchen(tmp_path, luigid, settings)
        seconds = kitchen.finish()
        wanted = kitchen.contents()
        for number in range(kills):
            if number % len(VICTIMS) == 0:
                kitchen.clean()
            _kill(kitchen, VICTIMS[number % len(VICTIMS)], chance.uniform(0.2, seconds))
            assert kitchen.untrue() == []
            if number % len(VICTIMS) == len(VICTIMS) - 1:
                kitchen.finish()
                assert kitchen.contents() == wanted
                assert [
                    f for day in DAYS for f in verify_day(FolderStore(tmp_path / "snapshots"), day)
                ] == []


def _kill(
    kitchen: Kitchen, victim: Callable[[Kitchen, subprocess.Popen[bytes]], None], after: float
) -> None:
    """One run with one kill; a run that outlives it may go on to its end, well or not."""
    if kitchen.luigid.process is None:
        kitchen.luigid.start()
    run = kitchen.start()
    time.sleep(after)
    if run.poll() is None:
        victim(kitchen, run)
    run.communicate(timeout=300)
