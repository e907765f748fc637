"""A range built by a cluster; a worker, the scheduler or luigid is killed at a random moment, in turn."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import time
from pathlib import Path

import pytest

from kit import ranges
from kit.dask_site import Site, left_over
from kit.ranges import published
from kit.real_luigid import Luigid, serving

DAYS = [dt.date(2025, 1, 31) + dt.timedelta(days=n) for n in range(2)]
VICTIMS = ("worker", "scheduler", "luigid")


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_whoever_is_killed_the_range_is_built(tmp_path: Path) -> None:
    """At once, or by the next run where nobody was left to hand out work; the bytes are one process's."""
    small = {"trades_per_day": 1000, "ticks": False, "simplified": False}
    raw = ranges.write_raw(tmp_path / "raw", DAYS, **small)
    patience = "workers: {patience_seconds: 20}\n"
    alone, root = (ranges.kitchen(tmp_path / n, raw, patience) for n in ("alone", "cluster"))
    assert ranges.backfill(alone, DAYS).returncode == 0
    chance = random.Random(20250131)
    for number in range(30):
        victim, folder = VICTIMS[number % len(VICTIMS)], tmp_path / f"dask{number}"
        folder.mkdir()
        with serving(Luigid(root / "configs/kitchen.yaml")) as luigid:
            site = Site(folder)
            try:
                worker, _ = site.worker(), site.worker()
                how = ("--scheduler", luigid.address, "--executor", site.address)
                run = ranges.begin(root, DAYS, *how)
                time.sleep(chance.uniform(1, 12))
                {"worker": worker.kill, "scheduler": site.scheduler.kill, "luigid": luigid.kill}[
                    victim
                ]()
                ended = ranges.ended(run)
            finally:
                site.end()

        assert ended.returncode in ((0, 30) if victim == "scheduler" else (0,)), ended.stderr
        assert "Traceback" not in ended.stderr
        assert left_over(root) == []
        assert ended.returncode == 0 or ranges.backfill(root, DAYS).returncode == 0
        assert published(root) == published(alone)
        _forget(root)


def _forget(root: Path) -> None:
    """All days that were made."""
    for place, _, _ in os.walk(root / "snapshots"):
        os.chmod(place, 0o700)
    shutil.rmtree(root / "snapshots")
    shutil.rmtree(root / "data/prepared")
