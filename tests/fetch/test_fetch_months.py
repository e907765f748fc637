"""A whole month that is wanted comes as the month's own archive, one request in the place of thirty."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.fake_exchange import Clock, FakeExchange
from kit.fetch_ground import archive_path, kitchen_for, minutes, visible, zipped
from kit.shipped import RULES
from pipeline import layout
from pipeline.fetch.outcome import Outcome
from pipeline.fetch.plan import Request
from pipeline.fetch.run import fetch
from pipeline.settings.config import Kitchen
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed

FIRST, LAST = dt.date(2025, 2, 1), dt.date(2025, 2, 28)
DAYS = [FIRST + dt.timedelta(days=n) for n in range(28)]
LATER = dt.datetime(2025, 4, 20, 15, 0, tzinfo=dt.UTC).timestamp()
MONTH = "binance/spot/BTCUSDT-1m-2025-02.zip"


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with FakeExchange(Clock(LATER)).serving() as exchange:
        yield exchange


@pytest.fixture
def kitchen(tmp_path: Path, exchange: FakeExchange) -> Kitchen:
    """Archives alone."""
    return kitchen_for(tmp_path, exchange, more="  use: [archive]\n")


def fetched(kitchen: Kitchen, exchange: FakeExchange, **more: Any) -> list[Outcome]:
    """February, unless more is said; a run of its own to `asked`."""
    exchange.asked.clear()
    request = Request(**{"first": FIRST, "last": LAST, **more})
    return fetch(kitchen, request, waiting=exchange.clock.waiting)


def put_month(exchange: FakeExchange, kind: str = "klines") -> bytes:
    """Publishes the archive of February."""
    short = "1m" if kind == "klines" else kind
    folder = f"klines/BTCUSDT/{short}" if kind == "klines" else f"{kind}/BTCUSDT"
    name = f"BTCUSDT-{short}-2025-02"
    data = zipped(name, [row for day in DAYS for row in minutes(day)])
    exchange.put(f"/data/spot/monthly/{folder}/{name}.zip", data)
    return data


def put_days(exchange: FakeExchange, days: list[dt.date]) -> None:
    """Publishes archives of days."""
    for day in days:
        exchange.put(archive_path(day), zipped(f"BTCUSDT-1m-{day}", minutes(day)))


def test_a_month_is_one_file_that_every_day_is_read_from(
    kitchen: Kitchen, exchange: FakeExchange
) -> None:
    """Two requests, the checksum kept beside; each of its days is there, whole."""
    data = put_month(exchange)
    (outcome,) = fetched(kitchen, exchange)
    layout.forget_listings()
    symbol = kitchen.symbol("BTCUSDT")
    feed = Feed(
        symbol="BTCUSDT", vendor_symbol="BTCUSDT", market="spot", source="binance_1m", day=DAYS[9]
    )
    read = read_feed(feed, layout.raw_files(kitchen, symbol, "binance_1m", DAYS[9]), RULES)

    assert (outcome.status, outcome.period, outcome.file) == ("fetched", "2025-02", MONTH)
    assert len(exchange.asked) == 2
    assert (kitchen.raw / MONTH).read_bytes() == data
    assert visible(kitchen.raw) == [MONTH, f"{MONTH}.CHECKSUM"]
    assert layout.raw_days(kitchen, symbol, "binance_1m") == frozenset(DAYS)
    assert read.table.num_rows == 1440
    assert read.ledger[0].notes["checksum"] == "ok"


def test_a_month_of_every_kind_is_one_request_each(tmp_path: Path, exchange: FakeExchange) -> None:
    """Three archives and their checksums, where days were 168."""
    kinds = ("klines", "trades", "aggTrades")
    kitchen = kitchen_for(
        tmp_path, exchange, more=f"  use: [archive]\n  kinds: [{', '.join(kinds)}]\n"
    )
    for kind in kinds:
        put_month(exchange, kind)

    assert [(o.status, o.period) for o in fetched(kitchen, exchange)] == [
        ("fetched", "2025-02")
    ] * 3
    assert len(exchange.asked) == 6
    assert {o.status for o in fetched(kitchen, exchange)} == {"unchanged"}
    assert exchange.asked == []


def test_days_come_where_the_month_is_not_published(
    kitchen: Kitchen, exchange: FakeExchange
) -> None:
    """Asked for once; the outcomes are those of the days, in their order, and nothing is pending."""
    put_days(exchange, DAYS)

    outcomes = fetched(kitchen, exchange)

    assert [(o.status, o.period) for o in outcomes] == [("fetched", str(day)) for day in DAYS]
    assert sum("/monthly/" in path for path, _ in exchange.asked) == 1


def test_what_is_there_by_day_is_not_fetched_by_month(
    kitchen: Kitchen, exchange: FakeExchange
) -> None:
    """One day is there: the others come as days."""
    put_month(exchange)
    put_days(exchange, DAYS)
    fetched(kitchen, exchange, first=DAYS[4], last=DAYS[4])

    outcomes = fetched(kitchen, exchange)

    assert [o.status for o in outcomes].count("unchanged") == 1
    assert len(outcomes) == 28
    assert not any("/monthly/" in path for path, _ in exchange.asked)


def test_a_month_that_is_there_has_its_days(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """A part of it is asked for: nothing is sent, unless to compare, which brings the days' own files."""
    put_month(exchange)
    put_days(exchange, DAYS)
    fetched(kitchen, exchange)

    (part,) = fetched(kitchen, exchange, first=DAYS[3])
    assert (part.status, part.file, exchange.asked) == ("unchanged", MONTH, [])

    (day,) = fetched(kitchen, exchange, first=DAYS[3], last=DAYS[3], recheck=True)
    assert (day.status, day.period) == ("fetched", str(DAYS[3]))


