"""What the `luigi` program tells its caller when a task failed."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest

from kit.support import Run, luigi, write_config
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.locks import held
from pipeline.sample.generate import SampleRequest, write_sample

DAY = dt.date(2025, 1, 2)

TASKS = """
import os
import luigi
import pipeline
from pipeline import errors

class Fails(luigi.Task):
    error = luigi.Parameter()
    def output(self):
        return luigi.LocalTarget("never")
    def run(self):
        if self.error == "killed":
            os.kill(os.getpid(), 9)
        raise (getattr(errors, self.error, None) or ValueError)("so it is")

class All(luigi.WrapperTask):
    errors = luigi.ListParameter()
    def requires(self):
        return [Fails(error=name) for name in self.errors]
"""


def tried(root: Path, *arguments: str) -> Run:
    """Runs `luigi` with tasks of a user's own module beside ours."""
    (root / "tried.py").write_text(TASKS)
    return subprocess.run(
        [sys.executable, "-m", "luigi", "--module", "tried", "--local-scheduler", *arguments],
        cwd=root,
        env={"PYTHONPATH": str(root), "KITCHEN_CONFIG": str(write_config(root))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("errors", "code"),
    [
        (["LockedError"], 10),
        (["ConfigError"], 40),
        (["ReleaseError"], 40),
        (["StageError"], 30),
        (["ValueError"], 30),
        (["LockedError", "StageError"], 30),
        (["LockedError", "ValueError"], 30),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else str(value),
)
def test_luigi_ends_with_the_worst_code_of_its_failed_tasks(
    errors: list[str], code: int, workers: str, tmp_path: Path
) -> None:
    """Whether they ran in its own process or in forked ones."""
    run = tried(tmp_path, "All", "--workers", workers, "--errors", json.dumps(errors))

    assert run.returncode == code, run.stderr


def test_a_task_whose_process_is_killed_is_a_failure_whatever_the_others_are(
    tmp_path: Path,
) -> None:
    """It can say nothing itself; Luigi sees it die."""
    run = tried(tmp_path, "All", "--workers", "2", "--errors", '["LockedError", "killed"]')

    assert run.returncode == 30, run.stderr


def test_a_code_that_the_user_set_for_failed_tasks_stays(tmp_path: Path) -> None:
    """A `[retcode]` of one's own outranks what the errors say."""
    (tmp_path / "luigi.cfg").write_text("[retcode]\ntask_failed=77\n")

    run = tried(tmp_path, "Fails", "--error", "LockedError")

    assert run.returncode == 77, run.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("Snapshot", "--date", "2025-01-02"),
        ("Backfill", "--start", "2025-01-02", "--stop", "2025-01-02"),
        ("Backfill", "--start", "2025-01-02", "--stop", "2025-01-02", "--workers", "2"),
    ],
    ids=" ".join,
)
def test_a_day_that_another_run_publishes_ends_with_10(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    """Nothing is broken: the caller asks again later."""
    write_config(tmp_path, extra="workers: {patience_seconds: 1}\n")
    write_sample(SampleRequest(out=tmp_path / "data/raw", first=DAY, trades_per_day=3000))
    store = FolderStore(tmp_path / "snapshots")
    store.prepare()

    with held(store.lock(DAY)):
        run = luigi(tmp_path, *command, "--local-scheduler")

    assert run.returncode == 10, run.stderr
    assert "another run" in run.stderr
    assert "Traceback" not in run.stderr
