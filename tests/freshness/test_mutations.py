"""What runs again after a change, and which days get a new revision: exactly that and nothing else."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.grid import DAYS, SYMBOLS, Grid, Ran, forget
from pipeline import storage
from pipeline.freshness import libraries
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.runs.plan import plan
from pipeline.sample.generate import SampleRequest, write_sample

pytestmark = pytest.mark.filterwarnings("ignore:The configuration contains")

BARS = "data/raw/atas/bars_1m/BTCUSDT/date=2025-01-03/bars_1m.jsonl"
KITCHEN = "configs/kitchen.yaml"
CONTROL = "governance/CONTROL_kitchen.yaml"
SYMBOL_DAY = "date=2025-01-03/BTCUSDT"
DATES = ("Assemble", "Manifest", "Snapshot")


@pytest.fixture
def grid(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grid:
    """A copy of the published days, to be changed."""
    shutil.copytree(built, tmp_path / "kitchen", symlinks=True)
    return Grid(tmp_path / "kitchen", monkeypatch)


def every(
    *steps: str, days: tuple[int, ...] = (2, 3, 4), symbols: tuple[str, ...] = SYMBOLS
) -> Ran:
    """Steps of each of the days, for each symbol where they have symbols."""
    return {
        (step, day, symbol)
        for step in steps
        for day in days
        for symbol in ((None,) if step in DATES else symbols)
    }


def only(*steps: str, day: int = 3, symbol: str = "BTCUSDT") -> Ran:
    """Steps of one symbol's day."""
    return every(*steps, days=(day,), symbols=(symbol,))


def change_volume(grid: Grid) -> None:
    """One byte of the 600th bar's volume."""
    path = grid.root / BARS
    lines = path.read_bytes().split(b"\n")
    head, mark, tail = lines[600].partition(b'"volume":')
    digit = bytes([tail[0] ^ 1]) if tail[:1].isdigit() else b"1"
    lines[600] = head + mark + digit + tail[1:]
    path.write_bytes(b"\n".join(lines))


def one_trade(grid: Grid) -> None:
    """An archive of aggregates that begins and ends at noon."""
    path = grid.root / f"data/raw/binance/futures_um/BTCUSDT-aggTrades-{DAYS[1]}.csv"
    path.write_text("7,1.5,2,11,12,1735905600000,true\n")


def reorder(grid: Grid) -> None:
    """Two raw lines change places."""
    path = grid.root / BARS
    lines = path.read_bytes().split(b"\n")
    lines[10], lines[11] = lines[11], lines[10]
    path.write_bytes(b"\n".join(lines))


def add(name: str, text: str) -> Callable[[Grid], None]:
    """Appends text to a file."""

    def change(grid: Grid) -> None:
        path = grid.root / name
        path.write_text(path.read_text() + text)

    return change


def edit(name: str, old: str, new: str) -> Callable[[Grid], None]:
    """Replaces a text in a file."""
    return lambda grid: grid.edit(name, old, new)


def waive(symbol: str, first: str, last: str) -> Callable[[Grid], None]:
    """Writes a waiver of a check that no day failed."""
    return edit(
        CONTROL,
        "waivers: []",
        f"waivers:\n  - {{code: A06, symbol: '{symbol}', first: {first}, last: {last},"
        " consequence: note, who: tester, why: a test of waivers}",
    )


ONE_DAY_OF_BARS = only("CleanFeed atas_bars", "Calibration", "AlignedBars", "Verdict")
AFTER_BARS = every("AlignedBars", "Verdict", "MicroFeatures", *DATES)

