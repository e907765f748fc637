"""A range built on several hosts of one network, some of which die meanwhile."""

from __future__ import annotations

import datetime as dt
import sys
import time
from pathlib import Path

import pytest

from kit import ranges
from kit.netns import hosts
from kit.ranges import KITCHEN, published

DAYS = [dt.date(2025, 1, 25) + dt.timedelta(days=n) for n in range(14)]
LUIGID = str(Path(sys.executable).with_name("luigid"))
DASK = str(Path(sys.executable).with_name("dask"))


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_a_worker_host_and_luigid_die_and_the_range_is_built(tmp_path: Path) -> None:
    """Exit 0, the bytes of one process on one machine, no temporary file."""
    small = {"trades_per_day": 1500, "ticks": False, "simplified": False}
    raw = ranges.write_raw(tmp_path / "raw", DAYS, **small)
    alone, root = (ranges.kitchen(tmp_path / name, raw) for name in ("alone", "cluster"))
    assert ranges.backfill(alone, DAYS).returncode == 0
    environ = {"KITCHEN_CONFIG": str(root / "configs/kitchen.yaml"), "PYTHONUNBUFFERED": "1"}
    with hosts("ctl", "w1", "w2", "drv") as net:
        ctl = net.address("ctl")
        luigid = net.serve("ctl", LUIGID, "--address", ctl, "--port", "8082", **environ)
        net.serve("ctl", DASK, "scheduler", "--host", ctl, "--port", "8786", "--no-dashboard")
        for name in ("w1", "w2"):
            own = ("--host", net.address(name), "--nworkers", "1", "--nthreads", "1")
            net.serve(name, DASK, "worker", f"tcp://{ctl}:8786", "--no-dashboard", *own)
        time.sleep(5)
        span = ("--start", DAYS[0].isoformat(), "--stop", DAYS[-1].isoformat())
        how = ("--scheduler", f"http://{ctl}:8082", "--executor", f"dask:tcp://{ctl}:8786")
        driver = net.begin("drv", str(KITCHEN), "backfill", *span, *how, **environ)
        _until(root, 1)
        net.kill("w1")
        _until(root, 8)
        luigid.kill()
        said, _ = driver.communicate(timeout=1_800)

        assert driver.returncode == 0, said
    assert published(root) == published(alone)
    assert list((root / "data/prepared").rglob("*.tmp")) == []


def _until(root: Path, wanted: int) -> None:
    """So many symbols' days have a first file."""
    until = time.monotonic() + 300
    while len(list((root / "data/prepared").glob("date=*/*/receipts.json"))) < wanted:
        assert time.monotonic() < until
        time.sleep(0.05)
