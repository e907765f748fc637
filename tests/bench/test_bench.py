"""Every script of bench/ starts and runs, on days that are small enough to wait for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit import snapshots as kit
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.seal import publish
from pipeline.settings.config import PROJECT

BENCH = PROJECT / "bench"


def bench(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A script of the folder, run to its end, as a machine without a generator of its own does it."""
    environ = {k: v for k, v in os.environ.items() if k != "KITCHEN_TICK_GENERATOR"}
    command = [sys.executable, str(BENCH / script), *arguments]
    return subprocess.run(
        command, env=environ | environment, cwd=PROJECT, capture_output=True, text=True, check=False
    )


def test_ticks_are_measured_against_the_peers(tmp_path: Path) -> None:
    """The page has every contender, and no line was lost on any day."""
    page = tmp_path / "page.md"
    small = ("--ticks", "3000", "--rounds", "1", "--ticks-only")
    ended = bench("run.py", *small, "--data", str(tmp_path / "days"), "--out", str(page))

    assert ended.returncode == 0, ended.stderr
    for words in ("DuckDB, bare parse", "json.loads + pandas", "five times the ticks", "| equal |"):
        assert words in page.read_text()


def test_features_are_measured(tmp_path: Path) -> None:
    """Both steps ran, and the features have values."""
    ended = bench("features.py", "--ticks", "3000", "--rounds", "1", "--work", str(tmp_path))

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["features_with_values"] > 0


def test_the_reader_is_measured() -> None:
    """Each way of reading has its cost; whether it is small enough depends on the machine."""
    ended = bench("reader.py", "--json", "--days", "2", "--rounds", "1")

    assert ended.returncode in (0, 1), ended.stderr
    assert min(cost["wall"] for cost in json.loads(ended.stdout)["seconds"].values()) > 0


def test_fetching_is_measured() -> None:
    """A day of six symbols both ways, and a year by its months."""
    ended = bench("fetch.py", "--days", "1", "--rounds", "1", "--latency", "0")

    assert ended.returncode in (0, 1), ended.stderr
    assert "36 archives and 36 checksums; 1098 of each by day" in ended.stdout


def test_a_symbols_day_is_measured(tmp_path: Path) -> None:
    """Its files are as many as shall be on any machine; its time depends on it."""
    ended = bench("symbol_days.py", "--days", "2", "--rounds", "1", "--root", str(tmp_path))

    assert ended.returncode == 0, ended.stderr
    assert "files of a symbol's day of klines (at most 12: holds)" in ended.stdout
    assert ended.stdout.count(" / import luigi (at most ") == 3


def test_the_report_is_measured() -> None:
    """Its bytes are within the limit on any machine; its time depends on it."""
    ended = bench("report.py", "--json", "--rounds", "1")

    assert ended.returncode in (0, 1), ended.stderr
    size, limit, unit = json.loads(ended.stdout)["measured"]["report, three forms"]
    assert (unit, 0 < size <= limit) == ("KB", True)


def test_one_of_many_symbols_is_measured(tmp_path: Path) -> None:
    """On a clone of a store of two symbols, which `kitchen verify` and `kitchen plan` find in order."""
    store = FolderStore(tmp_path / "like/snapshots")
    publish(
        kit.draft(tmp_path / "day", states=dict.fromkeys(("AUSDT", "BUSDT"), "available")), store
    )
    size = ("--from", str(tmp_path / "like"), "--symbols", "4", "--days", "3")
    clone = tmp_path / "clone"
    made = bench("clone_store.py", str(clone), *size, "--files", "2")
    ended = bench("one_symbol.py", "--store", str(clone), *size, "--rounds", "1")

    assert made.returncode == 0, made.stderr
    assert ended.returncode in (0, 1), ended.stderr
    assert "one of 4 symbols, 3 days, remembered / Polars unverified" in ended.stdout
    for command in (["verify", "--all"], ["plan", "--start", "2024-12-31", "--stop", "2025-01-02"]):
        told = subprocess.run(
            [Path(sys.executable).with_name("kitchen"), *command],
            env=os.environ | {"KITCHEN_CONFIG": str(clone / "kitchen.yaml")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.slow
def test_the_memory_of_many_symbols_is_measured() -> None:
    """Of each of a date's steps."""
    ended = bench("many_symbols.py", "--symbols", "2", "--json")

    assert ended.returncode == 0, ended.stderr
    assert set(json.loads(ended.stdout)["2"]) == {"assemble", "manifest", "snapshot"}


def test_days_with_nothing_to_do_are_measured(tmp_path: Path) -> None:
    """Of a history of three days and one of thirty."""
    only = ("--skip", "scheduling", "--skip", "workers")
    ended = bench("freshness.py", "--root", str(tmp_path), "--rounds", "1", "--days", "3", *only)

    assert ended.returncode == 0, ended.stderr
    assert "a finished day, history of 600 days" in ended.stdout


def test_scheduling_is_measured(tmp_path: Path) -> None:
    """Units that compute nothing, of two days."""
    ended = bench("trivial_steps.py", str(tmp_path), "2")

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1])["units"] > 0


def test_a_day_beyond_the_sample_repeats_its_ticks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each tick so many times, one after the other, no two of one id."""
    monkeypatch.syspath_prepend(str(BENCH))
    import days

    monkeypatch.delenv("KITCHEN_TICK_GENERATOR", raising=False)
    monkeypatch.setattr(days, "SAMPLE_MOST", 1000)
    found = days.clean(tmp_path, 3000)
    ticks = [
        json.loads(line)
        for path in sorted(found.rglob("ticks.jsonl"))
        for line in path.read_text().splitlines()
    ]

    assert len(ticks) == len({tick["trade_id"] for tick in ticks}) == 3000
    assert [t["ts"] for t in ticks[::3]] == [t["ts"] for t in ticks[2::3]]


def test_what_is_missing_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A generator that makes nothing, a number that the sample cannot make: no traceback."""
    where = ("--data", str(tmp_path / "days"), "--out", str(tmp_path / "page.md"), "--ticks-only")
    generator = bench("run.py", *where, KITCHEN_TICK_GENERATOR=str(tmp_path / "none.py"))
    too_few = bench("run.py", *where, "--ticks", "1")

    assert generator.returncode == too_few.returncode == 1
    assert "made no day" in generator.stderr
    assert "wanted 2 to" in too_few.stderr
    assert "Traceback" not in generator.stderr + too_few.stderr


def test_spans_that_others_build_are_measured() -> None:
    """That sleep a moment; whether that many are kept busy depends on the machine."""
    ended = bench("executors.py", "--workers", "4", "--seconds", "0.1", "--only", "asleep")

    assert ended.returncode in (0, 1), ended.stderr
    assert "two workers over one, spans that sleep" in ended.stdout
    assert "busy part of 4 workers' time" in ended.stdout
