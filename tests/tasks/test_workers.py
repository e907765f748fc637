"""How many workers build a day does not show in a byte of it."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

from kit.support import luigi, write_config
from pipeline.sample.generate import SampleRequest, write_sample

DAY = dt.date(2025, 1, 2)


def published(root: Path) -> dict[str, bytes]:
    """What the day's revision holds, but for the record of the run that published it."""
    (revision,) = (root / "snapshots/.revisions").iterdir()
    return {
        path.relative_to(revision).as_posix(): path.read_bytes()
        for path in sorted(revision.rglob("*"))
        if path.is_file() and path.name != "publication.json"
    }


def tapes(root: Path) -> dict[str, bytes]:
    """The cleaned feeds, footprints and minutes, which are not all published."""
    prepared = root / "data/prepared"
    found = [*prepared.rglob("CleanFeed.*.zip"), *prepared.rglob("Footprint.zip")]
    return {path.relative_to(prepared).as_posix(): path.read_bytes() for path in sorted(found)}


def test_one_worker_and_three_publish_the_same_bytes(tmp_path: Path) -> None:
    """Klines, bars and ticks, cleaned in one process after the other and by three at once."""
    one, three = tmp_path / "one", tmp_path / "three"
    write_sample(SampleRequest(out=one / "data/raw", first=DAY, trades_per_day=2000))
    shutil.copytree(one / "data/raw", three / "data/raw")
    for root, workers in ((one, "1"), (three, "3")):
        write_config(root, extra="simulated: true\n")
        run = luigi(root, "Snapshot", "--date", DAY.isoformat(), "--workers", workers)
        assert run.returncode == 0, run.stderr

    assert len(published(one)) > 5
    assert len(tapes(one)) > 3
    assert published(three) == published(one)
    assert tapes(three) == tapes(one)