@pytest.mark.parametrize(("first", "last"), [(DAYS[1], LAST), (FIRST, DAYS[-2])])
def test_a_part_of_a_month_comes_by_days(
    kitchen: Kitchen, exchange: FakeExchange, first: dt.date, last: dt.date
) -> None:
    """Who wants 27 days gets 27 files."""
    put_month(exchange)
    put_days(exchange, DAYS)

    assert len(fetched(kitchen, exchange, first=first, last=last)) == 27


def test_a_month_that_goes_on_comes_by_days(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """On its last day too."""
    exchange.clock.at = dt.datetime(2025, 2, 28, 15, 0, tzinfo=dt.UTC).timestamp()
    put_days(exchange, DAYS[:-1])

    outcomes = fetched(kitchen, exchange)

    assert [o.status for o in outcomes] == ["fetched"] * 27 + ["pending"]
    assert not any("/monthly/" in path for path, _ in exchange.asked)


def test_a_month_too_large_to_be_read_for_each_day_comes_by_days(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """Its size is told before a byte of it comes; nothing of it stays."""
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n  month_bytes: 100000\n")
    put_month(exchange)
    put_days(exchange, DAYS)

    outcomes = fetched(kitchen, exchange)

    assert [(o.status, o.period) for o in outcomes] == [("fetched", str(day)) for day in DAYS]
    assert not list(kitchen.raw.rglob("*.part"))


def test_a_layout_without_a_place_for_months_gets_days(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """A person's own patterns may name daily files alone."""
    kitchen = kitchen_for(
        tmp_path,
        exchange,
        "{market: spot, sources: {binance_1m: ['binance/{market}/{symbol}-1m-{date}.zip']}}",
        "  use: [archive]\n",
    )
    put_month(exchange)
    put_days(exchange, DAYS)

    assert [o.period for o in fetched(kitchen, exchange)] == [str(day) for day in DAYS]


def test_the_api_alone_has_no_months(tmp_path: Path, exchange: FakeExchange) -> None:
    """Days are asked for, as before."""
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [rest]\n")
    exchange.klines["BTCUSDT"] = [row for day in DAYS for row in minutes(day)]

    outcomes = fetched(kitchen, exchange)

    assert [(o.status, o.period) for o in outcomes] == [("fetched", str(day)) for day in DAYS]