MUTATIONS: dict[str, tuple[Callable[[Grid], None], Ran, set[int]]] = {
    "nothing": (lambda grid: None, set(), set()),
    "a raw byte": (
        change_volume,
        ONE_DAY_OF_BARS
        | only("MicroFeatures")
        | only("MicroFeatures", day=4)
        | every(*DATES, days=(3,)),
        {3},
    ),
    "a touch": (lambda grid: os.utime(grid.root / BARS), set(), set()),
    "raw lines in another order": (reorder, ONE_DAY_OF_BARS | every(*DATES, days=(3,)), set()),
    "trades of the exchange": (
        one_trade,
        only("CleanFeed binance_agg_trades", "Footprint", "AlignedBars", "Verdict", "MicroFeatures")
        | only("MicroFeatures", day=4)
        | every(*DATES, days=(3, 4)),
        {3, 4},
    ),
    "a setting of one step": (
        add(KITCHEN, "latency_seconds: {binance: 0, atas: 1}\n"),
        AFTER_BARS,
        {2, 3, 4},
    ),
    "the exports of one column": (
        add(KITCHEN, "preference: {fields: {cvd_export: [atas_v6_3]}}\n"),
        AFTER_BARS,
        {2, 3, 4},
    ),
    "the source of delta": (
        add(KITCHEN, "preference: {delta: [klines]}\n"),
        AFTER_BARS,
        {2, 3, 4},
    ),
    "a threshold that no day crosses": (
        edit(
            CONTROL,
            "flow_residual:         {at_most: 0.02",
            "flow_residual:         {at_most: 0.03",
        ),
        every("Verdict", *DATES),
        set(),
    ),
    "a limit that no row crosses": (
        edit(CONTROL, "price_max: 1.0e+12", "price_max: 1.0e+11"),
        every("CleanFeed binance_1m", "CleanFeed atas_bars"),
        set(),
    ),
    "a waiver of one day and symbol": (
        waive("BTCUSDT", "2025-01-03", "2025-01-03"),
        only("Calibration", "Verdict") | every("Manifest", "Snapshot", days=(3,)),
        set(),
    ),
    "a waiver of a day that nobody asks for": (
        waive("*", "2024-01-01", "2024-01-31"),
        set(),
        set(),
    ),
    "an outage on another date": (
        add(
            "governance/KNOWN_outages.yaml",
            '  - {market: futures_um, start: "2024-05-01T00:00:00Z", end: "2024-05-01T01:00:00Z",'
            ' source: "a test"}\n',
        ),
        set(),
        set(),
    ),
    "a schema field": (
        edit("governance/SCHEMA_data.json", "One row of aggregates", "A row of aggregates"),
        every("DailyStats", days=(2, 3)),
        set(),
    ),
    "a comment": (
        edit("source/pipeline/features/micro.py", "\n\n\n", "\n\n\n# said\n"),
        set(),
        set(),
    ),
    "a docstring": (
        edit("source/pipeline/alignment/align.py", '"""', '"""Said otherwise. '),
        set(),
        set(),
    ),
    "a function deep inside a step's closure": (
        edit("source/pipeline/features/daily.py", "\n\n\ndef ", "\n\n\n_UNUSED = 1\n\n\ndef "),
        every("DailyStats", days=(2, 3)),
        set(),
    ),
    "a damaged output": (
        lambda grid: grid.prepared(f"{SYMBOL_DAY}/AlignedBars.zip").write_bytes(b"PK"),
        only("AlignedBars"),
        set(),
    ),
    "a deleted output": (
        lambda grid: grid.prepared(f"{SYMBOL_DAY}/AlignedBars.zip").unlink(),
        only("AlignedBars"),
        set(),
    ),
    "a deleted receipt": (
        lambda grid: grid.forget_receipt(SYMBOL_DAY, "AlignedBars"),
        only("AlignedBars"),
        set(),
    ),
}
"""Change -> the units that run, and the days that get a new revision."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_exactly_what_a_change_touches_runs(grid: Grid, name: str) -> None:
    """Those units and no other; those days and no other; and then nothing is left to do."""
    change, runs, revised = MUTATIONS[name]
    change(grid)

    assert grid.ask() == runs
    assert {day for day, number in grid.revisions().items() if number == 2} == revised
    assert grid.ask() == set()


@pytest.mark.parametrize("lost", ["receipt", "file"])
def test_what_an_earlier_day_lost_is_made_anew_for_a_later_one(grid: Grid, lost: str) -> None:
    """The table behind an earlier day's statistics runs again; being equal, nothing follows."""
    folder, unit = "date=2025-01-02/BTCUSDT", "CleanFeed.binance_1m"
    if lost == "receipt":
        grid.forget_receipt(folder, unit)
    else:
        grid.prepared(f"{folder}/{unit}.zip").unlink()

    assert grid.ask([DAYS[2]]) == only("CleanFeed binance_1m", day=2)
    assert set(grid.revisions().values()) == {1}
    assert grid.ask() == set()


