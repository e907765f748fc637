"""Every defect of the registry injected into an otherwise good day: named, counted, and judged as it says."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from kit import injection as inject
from kit.support import kitchen_at
from kit.whole_day import Day, whole_day
from pipeline.quality.catalogue import DEFECTS, page
from pipeline.sample.generate import DEFECTS as SAMPLE
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.tables import parquet

DAY = dt.date(2025, 1, 2)
TRADES = 12_000
ALONE = "{market: futures_um, atas: none}"
BOTH = "{market: futures_um}"

BY_SAMPLE = {
    "A04": None, "A05": None, "A09": None, "A10": 5, "A11": None, "A12": None, "A13": 2, "A17": None,
    "A18": None, "A22": None, "B01": 720, "B02": 1, "B03": 1, "B05": None, "B12": 12, "B13": 30, "B15": 10,
    "B16": 1, "B26": 1, "C01": None, "C02": None, "C07": None, "C08": None, "C12": 1,
    "D01": TRADES, "D02": None, "D03": None, "D04": None, "D05": 11, "D06": 10, "D07": None, "D08": None,
    "D09": None,
}  # fmt: skip
"""Code -> the count that some entry of the report must have; None: any."""

BY_HAND: dict[str, tuple[Callable[[Path], None], int | None, str]] = {
    "A01": (inject.moved(1), None, BOTH),
    "A02": (inject.moved(-480), None, BOTH),
    "A03": (inject.moved(-330), None, BOTH),
    "A06": (inject.flow(0.25), 100, BOTH),
    "A07": (inject.flow(1.5), 100, BOTH),
    "A08": (inject.huge_cvd, None, BOTH),
    "A14": (inject.part_alone, 1, BOTH),
    "A15": (inject.last_bar_lost, 1, BOTH),
    "A16": (inject.wrong_hour, 7, BOTH),
    "A19": (inject.five_minute_chart, None, BOTH),
    "A20": (inject.stalled, None, BOTH),
    "A21": (inject.coarse, None, BOTH),
    "A24": (inject.two_versions, 100, BOTH),
    "B06": (inject.no_klines, 1440, BOTH),
    "B07": (inject.monthly_without_the_day, 1, BOTH),
    "B08": (inject.monthly_differs, 3, BOTH),
    "B09": (inject.silent_archive, 10, BOTH),
    "B10": (inject.other_closes, 5, BOTH),
    "B14": (inject.close_times_cut, 4, BOTH),
    "B17": (inject.rest(forming=True), 1, BOTH),
    "B18": (inject.rest(forming=False), 1, BOTH),
    "B19": (inject.wicks(5, 1.6), 5, ALONE),
    "B21": (inject.never_traded, 1440, BOTH),
    "B25": (inject.copies, 5, ALONE),
    "C03": (inject.wicks(2, 1.05), 2, ALONE),
    "C04": (inject.frozen, 70, ALONE),
    "C05": (inject.without_zone, 50, BOTH),
    "C06": (inject.noisy_csv, 3, BOTH),
    "C10": (inject.next_midnight, 1, BOTH),
    "C11": (inject.thin, None, BOTH),
}

UNKNOWN = {"D03": range(13 * 60, 13 * 60 + 30), "D09": range(10 * 60, 11 * 60)}
"""Code -> the minutes in which both archives of trades lack some, so that nothing mends them."""

OF_TAPES = {"A16"}
"""Codes whose damage is to a tape."""

ELSEWHERE = {
    "A23": "not in the bytes",
    "B04": "tests/test_real_days.py: corrected archives become revisions",
    "B11": "below, on a day with a known outage",
    "B20": "tests/sources/test_user_tables.py: contracts are read as base",
    "B22": "tests/sources/test_binance_metrics.py: both labels give the same periods",
    "B23": "see D04",
    "B24": "no defect of the data",
    "C09": "tests/sources/test_rawfile.py: a file that changes meanwhile is pending",
    "B27": "tests/defects/test_tapes_of_real_days.py",
    "C13": "tests/defects/test_defects_on_real_days.py: a table by another clock beside ATAS",
}
"""Codes without an injection here, and where or why."""


@pytest.fixture(scope="session")
def flawless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw folder of a flawless day."""
    raw = tmp_path_factory.mktemp("flawless") / "raw"
    write_sample(SampleRequest(out=raw, first=DAY, trades_per_day=TRADES))
    return raw


@pytest.fixture(scope="session")
def flawless_bars(tmp_path_factory: pytest.TempPathFactory, flawless: Path) -> Path:
    """The same without its tape, which most defects of bars and archives have no need of."""
    raw = tmp_path_factory.mktemp("flawless_bars") / "raw"
    shutil.copytree(flawless, raw)
    shutil.rmtree(raw / "atas/ticks")
    return raw


def test_the_flawless_day_has_none(tmp_path: Path, flawless: Path) -> None:
    """No code at all, and available."""
    kitchen = kitchen_at(tmp_path)
    shutil.copytree(flawless, kitchen.raw)
    day = whole_day(kitchen, "BTCUSDT", DAY)

    assert [code for code in DEFECTS if day.counts(code)] == []
    assert day.condition == "available"


