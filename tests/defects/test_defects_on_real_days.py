"""Every defect of the registry injected into a real day: named, counted, judged as the catalogue says."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pyarrow as pa
import pytest

from kit import real_exports as real
from kit import tape_damage as tape
from kit.injection import BARS
from kit.real_build import built
from kit.real_cases import (
    BTCUSDT,
    BY_THEMSELVES,
    CASES,
    HOUR_5,
    MINUTES,
    NOT_IN_A_DAY,
    NOTE,
    REASON,
    TICKS,
    TICKS_AT_5,
    Case,
    flag,
)
from kit.support import kitchen_at
from kit.whole_day import Day
from pipeline.errors import UnstableInputError
from pipeline.model.limits import Limits
from pipeline.model.raw_names import RawPath
from pipeline.quality.catalogue import DEFECTS
from pipeline.sources import file_read
from pipeline.sources.rawfile import RawFile
from pipeline.tables import parquet

pytestmark = pytest.mark.real


Build = Callable[..., Day]


@pytest.fixture
def build(tmp_path: Path, raw_days: dict[str, Path]) -> Build:
    """Builds a real day after some damage to its files; a second time, what that made stale."""
    return partial(built, tmp_path, raw_days)


@pytest.fixture(scope="session")
def clean(
    tmp_path_factory: pytest.TempPathFactory, raw_days: dict[str, Path]
) -> Callable[[tuple[str, dt.date]], tuple[set[str], pa.Table]]:
    """The codes and the bars of an undamaged day."""

    @cache
    def undamaged(day: tuple[str, dt.date]) -> tuple[set[str], pa.Table]:
        found = built(tmp_path_factory.mktemp("clean"), raw_days, real.nothing, day)
        return codes_of(found), values_of(found)

    return undamaged


def codes_of(day: Day) -> set[str]:
    """Every code that the report names."""
    return {code for code in DEFECTS if day.counts(code)}


def values_of(day: Day) -> pa.Table:
    """The day's bars without their flags, and without which of equal sources of delta was used."""
    return parquet.read(day.read("AlignedBars", "bars_1m")).drop_columns(["qc_flags"])


def told(day: Day, code: str) -> dict[str, int]:
    """Where the report counts a code -> the count."""
    verdict = day.report["verdict"]
    found = {e["where"]: e["count"] for e in day.report["defects"] if e["code"] == code}
    for kind, entries in ((REASON, verdict["reasons"]), (NOTE, verdict["notes"])):
        found.update((kind, e["count"]) for e in entries if e["code"] == code)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{CASES.index(case)}")
def test_a_defect_of_a_real_day(
    build: Build, clean: Callable[..., tuple[set[str], pa.Table]], case: Case
) -> None:
    """The report names it and nothing unexplained; count and condition are right."""
    codes, values = clean(case.day)
    day = build(case.damage, case.day, case.symbol)

    assert told(day, case.code) == case.counts
    assert codes_of(day) - codes <= {case.code, *case.beside.split()}
    assert day.condition == case.wanted, day.report["verdict"]
    assert not case.same or values_of(day).equals(values)


def test_the_counts_are_those_of_the_raw_files(raw_days: dict[str, Path]) -> None:
    """What the table says of the tape, by its lines."""
    files_of_it = sorted((raw_days["XRPETH"] / tape.TAPE).glob("*/ticks.jsonl"))
    lines = [line for path in files_of_it for line in real.lines_of(path)]

    assert len(lines) == TICKS
    assert len({line[:24] for line in lines}) == MINUTES
    assert len(real.lines_of(raw_days["XRPETH"] / HOUR_5)) == TICKS_AT_5


def test_an_archive_issued_again(
    build: Build, clean: Callable[..., tuple[set[str], pa.Table]]
) -> None:
    """B04: the day is read again, and differs in the minute whose row was corrected."""
    first = values_of(build(real.nothing))
    day = build(real.corrected)
    differing = [i for i in range(1440) if not values_of(day).slice(i, 1).equals(first.slice(i, 1))]

    assert first.equals(clean(BTCUSDT)[1])
    assert differing == [777]
    assert day.condition == DEFECTS["B04"].condition


def test_a_known_outage(
    build: Build, tmp_path: Path, governance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B11: twenty minutes in the calendar of outages are flagged, no gap, and out of the denominator."""
    own = tmp_path / "governance"
    shutil.copytree(governance, own)
    listed = (own / "KNOWN_outages.yaml").read_text()
    span = 'start: "2025-01-02T04:00:00Z", end: "2025-01-02T04:20:00Z"'
    entry = f"  - {{market: futures_um, {span}, source: a test}}\n"
    (own / "KNOWN_outages.yaml").write_text(listed.rstrip("\n") + "\n" + entry)
    plain = kitchen_at
    monkeypatch.setattr("kit.real_build.kitchen_at", lambda *a: replace(plain(*a), governance=own))
    day = build(real.outage)

    assert told(day, "B11") == {flag("known_outage"): 20}
    assert day.counts("B12") == []
    assert day.condition == DEFECTS["B11"].condition


def test_a_file_that_grows_while_it_is_read(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C09: the run ends as pending and names the file; nothing of the feed is kept."""
    opened = file_read.open_raw

    @contextmanager
    def growing(file: RawPath, limits: Limits) -> Iterator[RawFile]:
        with opened(file, limits) as raw:
            assert raw.head
            if file.name == BARS:
                with open(file.path, "ab") as handle:
                    handle.write(b"{}\n")
            yield raw

    monkeypatch.setattr(file_read, "open_raw", growing)
    with pytest.raises(UnstableInputError, match=BARS):
        build(real.nothing)

    assert not list(tmp_path.rglob("CleanFeed.atas_bars/*.parquet"))


def test_every_code_is_injected_or_says_why_not() -> None:
    """No code of the registry, and no other condition of one, is without a case or a reason."""
    assert {case.code for case in CASES} | {*BY_THEMSELVES, *NOT_IN_A_DAY} == set(DEFECTS)
    others = {case.code: case.condition for case in CASES if case.condition is not None}
    stated = {code: DEFECTS[code].otherwise.split(" where ")[0] for code in DEFECTS}
    assert others == {code: word for code, word in stated.items() if word}
