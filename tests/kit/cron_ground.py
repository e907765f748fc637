"""For tests of `kitchen cron`: the program with a day to build, or a ground where all is made up."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from kit.support import write_config
from pipeline.publishing import day_state
from pipeline.publishing.day_state import Judged
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import PROJECT, Kitchen
from pipeline.unattended.cron import Effects
from pipeline.unattended.subprocesses import Ended

Run = subprocess.CompletedProcess[str]
DUE = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3)
"""The day that `write_due` leaves to be built."""

NOW = dt.datetime(2025, 1, 10, 12, tzinfo=dt.UTC)
DAYS = [dt.date(2025, 1, 3) + dt.timedelta(days=n) for n in range(7)]


def cron(root: Path, *arguments: str, **environment: str) -> Run:
    """Runs `kitchen cron` from `/` with nothing in the environment but what is given."""
    given = {"KITCHEN_CONFIG": str(root / "configs" / "kitchen.yaml"), **environment}
    return subprocess.run(
        [Path(sys.executable).with_name("kitchen"), "cron", *arguments],
        cwd="/",
        env=given,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def write_due(root: Path, trades: int) -> Path:
    """A kitchen with the exports of `DUE`, long at rest, nothing else to look at, and its own governance."""
    shutil.copytree(PROJECT / "governance", root / "governance")
    path = write_config(root, f"{{market: futures_um, since: {DUE}, until: {DUE}}}")
    path.write_text(path.read_text().replace("paths: {", "paths: {governance: governance, "))
    write_sample(SampleRequest(out=root / "data/raw", first=DUE, trades_per_day=trades))
    shutil.rmtree(root / "data/raw/atas/ticks")
    old = time.time() - 2 * 86_400
    for file in (root / "data/raw").rglob("*"):
        os.utime(file, (old, old))
    return path


class Ground:
    """What is true of each day, and what a run was asked to do."""

    def __init__(self) -> None:
        self.states: dict[dt.date, str] = {}
        self.codes: dict[dt.date, list[int]] = {}
        self.built: list[dt.date] = []
        self.waits: list[float] = []
        self.said: list[str] = []
        self.fetched = Ended(code=0)

    def judge(self, kitchen: Kitchen, days: list[dt.date]) -> dict[dt.date, Judged]:
        """The states; days that are not named are published."""
        return {
            day: Judged(day=day, state=self.states.get(day, day_state.PUBLISHED), why="as made up")
            for day in days
        }

    def build(self, kitchen: Kitchen, day: dt.date) -> Ended:
        """Ends with the next code; 0 publishes."""
        self.built.append(day)
        code = self.codes[day].pop(0)
        if code == 0:
            self.states[day] = day_state.PUBLISHED
        return Ended(code=code, lines=("a line", "the last line"))

    def send(self, urls: list[str], title: str, text: str) -> bool:
        """Keeps what is said."""
        self.said.append(f"{title}\n{text}")
        return True

    def effects(self) -> Effects:
        """For `cron.run`."""
        return Effects(
            build=self.build,
            fetch=lambda kitchen: self.fetched,
            send=self.send,
            wait=self.waits.append,
            prune=lambda: False,
        )
