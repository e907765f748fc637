"""Where raw files are looked for, and which days they give."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from kit.support import kitchen_at
from pipeline import layout, symbols

DAY = dt.date(2025, 1, 2)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """An empty raw folder."""
    return tmp_path / "data" / "raw"


def put(raw: Path, *names: str) -> None:
    """Creates empty files."""
    for name in names:
        path = raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    layout.forget_listings()


def test_files_come_most_trusted_first(tmp_path: Path, raw: Path) -> None:
    """A daily archive stands before the monthly one, and both before the fetcher's file."""
    put(
        raw,
        "binance/fetcher/BTCUSDT_2025-01-02.csv",
        "binance/futures_um/BTCUSDT-1m-2025-01.zip",
        "binance/futures_um/BTCUSDT-1m-2025-01-02.zip",
    )
    kitchen = kitchen_at(tmp_path)

    found = layout.raw_files(kitchen, kitchen.symbol("BTCUSDT"), "binance_1m", DAY)

    assert [file.name for file in found] == [
        "binance/futures_um/BTCUSDT-1m-2025-01-02.zip",
        "binance/futures_um/BTCUSDT-1m-2025-01.zip",
        "binance/fetcher/BTCUSDT_2025-01-02.csv",
    ]


def test_another_market_is_another_feed(tmp_path: Path, raw: Path) -> None:
    """Spot archives are no files of a futures symbol."""
    put(raw, "binance/spot/BTCUSDT-1m-2025-01-02.zip")
    kitchen = kitchen_at(tmp_path)

    assert not layout.raw_files(kitchen, kitchen.symbol("BTCUSDT"), "binance_1m", DAY)


def test_hourly_tick_files_are_one_feed_in_order(tmp_path: Path, raw: Path) -> None:
    """Hour folders are read in the order of their names."""
    names = [f"atas/ticks/BTCUSDT/date=2025-01-02/{h:02d}/ticks.jsonl" for h in (23, 0, 7)]
    put(raw, *names)
    kitchen = kitchen_at(tmp_path)

    found = layout.raw_files(kitchen, kitchen.symbol("BTCUSDT"), "atas_ticks", DAY)

    assert [file.name for file in found] == sorted(names)


def test_days_are_told_from_names_alone(tmp_path: Path, raw: Path) -> None:
    """A daily file gives its day, a monthly file every day of its month, an odd name none."""
    put(
        raw,
        "binance/futures_um/BTCUSDT-1m-2025-01-02.zip",
        "binance/futures_um/BTCUSDT-1m-2024-02.zip",
        "binance/futures_um/BTCUSDT-1m-2024-13-99.zip",
        "binance/futures_um/BTCUSDT-1m-notaday.zip",
    )
    kitchen = kitchen_at(tmp_path)

    days = layout.raw_days(kitchen, kitchen.symbol("BTCUSDT"), "binance_1m")

    assert days == {DAY, *(dt.date(2024, 2, d) for d in range(1, 30))}


def test_a_pattern_of_ones_own_takes_the_place_of_the_defaults(tmp_path: Path, raw: Path) -> None:
    """A symbol's patterns are looked for instead of the default layout."""
    put(raw, "charts/BTC/20250102.jsonl", "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl")
    kitchen = kitchen_at(
        tmp_path,
        "{market: futures_um, atas_symbol: BTC, sources: {atas_bars: ['charts/{symbol}/{yyyymmdd}.jsonl']}}",
    )
    symbol = kitchen.symbol("BTCUSDT")

    found = layout.raw_files(kitchen, symbol, "atas_bars", DAY)

    assert [file.name for file in found] == ["charts/BTC/20250102.jsonl"]
    assert layout.raw_days(kitchen, symbol, "atas_bars") == {DAY}


@pytest.mark.parametrize("name", ["../x", "a/b", "BTC USDT", "", "btc", "X" * 33, "BTC\0"])
def test_no_symbol_can_leave_its_folder(name: str) -> None:
    """Symbols become path parts, so only a strict form is one."""
    assert not symbols.is_symbol(name)


@pytest.mark.parametrize(
    ("feed", "name"),
    [
        ("atas_v6_3", "atas/v6_3/BTCUSDT/market_data_20250102.jsonl"),
        ("atas_v6_3", "atas/v6_3/BTCUSDT/market_data_20250102.jsonl.gz"),
        ("atas_bars", "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl.part"),
        ("atas_bars", "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl.zst"),
        ("atas_ticks", "atas/ticks/BTCUSDT/date=2025-01-02/07/ticks.jsonl.zst"),
        ("atas_ticks", "atas/ticks/BTCUSDT/date=2025-01-02/07/ticks.jsonl.part"),
        ("binance_1m", "binance/futures_um/BTCUSDT-1m-2025-01-02.json"),
        ("binance_1m", "binance/futures_um/BTCUSDT-1m-2025-01.parquet"),
        ("binance_1d", "binance/futures_um/BTCUSDT-1d-2025-01.csv.gz"),
    ],
)
def test_every_variant_has_its_place(tmp_path: Path, feed: str, name: str) -> None:
    """It is found for its day, and the day is known to have it."""
    kitchen = kitchen_at(tmp_path)
    symbol = kitchen.symbol("BTCUSDT")
    path = kitchen.raw / name
    path.parent.mkdir(parents=True)
    path.touch()
    layout.forget_listings()

    assert [file.name for file in layout.raw_files(kitchen, symbol, feed, DAY)] == [name]
    assert DAY in layout.raw_days(kitchen, symbol, feed)


def test_hundreds_of_symbols_list_the_raw_folder_once(
    tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many feeds are asked for, and how often: a year of 400 symbols has 150,000 names."""
    names = [f"S{number:03d}USDT" for number in range(600)]
    put(raw, *(f"binance/futures_um/{name}-1m-2025-01-02.zip" for name in names))
    kitchen = kitchen_at(tmp_path, dict.fromkeys(names, "{market: futures_um}"))
    listed: list[str] = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path=".": listed.append(str(path)) or real(path))

    for feed in ("binance_1m", "binance_trades", "binance_1m"):
        days = [layout.raw_days(kitchen, kitchen.symbol(name), feed) for name in names]
        expected = frozenset([DAY]) if feed == "binance_1m" else frozenset()
        assert days == [expected] * len(names)

    assert [path.rstrip("/") for path in listed].count(f"{raw}/binance/futures_um") == 1
    assert len(listed) == len(set(listed))
