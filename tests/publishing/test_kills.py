"""Kills of the real command at random moments, while a reader polls."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit import snapshots as kit
from kit.support import write_config
from pipeline.errors import ParameterError, RefusedError
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.verify import verify, verify_day
from pipeline.reader import load
from pipeline.sample.generate import SampleRequest, write_sample

DAY = dt.date(2025, 1, 2)
COMMAND = [
    *(sys.executable, "-m", "luigi", "--module", "pipeline", "Snapshot"),
    "--local-scheduler",
]


class Runs:
    """The command on a root of its own, from clean or from what a kill left."""

    def __init__(self, root: Path) -> None:
        self.root, self.store = root, FolderStore(root / "snapshots")
        self.environment = {**os.environ, "KITCHEN_CONFIG": str(write_config(root))}

    def clean(self) -> None:
        """Forgets all that the command ever wrote."""
        for place, _, _ in os.walk(self.store.root):
            os.chmod(place, 0o700)
        for folder in (self.store.root, self.root / "data/prepared"):
            shutil.rmtree(folder, ignore_errors=True)

    def start(self) -> subprocess.Popen[bytes]:
        """Starts it in a process group of its own."""
        return subprocess.Popen(
            [*COMMAND, "--date", DAY.isoformat()],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def finish(self) -> float:
        """Runs it to its end, and returns how long that took."""
        started = time.monotonic()
        assert self.start().wait(timeout=300) == 0
        return time.monotonic() - started

    def contents(self) -> dict[str, bytes]:
        """All published bytes but the publication, and where the links lead."""
        links = {
            p.name: os.readlink(p).encode() for p in self.store.root.iterdir() if p.is_symlink()
        }
        found = kit.contents(self.store.root)
        return links | {n: b for n, b in found.items() if not n.endswith("publication.json")}


@contextmanager
def polling(store: FolderStore) -> Iterator[list[int]]:
    """A reader that loads the day without a pause; counts its whole reads, and lets any torn one fail."""
    whole, torn, done = [0], list[str](), threading.Event()

    def poll() -> None:
        while not done.is_set():
            try:
                rows = load(
                    "bars_1m", DAY, DAY, root=store.root, allow=("available", "degraded")
                ).num_rows
                whole[0] += 1
                time.sleep(0.02)
                torn.extend([] if rows == 1440 else [f"{rows} rows"])
            except (RefusedError, ParameterError):  # not published yet; no store is there yet
                time.sleep(0.01)
            except Exception as error:
                torn.append(str(error))

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        yield whole
    finally:
        done.set()
        reader.join()
    assert torn == []


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_kills_at_random_moments(tmp_path: Path, kills: int) -> None:
    """Up to ten kills on the same state, then a run to the end, and so on: what a reader finds is whole at
    every moment, and in the end the same bytes as without any kill.
    """
    write_sample(SampleRequest(out=tmp_path / "data/raw", first=DAY, trades_per_day=2000))
    runs, chance = Runs(tmp_path), random.Random(20250102)
    seconds = runs.finish()
    wanted = runs.contents()
    made = 0
    while made < kills:
        runs.clean()
        with polling(runs.store) as whole:
            for _ in range(10):
                if not _kill(runs, chance.uniform(0, seconds)):
                    break
                made += 1
                if os.path.lexists(runs.store.date_link(DAY)):
                    findings = verify(runs.store, DAY)
                    assert [f for f in findings if not f.file.startswith(("LATEST", "index"))] == []
            runs.finish()
            time.sleep(0.2)
        assert whole[0] > 0
        assert verify_day(runs.store, DAY) == []
        assert runs.contents() == wanted


def _kill(runs: Runs, after: float) -> bool:
    """Kills the command's whole group after some time; False when it had ended by then."""
    run = runs.start()
    try:
        run.wait(timeout=after)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return True