def test_days_that_are_built_one_by_one_all_leave_a_stamp(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month's stamp from before its later days were built does not keep them from having theirs."""
    monkeypatch.setattr("pipeline.freshness.receipt.RACY_NS", 0)
    for stamp in (
        *grid.prepared("").glob("date=*/.stamp.json"),
        *grid.prepared(".history").rglob("*.json"),
    ):
        stamp.unlink()
    for day in DAYS:
        shutil.rmtree(grid.prepared(f"date={day}"))
    for day in DAYS:
        grid.ask([day])

    assert len(list(grid.prepared("").glob("date=*/.stamp.json"))) == len(DAYS)


def test_another_release_of_a_library_runs_the_steps_that_name_it(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only reading raw text names msgspec; its outputs are equal, so that nothing follows."""
    real = libraries.release
    monkeypatch.setattr(
        libraries, "release", lambda name: "9.9" if name == "msgspec" else real(name)
    )
    grid.prepared(".libraries.json").unlink()

    assert grid.ask() == every("CleanFeed atas_bars", "CleanFeed binance_1m")
    assert set(grid.revisions().values()) == {1}


def test_a_new_symbol_runs_alone(grid: Grid) -> None:
    """From its first raw day on, its own units and the days' tables; no unit of another symbol."""
    write_sample(
        SampleRequest(
            out=grid.raw,
            first=DAYS[1],
            days=2,
            symbols=("XRPUSDT",),
            trades_per_day=3000,
            ticks=False,
            simplified=False,
        )
    )
    grid.edit(KITCHEN, "  ETHUSDT:", "  XRPUSDT: {market: futures_um}\n  ETHUSDT:")

    ran = grid.ask()

    assert {symbol for _, _, symbol in ran} == {None, "XRPUSDT"}
    assert {day for _, day, _ in ran} == {3, 4}
    assert grid.revisions() == {2: 1, 3: 2, 4: 2}


def test_a_symbols_last_day_touches_no_other_symbol(grid: Grid) -> None:
    """Until the day before: only the days' tables are made anew without it."""
    grid.edit(
        KITCHEN, "ETHUSDT: {market: futures_um}", "ETHUSDT: {market: futures_um, until: 2025-01-03}"
    )

    assert grid.ask() == every(*DATES, days=(4,))
    assert grid.revisions() == {2: 1, 3: 1, 4: 2}


def test_a_touched_raw_file_is_hashed_once(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its state is noted in the receipt when it has come to rest, so that no later run reads it."""
    long_ago = 1_735_800_000_000_000_000
    os.utime(grid.root / BARS, ns=(long_ago, long_ago))
    monkeypatch.setattr("pipeline.freshness.receipt.RACY_NS", 0)
    grid.ask()
    read: list[str] = []
    real = storage.file_digest

    def noted(path: Path, algorithm: str = "sha256") -> str:
        read.append(str(path))
        return real(path, algorithm)

    monkeypatch.setattr(storage, "file_digest", noted)
    for stamp in grid.prepared("").glob("date=*/.stamp.json"):
        stamp.unlink()

    assert grid.ask() == set()
    assert not [path for path in read if "/data/raw/" in path]


def test_a_plan_of_stale_days_asks_of_each_unit_once(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days share their history: however much is stale, no unit is looked at again and again."""
    grid.edit(
        "source/pipeline/sources/clean.py",
        "def read_feed(",
        "def read_feed_(): ...\ndef read_feed(",
    )
    asked: Counter[Unit] = Counter()
    real = Freshness.reasons_of
    monkeypatch.setattr(
        Freshness, "reasons_of", lambda self, node: asked.update([node.unit]) or real(self, node)
    )
    forget()

    found = plan(DAYS)

    assert len(found.reasons) > 50
    assert max(asked.values()) == 1
