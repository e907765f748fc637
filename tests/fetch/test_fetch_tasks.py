"""`luigi --module pipeline` fetches first, where the configuration says so."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.fake_exchange import Clock, FakeExchange
from kit.fetch_ground import DAY, archive_path, kitchen_for, publish, visible
from kit.support import luigi
from pipeline.tasks.day import Assemble, CleanFeed

ZIP = "binance/spot/BTCUSDT-1m-2025-01-02.zip"


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with FakeExchange(Clock(time.time())).serving() as exchange:
        yield exchange


def test_a_day_is_fetched_then_built(tmp_path: Path, exchange: FakeExchange) -> None:
    """The first run fetches and waits; the next one builds and asks for nothing."""
    kitchen = kitchen_for(
        tmp_path, exchange, "{market: spot, atas: none}", "  use: [archive]\n  in_front: true\n"
    )
    publish(exchange, DAY)

    first = luigi(tmp_path, "Snapshot", "--date", "2025-01-02")
    there = visible(kitchen.raw)
    asked = len(exchange.asked)
    second = luigi(tmp_path, "Snapshot", "--date", "2025-01-02")

    assert first.returncode == 20, first.stderr
    assert there == [ZIP, f"{ZIP}.CHECKSUM"]
    assert second.returncode == 0, second.stderr
    assert "1440 rows" in second.stdout
    assert len(exchange.asked) == asked == 2


def test_each_kind_is_fetched_in_front(tmp_path: Path, exchange: FakeExchange) -> None:
    """Klines that are there do not hide that trades are not: these come as soon as they are published."""
    kitchen = kitchen_for(
        tmp_path,
        exchange,
        "{market: spot, atas: none}",
        "  use: [archive]\n  in_front: true\n  kinds: [klines, trades]\n",
    )
    publish(exchange, DAY)
    luigi(tmp_path, "Snapshot", "--date", "2025-01-02")
    trades = f"binance/spot/BTCUSDT-trades-{DAY}.zip"
    exchange.put(f"/data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-{DAY}.zip", b"zip")
    for asked in tmp_path.rglob("Fetched.json"):
        asked.unlink()

    luigi(tmp_path, "Snapshot", "--date", "2025-01-02")

    assert visible(kitchen.raw) == [ZIP, f"{ZIP}.CHECKSUM", trades, f"{trades}.CHECKSUM"]


def test_what_is_not_published_is_pending_and_asked_for_once(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """A second run within fetch.again_minutes waits without asking."""
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    kitchen_for(tmp_path, exchange, more="  use: [archive]\n  in_front: true\n")

    runs = [luigi(tmp_path, "Snapshot", "--date", str(yesterday)) for _ in range(2)]

    assert [run.returncode for run in runs] == [20, 20], runs[0].stderr
    assert [path for path, _ in exchange.asked] == [f"{archive_path(yesterday)}.CHECKSUM"]


def test_nothing_is_fetched_unless_configured(
    tmp_path: Path, exchange: FakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default no task asks the exchange."""
    kitchen = kitchen_for(tmp_path, exchange)

    monkeypatch.setenv("KITCHEN_CONFIG", str(kitchen.file))
    feed = CleanFeed(date=DAY, symbol="BTCUSDT", source="binance_1m")

    assert [task.task_family for task in feed.requires()] == ["RawFeed"]
    assert [task.task_family for task in Assemble(date=DAY).requires()] == ["RawDay"]
