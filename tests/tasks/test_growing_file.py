"""A raw file that does not hold still while it is read is waited for, not failed."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.support import luigi, write_config
from pipeline.sample.generate import SampleRequest, write_sample

DAY = dt.date(2025, 1, 2)
FEED = ("--date", "2025-01-02", "--symbol", "BTCUSDT", "--source", "atas_bars")


@contextmanager
def growing(path: Path) -> Iterator[None]:
    """A line without content is added, again and again, at every moment of the block."""
    done = threading.Event()

    def write() -> None:
        with open(path, "ab", buffering=0) as handle:
            while not done.wait(0.0005):
                handle.write(b"\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """The ATAS bars of a day, in the raw folder of a configured root."""
    write_config(tmp_path)
    request = SampleRequest(
        out=tmp_path / "data/raw", first=DAY, trades_per_day=2000, ticks=False, simplified=False
    )
    write_sample(request)
    return tmp_path / "data/raw/atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"


def test_a_file_that_grows_while_it_is_read_is_pending(tmp_path: Path, bars: Path) -> None:
    """20 and one sentence; when the file is at rest the same command ends well."""
    with growing(bars):
        run = luigi(tmp_path, "CleanFeed", *FEED)

    assert run.returncode == 20, run.stderr
    assert "is pending: " in run.stderr
    assert "changed while it was read" in run.stderr
    assert "Traceback" not in run.stderr
    assert luigi(tmp_path, "CleanFeed", *FEED).returncode == 0


def test_a_backfill_that_met_a_growing_file_is_pending(tmp_path: Path, bars: Path) -> None:
    """20, for `luigi` and its Backfill task alike, and nothing is published."""
    span = ("--start", "2025-01-02", "--stop", "2025-01-02")
    with growing(bars):
        run = luigi(tmp_path, "Backfill", *span)

    assert run.returncode == 20, run.stderr
    assert not (tmp_path / "snapshots/2025-01-02").exists()
