"""A range built by spans is what its days built step by step are."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.support import luigi, write_config
from pipeline.freshness import graph, receipt
from pipeline.freshness.graph import Unit
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import load_kitchen
from pipeline.tasks.spans import Span

DAYS = [dt.date(2025, 1, 30) + dt.timedelta(days=n) for n in range(4)]
"""The last two of a month, and the first two of the next."""

RANGE = ("--start", DAYS[0].isoformat(), "--stop", DAYS[-1].isoformat())
SCHEDULER = ("--scheduler", "local")
SYMBOLS = ("BTCUSDT", "ETHUSDT")


def backfill(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`kitchen backfill` of the days, as a user runs it."""
    return subprocess.run(
        [Path(sys.executable).with_name("kitchen"), "backfill", *RANGE, *SCHEDULER, *arguments],
        env={**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")},
        capture_output=True,
        text=True,
        check=False,
    )


def published(root: Path) -> dict[str, bytes]:
    """Every published byte, but for the records of the runs."""
    store = root / "snapshots/.revisions"
    return {
        path.relative_to(store).as_posix(): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and path.name != "publication.json"
    }


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw exports of two symbols, with a day before the first."""
    out = tmp_path_factory.mktemp("raw")
    write_sample(
        SampleRequest(
            out=out,
            symbols=SYMBOLS,
            first=DAYS[0] - dt.timedelta(days=1),
            days=len(DAYS) + 1,
            trades_per_day=1500,
        )
    )
    return out


def kitchen(root: Path, raw: Path) -> Path:
    """A kitchen of its own with these exports."""
    shutil.copytree(raw, root / "data/raw")
    lines = "{market: futures_um}\n  ETHUSDT: {market: futures_um}"
    write_config(root, lines, "simulated: true\n")
    return root


@pytest.fixture(scope="module")
def spans(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A kitchen whose days two workers built by spans, and what was said meanwhile."""
    root = kitchen(tmp_path_factory.mktemp("spans"), raw)
    ended = backfill(root, "--workers", "2")
    assert ended.returncode == 0, ended.stderr
    return root, ended.stderr


def test_spans_publish_the_bytes_of_single_days(
    spans: tuple[Path, str], raw: Path, tmp_path: Path
) -> None:
    """Two workers by spans, one worker by spans, and each day step by step."""
    steps, one = kitchen(tmp_path / "steps", raw), kitchen(tmp_path / "one", raw)
    for day in DAYS:
        assert luigi(steps, "Snapshot", "--date", day.isoformat()).returncode == 0
    assert backfill(one).returncode == 0

    assert len(published(steps)) > 4 * 10
    assert published(spans[0]) == published(steps)
    assert published(one) == published(steps)


def test_every_unit_of_a_span_keeps_its_receipt(
    spans: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason why it was built."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(spans[0] / "configs/kitchen.yaml"))
    given = load_kitchen()
    units = [unit for day in DAYS for unit in graph.behind(given, Unit("Snapshot", day))]
    kept = {unit: receipt.read(graph.folder(given, unit), unit.name) for unit in units}

    assert len(units) > 4 * 2 * 9
    assert {found.facts["reason"] if found else None for found in kept.values()} == {"never built"}


def test_no_unit_of_two_spans_is_built_twice(spans: tuple[Path, str]) -> None:
    """The day before each span, and the history: as many steps are told as there are receipts."""
    told = [int(n) for n in re.findall(r"^[A-Z]+USDT.*: ([0-9]+) steps, ", spans[1], re.MULTILINE)]
    receipts = (spans[0] / "data/prepared").glob("date=*/*USDT/receipts.json")

    assert sum(told) == sum(len(json.loads(path.read_text())) for path in receipts)


def test_a_span_has_the_files_of_its_units_for_targets(
    spans: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them are there."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(spans[0] / "configs/kitchen.yaml"))
    ends = {"start": DAYS[0], "stop": DAYS[1], "first": DAYS[0], "last": DAYS[-1]}
    span = Span(symbols="BTCUSDT", **ends)

    assert len(span.output()) == 2 * 6
    assert all(Path(target.path).exists() for target in span.output())


def test_nothing_is_left_to_do_after_spans(spans: tuple[Path, str]) -> None:
    """A second run finds every day ready."""
    ended = backfill(spans[0])

    assert (ended.returncode, "4 were ready" in ended.stdout + ended.stderr) == (0, True)
