"""What a day takes below the prepared folder, and how other tools read it."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kit.doc_pages import blocks, page
from kit.support import kitchen_at
from pipeline import layout
from pipeline.freshness import graph
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import Kitchen
from pipeline.stages import STAGES
from pipeline.tasks import job

DAY = dt.date(2025, 1, 2)
LAST = Unit("Manifest", DAY)
GUIDE = page("docs/architecture.md")


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Kitchen:
    """One with a symbol's day with klines alone, ready to be sealed."""
    kitchen = kitchen_at(tmp_path_factory.mktemp("day"), "{market: futures_um, atas: none}")
    none = {"ticks": False, "bars": False, "simplified": False}
    write_sample(SampleRequest(out=kitchen.raw, first=DAY, trades_per_day=500, **none))
    layout.forget_listings()
    freshness = Freshness(kitchen)
    freshness.code = dict.fromkeys(STAGES, "as of this test run")
    job.build(freshness, LAST)
    return kitchen


def test_each_step_has_one_file_and_all_share_their_receipts(kitchen: Kitchen) -> None:
    """Of the symbol's day, and of its date; nothing else is left in their folders."""
    units = [unit for unit in graph.behind(kitchen, LAST) if unit.day == DAY]

    assert {unit.stage for unit in units} == set(STAGES) - {"Footprint", "DailyStats", "Snapshot"}
    for symbol, count in (("BTCUSDT", 6), (None, 2)):
        folder = layout.prepared_folder(kitchen, DAY, symbol)
        own = [unit for unit in units if unit.symbol == symbol]
        files = sorted(path.name for path in folder.iterdir() if path.is_file())
        assert files == sorted(["receipts.json", *(graph.file(kitchen, u).name for u in own)])
        assert len(files) == count + 1


def test_the_lines_of_the_guide_read_them(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With pandas, Polars and DuckDB; and the report is unpacked."""
    section = GUIDE.partition("## Prepared files\n")[2].partition("\n## ")[0]
    (lines,) = blocks(section, "python")
    (command,) = re.findall(r"`python (-m zipfile [^`]*)`", section)
    monkeypatch.chdir(kitchen.prepared.parent.parent)
    said: dict[str, Any] = {}

    exec(lines, said)  # noqa: S102 - our own guide
    subprocess.run([sys.executable, *command.split()], check=True)

    assert said["minutes"] == [(1440,)]
    assert len(said["frame"]) == said["bars"].height == said["features"].shape[0] == 1440
    assert said["frame"]["close"].tolist() == said["bars"]["close"].to_list()
    assert "<html" in Path("report/calibration_report.html").read_text()
