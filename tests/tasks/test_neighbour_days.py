"""A day's own rows that lie in a neighbour's file: found, and no reason to publish again when absent."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.support import kitchen_at
from pipeline import layout, storage
from pipeline.freshness import graph
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import Kitchen
from pipeline.tables import parquet
from pipeline.tasks.job import perform

DAY = dt.date(2025, 1, 3)
STEP = dt.timedelta(days=1)


Sample = Callable[..., Kitchen]


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three days with the right clock, and with one 8 h slow."""
    made = {}
    for name, defects in (("right", ()), ("slow", ("A02",))):
        made[name] = tmp_path_factory.mktemp(name)
        write_sample(
            SampleRequest(
                out=made[name],
                first=DAY - STEP,
                days=3,
                trades_per_day=4000,
                defects=defects,
                simplified=False,
            )
        )
    return made


@pytest.fixture
def sample(exports: dict[str, Path]) -> Sample:
    """A kitchen whose raw folder holds one of the exports; the day of the tests is in the middle."""

    def made(root: Path, clock: str) -> Kitchen:
        shutil.copytree(exports[clock], root / "data" / "raw")
        layout.forget_listings()
        return kitchen_at(root)

    return made


def build(kitchen: Kitchen, stage: str = "AlignedBars") -> tuple[Unit, str]:
    """The step of the middle day and all it reads, as a fresh process would build it; and why it ran."""
    freshness = Freshness(kitchen)

    def built(unit: Unit) -> str:
        for edge in graph.edges(kitchen, unit):
            built(edge.unit)
        facts = perform(freshness, unit, lambda phrase, per_cent: None, [])
        return str(facts["reason"])

    unit = Unit(stage, DAY, None if stage == "Manifest" else "BTCUSDT")
    return unit, built(unit)


def atas_of(kitchen: Kitchen, day: dt.date) -> list[Path]:
    """The folders of one day's exports of bars and ticks."""
    return sorted(kitchen.raw.glob(f"atas/*/BTCUSDT/date={day}"))


def put_away(kitchen: Kitchen, day: dt.date, where: Path) -> None:
    """Takes a day's ATAS exports out of the raw folder."""
    for folder in atas_of(kitchen, day):
        shutil.move(folder, where / folder.relative_to(kitchen.raw))
    layout.forget_listings()


def bring_back(kitchen: Kitchen, where: Path) -> None:
    """The exports arrive."""
    shutil.copytree(where, kitchen.raw, dirs_exist_ok=True)
    layout.forget_listings()


def test_rows_filed_under_the_neighbour_days_are_found(tmp_path: Path, sample: Sample) -> None:
    """A clock 8 h slow files a third of the day under the day before: all minutes are there, equal."""
    kitchen = sample(tmp_path, "slow")

    unit, _ = build(kitchen)
    bars = parquet.read(graph.stored(kitchen, unit, "bars_1m")).to_pydict()
    traded = [m for m in range(1440) if bars["volume"][m]]

    assert all(bars["src_atas"][m] for m in traded)
    assert [bars["atas_close"][m] for m in traded] == [bars["close"][m] for m in traded]
    assert [bars["atas_volume"][m] for m in traded] == [bars["volume"][m] for m in traded]
    assert {bars["delta_source"][m] for m in traded} == {"ticks"}


def test_the_footprint_lies_in_true_time(tmp_path: Path, sample: Sample) -> None:
    """Its trades by minute are the exchange's own count, those of the neighbour's file included."""
    kitchen = sample(tmp_path, "slow")

    unit, _ = build(kitchen, "Footprint")
    stats = parquet.read(graph.stored(kitchen, unit, "minute_stats")).to_pydict()
    bars, _ = build(kitchen)
    rows = parquet.read(graph.stored(kitchen, bars, "bars_1m")).to_pylist()

    assert dict(zip(stats["minute_open"], stats["trades"], strict=True)) == {
        row["minute_open"]: row["trades"] for row in rows if row["trades"]
    }


def test_a_neighbour_that_holds_nothing_of_the_day_is_no_reason(
    tmp_path: Path, sample: Sample
) -> None:
    """With clocks right, the next day's late arrival leaves the day as it is."""
    kitchen = sample(tmp_path, "right")
    away = tmp_path / "away"
    put_away(kitchen, DAY + STEP, away)
    build(kitchen)
    bring_back(kitchen, away)

    unit, reason = build(kitchen)

    assert reason == "fresh"
    assert Freshness(kitchen).reasons(unit) == []


def test_a_neighbour_that_holds_rows_of_the_day_is_the_reason_in_words(
    tmp_path: Path, sample: Sample
) -> None:
    """The file of the day before arrives late, and a third of the day with it."""
    kitchen = sample(tmp_path, "slow")
    away = tmp_path / "away"
    put_away(kitchen, DAY - STEP, away)
    unit, _ = build(kitchen, "Calibration")
    before = storage.json_in(graph.stored(kitchen, unit, "calibration"))
    bring_back(kitchen, away)

    _, reason = build(kitchen, "Calibration")
    after = storage.json_in(graph.stored(kitchen, unit, "calibration"))

    assert "CleanFeed 2025-01-02 BTCUSDT atas_bars: clean is new" in reason
    assert (before["offset_minutes"], after["offset_minutes"]) == (480, 480)
    assert before["figures"]["n"] < 1000 < after["figures"]["n"]


def test_a_late_neighbour_and_one_from_the_start_give_the_same(
    tmp_path: Path, sample: Sample
) -> None:
    """The order in which files arrive does not show."""
    late, early = sample(tmp_path / "late", "slow"), sample(tmp_path / "early", "slow")
    put_away(late, DAY - STEP, tmp_path / "away")
    build(late)
    bring_back(late, tmp_path / "away")

    contents = []
    for kitchen in (late, early):
        unit, _ = build(kitchen)
        found = Freshness(kitchen).receipt(unit)
        assert found is not None
        contents.append(found.contents["bars_1m"])

    assert contents[0] == contents[1]


@pytest.mark.parametrize("gone", [-1, 1])
def test_a_missing_neighbour_never_stops_a_day(tmp_path: Path, sample: Sample, gone: int) -> None:
    """Nothing is waited for."""
    kitchen = sample(tmp_path, "slow")
    put_away(kitchen, DAY + gone * STEP, tmp_path / "away")

    unit, reason = build(kitchen)

    assert reason == "never built"
    assert graph.stored(kitchen, unit, "bars_1m").exists()


def test_the_manifest_names_the_neighbours_file(tmp_path: Path, sample: Sample) -> None:
    """Its bytes are an input of this day too, with the number of rows that were taken from it."""
    kitchen = sample(tmp_path, "slow")

    unit, _ = build(kitchen, "Manifest")
    inputs = storage.json_in(graph.stored(kitchen, unit, "manifest"))["inputs"]["BTCUSDT"]
    moved = {name: entry for name, entry in inputs.items() if "moved_rows" in entry}

    assert {name.split("/")[3] for name in moved} == {"date=2025-01-02"}
    for name, entry in moved.items():
        data = (kitchen.raw / name).read_bytes()
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
    bars = next(entry for name, entry in moved.items() if "/bars_1m/" in name)
    (export,) = kitchen.raw.glob("atas/bars_1m/BTCUSDT/date=2025-01-02/*.jsonl")
    stamps = {json.loads(line)["timestamp_utc"] for line in export.read_text().splitlines()}
    assert bars["moved_rows"] == sum(stamp >= "2025-01-02T16:00" for stamp in stamps)