@pytest.mark.parametrize("code", sorted(BY_SAMPLE))
def test_a_defect_of_the_sample(tmp_path: Path, code: str) -> None:
    """The report names it with the right count, and the day's condition is the registry's."""
    day = day_of_trades(tmp_path, code) if code[0] == "D" else day_of_atas(tmp_path, code)

    assert day.counts(code), day.report["verdict"]
    assert BY_SAMPLE[code] is None or BY_SAMPLE[code] in day.counts(code)
    assert day.condition == DEFECTS[code].condition, day.report["verdict"]


def day_of_atas(root: Path, code: str) -> Day:
    """A simulated day with every export of ATAS and this defect."""
    kitchen = kitchen_at(root)
    write_sample(SampleRequest(out=kitchen.raw, first=DAY, trades_per_day=TRADES, defects=(code,)))
    return whole_day(kitchen, "BTCUSDT", DAY)


def day_of_trades(root: Path, *codes: str) -> Day:
    """A simulated day of a symbol with the exchange's archives alone and these defects."""
    kitchen = kitchen_at(root, ALONE)
    exports = {"ticks": False, "bars": False, "simplified": False, "trades": True}
    write_sample(
        SampleRequest(out=kitchen.raw, first=DAY, trades_per_day=TRADES, defects=codes, **exports)
    )
    return whole_day(kitchen, "BTCUSDT", DAY)


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """The bars of the day of trades without a defect."""
    return bars_of(day_of_trades(tmp_path_factory.mktemp("untouched")))


def bars_of(day: Day) -> pa.Table:
    """Its `bars_1m`."""
    return parquet.read(day.read("AlignedBars", "bars_1m"))


@pytest.mark.parametrize("code", [code for code in sorted(BY_SAMPLE) if code[0] == "D"])
def test_a_fault_of_trades_costs_what_nothing_knows(
    tmp_path: Path, untouched: pa.Table, code: str
) -> None:
    """The bars are the clean day's; what both archives lack is not proven, and the klines give delta."""
    bars = bars_of(day_of_trades(tmp_path, code))
    unknown = UNKNOWN.get(code, range(0))
    whole = [row for minute, row in enumerate(bars.to_pylist()) if minute not in unknown]
    wanted = [row for minute, row in enumerate(untouched.to_pylist()) if minute not in unknown]
    lost = [bars.slice(minute, 1).to_pylist()[0] for minute in unknown]

    assert whole == wanted
    assert {row["delta_source"] for row in lost if not row["proven"]} <= {"klines"}
    assert sum(not row["proven"] for row in lost) > len(lost) / 2 or not lost
    assert bars["delta"].equals(untouched["delta"])


@pytest.mark.slow  # test_defects_on_real_days.py does the same damage to real days
@pytest.mark.parametrize("code", sorted(BY_HAND))
def test_a_defect_by_hand(tmp_path: Path, flawless: Path, flawless_bars: Path, code: str) -> None:
    """The report names it with the right count, and the day's condition is the registry's."""
    damage, count, symbol = BY_HAND[code]
    kitchen = kitchen_at(tmp_path, symbol)
    shutil.copytree(flawless if code in OF_TAPES else flawless_bars, kitchen.raw)
    damage(kitchen.raw)
    day = whole_day(kitchen, "BTCUSDT", DAY)

    assert day.counts(code), day.report["verdict"]
    assert count is None or count in day.counts(code), day.counts(code)
    assert day.condition == DEFECTS[code].condition, day.report["verdict"]


def test_a_known_outage_is_no_gap(tmp_path: Path) -> None:
    """B11: 150 minutes flagged and out of the denominator; the day is available."""
    kitchen = kitchen_at(tmp_path, "{market: spot}")
    day = dt.date(2021, 4, 20)
    write_sample(SampleRequest(out=kitchen.raw, first=day, trades_per_day=TRADES, market="spot"))
    found = whole_day(kitchen, "BTCUSDT", day)

    assert found.counts("B11") == [150]
    assert found.condition == DEFECTS["B11"].condition


def test_every_code_is_proved_or_says_why_not() -> None:
    """No code of the registry is without an injection or a reason."""
    assert set(DEFECTS) == {*BY_SAMPLE, *BY_HAND, *ELSEWHERE}
    assert set(BY_SAMPLE) <= set(SAMPLE)


def test_the_registry_has_every_code_once() -> None:
    """A01 to A24, B01 to B27, C01 to C13, D01 to D09, in order."""
    lasts = (("A", 24), ("B", 27), ("C", 13), ("D", 9))
    wanted = [f"{k}{n:02d}" for k, last in lasts for n in range(1, last + 1)]

    assert list(DEFECTS) == wanted


def test_the_page_is_up_to_date(governance: Path) -> None:
    """docs/defects.md is what the registry says; if not: python -m pipeline.quality.catalogue."""
    assert (governance.parent / "docs" / "defects.md").read_text() == page()
