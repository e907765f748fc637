"""The graph made concrete: expected symbols, settled feeds, inputs."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import pytest

from kit.support import kitchen_at
from pipeline import arrivals, layout
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.settings.config import Kitchen

DAY = dt.date(2025, 1, 2)
KLINES = "binance/futures_um/BTCUSDT-1m-{day}.zip"
TRADES = "binance/futures_um/BTCUSDT-trades-{day}.zip"
BARS = "atas/bars_1m/BTCUSDT/date={day}/bars_1m.jsonl"
TICKS = "atas/ticks/BTCUSDT/date={day}/00/ticks.jsonl"


def put(kitchen: Kitchen, pattern: str, day: dt.date, age_minutes: float = 600) -> None:
    """An empty raw file that was last changed so long ago."""
    path = kitchen.raw / pattern.format(day=day)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    changed = time.time() - age_minutes * 60
    os.utime(path, (changed, changed))
    layout.forget_listings()


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    """An empty kitchen with one symbol."""
    layout.forget_listings()
    return kitchen_at(tmp_path)


def yesterday() -> dt.date:
    """A day that has ended, and whose deadlines lie ahead."""
    return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)


def test_a_symbol_is_expected_from_its_first_raw_day_on(kitchen: Kitchen) -> None:
    """Adding a symbol does not touch days before its data."""
    assert arrivals.expected_symbols(kitchen, DAY) == []

    put(kitchen, KLINES, DAY)

    assert arrivals.expected_symbols(kitchen, DAY - dt.timedelta(days=1)) == []
    assert [s.name for s in arrivals.expected_symbols(kitchen, DAY)] == ["BTCUSDT"]
    assert [s.name for s in arrivals.expected_symbols(kitchen, dt.date(2025, 9, 1))] == ["BTCUSDT"]


def test_since_and_until_are_both_included(tmp_path: Path) -> None:
    """The configuration's own span stands, whatever files there are."""
    kitchen = kitchen_at(tmp_path, "{market: spot, since: 2025-01-02, until: 2025-01-03}")
    days = [DAY + dt.timedelta(days=i) for i in range(-1, 3)]

    expected = [bool(arrivals.expected_symbols(kitchen, day)) for day in days]

    assert expected == [False, True, True, False]


def test_daily_klines_alone_expect_nothing(kitchen: Kitchen) -> None:
    """The macro warm-up reaches back before the symbol's first day."""
    put(kitchen, "binance/futures_um/BTCUSDT-1d-2024-12.zip", DAY)

    assert arrivals.expected_symbols(kitchen, dt.date(2024, 12, 5)) == []


@pytest.mark.parametrize(
    ("age_minutes", "settled"), [(0, False), (9, False), (11, True), (300, True)]
)
def test_a_feed_is_settled_once_its_files_are_at_rest(
    kitchen: Kitchen, age_minutes: float, settled: bool
) -> None:
    """CONTROL's quiet time is ten minutes."""
    put(kitchen, KLINES, yesterday(), age_minutes)
    symbol = kitchen.symbol("BTCUSDT")

    assert arrivals.is_settled(kitchen, symbol, "binance", yesterday()) is settled


def test_a_missing_feed_is_waited_for_until_its_deadline(kitchen: Kitchen) -> None:
    """Late is not missing; past the deadline it is."""
    symbol = kitchen.symbol("BTCUSDT")

    assert not arrivals.is_settled(kitchen, symbol, "binance", yesterday())
    assert arrivals.is_settled(kitchen, symbol, "binance", yesterday() - dt.timedelta(days=3))


@pytest.mark.parametrize(
    ("days_back", "waits"),
    [((1,), True), ((2,), True), ((3,), False), ((), False), ((0, 1), False)],
)
def test_trades_are_waited_for_where_the_days_before_have_them(
    kitchen: Kitchen, days_back: tuple[int, ...], waits: bool
) -> None:
    """The day before, or one further back while that one is late itself; two days are its deadline."""
    put(kitchen, KLINES, yesterday())
    for back in days_back:
        put(kitchen, TRADES, yesterday() - dt.timedelta(days=back))
    symbol = kitchen.symbol("BTCUSDT")

    assert arrivals.is_settled(kitchen, symbol, "binance", yesterday()) is not waits


def test_today_is_never_settled(kitchen: Kitchen) -> None:
    """However many files there are."""
    today = dt.datetime.now(dt.UTC).date()
    put(kitchen, KLINES, today)

    assert not arrivals.is_settled(kitchen, kitchen.symbol("BTCUSDT"), "binance", today)


def test_a_symbol_without_atas_waits_for_none(tmp_path: Path) -> None:
    """`atas: none` is settled as soon as the day has ended."""
    kitchen = kitchen_at(tmp_path, "{market: spot, atas: none}")

    assert arrivals.is_settled(kitchen, kitchen.symbol("BTCUSDT"), "atas", yesterday())


def test_a_step_reads_only_feeds_that_are_there(kitchen: Kitchen) -> None:
    """ATAS feeds without a file are no inputs; the exchange of record always is."""
    put(kitchen, BARS, DAY)
    unit = Unit("AlignedBars", DAY, "BTCUSDT")

    read = {(edge.unit.stage, edge.unit.source) for edge in graph.edges(kitchen, unit)}

    assert read == {
        ("CleanFeed", "binance_1m"),
        ("CleanFeed", "atas_bars"),
        ("Calibration", None),
    }


def test_the_look_back_skips_days_without_raw_data(kitchen: Kitchen) -> None:
    """Micro features read the day before only where it is there."""
    unit = Unit("MicroFeatures", DAY, "BTCUSDT")
    put(kitchen, KLINES, DAY)

    assert {edge.unit.day for edge in graph.edges(kitchen, unit)} == {DAY}

    put(kitchen, KLINES, DAY - dt.timedelta(days=1))

    assert {edge.unit.day for edge in graph.edges(kitchen, unit)} == {
        DAY,
        DAY - dt.timedelta(days=1),
    }


def test_the_history_is_read_oldest_first_and_built_inline(kitchen: Kitchen) -> None:
    """Macro features know completed days alone, and build what is missing of them."""
    for back in (3, 1, 2, 700):
        put(kitchen, KLINES, DAY - dt.timedelta(days=back))
    put(kitchen, KLINES, DAY)

    edges = graph.edges(kitchen, Unit("MacroFeatures", DAY, "BTCUSDT"))

    assert [edge.unit.day for edge in edges] == [DAY - dt.timedelta(days=i) for i in (3, 2, 1)]
    assert all(edge.inline for edge in edges)


def test_a_step_of_the_date_reads_every_expected_symbol(tmp_path: Path) -> None:
    """In the order of their names."""
    kitchen = kitchen_at(
        tmp_path,
        dict.fromkeys(("ETHUSDT", "BTCUSDT"), "{market: futures_um, since: 2025-01-01}"),
    )

    edges = graph.edges(kitchen, Unit("Assemble", DAY))

    assert [e.unit.symbol for e in edges if e.output == "bars_1m"] == ["BTCUSDT", "ETHUSDT"]
