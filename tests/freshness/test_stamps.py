"""A stamp vouches for what was compared, not for what the files have become meanwhile."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import luigi
import pytest

from kit.grid import DAYS, Grid
from pipeline.freshness import stamp
from pipeline.freshness.graph import Unit
from pipeline.freshness.stamp import Stamp
from pipeline.runs import backfill
from pipeline.runs.plan import status
from pipeline.tasks import context

pytestmark = pytest.mark.filterwarnings("ignore:The configuration contains")

BARS = "data/raw/atas/bars_1m/BTCUSDT/date=2025-01-03/bars_1m.jsonl"


@pytest.fixture
def grid(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grid:
    """A copy of the published days, to be changed."""
    shutil.copytree(built, tmp_path / "kitchen", symlinks=True)
    return Grid(tmp_path / "kitchen", monkeypatch)


def _change_raw(grid: Grid) -> None:
    with open(grid.root / BARS, "a") as file:
        file.write("\n")


def _change_an_earlier_days_klines(grid: Grid) -> None:
    path = grid.raw / "binance/futures_um/BTCUSDT-1m-2025-01-02.zip"
    path.write_bytes(path.read_bytes() + b"\0")


def _damage_an_output(grid: Grid) -> None:
    path = grid.prepared("date=2025-01-03/BTCUSDT/AlignedBars.zip")
    path.write_bytes(path.read_bytes()[:-1])


def _bring_another_feed(grid: Grid) -> None:
    path = grid.raw / "atas/v6_3/BTCUSDT/date=2025-01-03/bar_20250103.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("{}\n")


def _nothing(grid: Grid) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "stamped"),
    [
        (_nothing, True),
        (_change_raw, False),
        (_change_an_earlier_days_klines, False),
        (_damage_an_output, False),
        (_bring_another_feed, False),
    ],
)
def test_what_changed_after_the_comparison_gets_no_stamp(
    grid: Grid, monkeypatch: pytest.MonkeyPatch, change: Callable[[Grid], None], stamped: bool
) -> None:
    """A process that remembers a day as fresh leaves no stamp of files that it has not compared."""
    monkeypatch.setattr("pipeline.freshness.receipt.RACY_NS", 0)
    grid.ask()
    for path in (
        *grid.prepared("").glob("date=*/.stamp.json"),
        *grid.prepared(".history").rglob("*.json"),
    ):
        path.unlink()
    assert context.freshness().receipt(Unit("Snapshot", DAYS[1])) is not None
    change(grid)
    context.look_again()

    assert context.finished().remember(DAYS[1]) is stamped
    assert context.finished().holds(DAYS[1]) is stamped


def test_a_sealed_day_that_readers_cannot_see_is_stale(grid: Grid) -> None:
    """Not fresh: the next run has its link to make. A day that is published and true is."""
    assert [day.state for day in status(DAYS)] == ["fresh"] * 3
    (grid.root / "snapshots/2025-01-03").unlink()
    context.look_again()
    assert [day.state for day in status(DAYS)] == ["fresh", "stale", "fresh"]


@pytest.mark.parametrize("changes", [True, False])
def test_a_backfill_says_that_the_code_changed_meanwhile(
    grid: Grid,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    changes: bool,
) -> None:
    """It keeps to the code that it began with, and says to run it again; else it says nothing."""
    monkeypatch.setattr(luigi, "build", partial(luigi.build, local_scheduler=True))
    grid.forget_receipt("date=2025-01-03", "Snapshot")
    logger = logging.getLogger("kitchen")
    logger.addHandler(caplog.handler)

    def edit(done: int, total: int) -> None:
        if changes:
            grid.edit("source/pipeline/alignment/align.py", "import ", "import re\nimport ")

    try:
        outcome = backfill.run(backfill.Range(start=DAYS[0], stop=DAYS[-1]), told=edit)
    finally:
        logger.removeHandler(caplog.handler)

    assert outcome.built == [DAYS[1]]
    assert ("the code changed" in caplog.text) is changes


def test_no_byte_of_a_stamp_can_change_unseen(tmp_path: Path) -> None:
    """Whichever is another, flipped or gone: there is no stamp."""
    file = tmp_path / ".stamp.json"
    made = Stamp(prefixes=["bars"], paths=["/raw/1"], mark=12, environment=["5ea24ee0"])
    stamp.write(file, made)
    assert stamp.read(file, Stamp) == made
    written = file.read_bytes()

    for at, byte in enumerate(written):
        for instead in (b"", b"\xff", bytes([byte ^ 1])):
            file.write_bytes(written[:at] + instead + written[at + 1 :])
            assert stamp.read(file, Stamp) is None
