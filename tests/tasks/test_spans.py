"""A range built by spans is what its days built step by step are."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
from pathlib import Path

import pytest

from kit import ranges
from kit.ranges import published
from kit.support import luigi
from pipeline.freshness import graph, receipt
from pipeline.freshness.graph import Unit
from pipeline.settings.config import load_kitchen
from pipeline.tasks.spans import Span

DAYS = [dt.date(2025, 1, 30) + dt.timedelta(days=n) for n in range(4)]
"""The last two of a month, and the first two of the next."""


def backfill(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`kitchen backfill` of the days, as a user runs it."""
    return ranges.backfill(root, DAYS, *arguments)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw exports of two symbols, with a day before the first."""
    before = DAYS[0] - dt.timedelta(days=1)
    return ranges.write_raw(tmp_path_factory.mktemp("raw"), [before, *DAYS], trades_per_day=1500)


@pytest.fixture(scope="module")
def spans(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A kitchen whose days two workers built by spans, and what was said meanwhile."""
    root = ranges.kitchen(tmp_path_factory.mktemp("spans"), raw)
    ended = backfill(root, "--workers", "2")
    assert ended.returncode == 0, ended.stderr
    return root, ended.stderr


def test_spans_publish_the_bytes_of_single_days(
    spans: tuple[Path, str], raw: Path, tmp_path: Path
) -> None:
    """Two workers by spans, one worker by spans, and each day step by step."""
    steps, one = ranges.kitchen(tmp_path / "steps", raw), ranges.kitchen(tmp_path / "one", raw)
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


def test_a_span_that_is_done_is_shown_so(
    spans: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Luigi's worker hears it, and its list of tasks shows it."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(spans[0] / "configs/kitchen.yaml"))
    ends = {"start": DAYS[0], "stop": DAYS[1], "first": DAYS[0], "last": DAYS[-1]}
    span, heard = Span(symbols="BTCUSDT", **ends), list[object]()
    for name in ("set_progress_percentage", "set_status_message"):
        monkeypatch.setattr(span, name, heard.append)

    span.run()

    assert heard[-2:] == ["done", 100]
    assert heard[-3] != 100


def test_nothing_is_left_to_do_after_spans(spans: tuple[Path, str]) -> None:
    """A second run finds every day ready."""
    ended = backfill(spans[0])

    assert (ended.returncode, "4 were ready" in ended.stdout + ended.stderr) == (0, True)
