"""The exchange's trades on loopback: archives with their checksums, aggregates by id within the budget."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.fake_exchange import Clock, FakeExchange, Fault
from kit.fetch_ground import AFTERNOON, DAY, kitchen_for, minutes, publish, visible
from kit.shipped import RULES
from pipeline.fetch.outcome import Outcome, exit_code
from pipeline.fetch.plan import Request
from pipeline.fetch.run import fetch
from pipeline.layout import raw_files
from pipeline.settings.config import Kitchen
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed

KINDS = ("trades", "aggTrades")
TODAY = dt.date(2025, 1, 3)
LATER = dt.datetime(2025, 2, 20, 15, 0, tzinfo=dt.UTC).timestamp()
JSON = "binance/{}/BTCUSDT-aggTrades-2025-01-02.json"
PART = ".BTCUSDT-aggTrades-2025-01-02.json.part"
PAGES = "aggTrades"


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with FakeExchange(Clock(AFTERNOON)).serving() as exchange:
        exchange.aggregates["BTCUSDT"] = aggregates()
        yield exchange


def aggregates(first: dt.date = DAY, days: int = 3, a_day: int = 2500) -> list[dict[str, Any]]:
    """So many a day, evenly, as the API writes them; ids from 1000 on."""
    start = int(dt.datetime(first.year, first.month, first.day, tzinfo=dt.UTC).timestamp() * 1000)
    return [
        {
            "a": 1000 + n,
            "p": f"{94_000 + n % 7}.10",
            "q": "0.250",
            "f": 2 * n,
            "l": 2 * n + 1,
            "T": start + n * 86_400_000 // a_day,
            "m": n % 3 == 0,
        }
        for n in range(days * a_day)
    ]


def kitchen_of(tmp_path: Path, exchange: FakeExchange, market: str, more: str = "") -> Kitchen:
    """Both kinds of trades, by the API first where it has them."""
    lines = more or "  use: [rest]\n  kinds: [aggTrades]\n"
    return kitchen_for(tmp_path, exchange, f"{{market: {market}}}", lines)


def fetched(
    kitchen: Kitchen, exchange: FakeExchange, day: dt.date = DAY, **more: Any
) -> list[Outcome]:
    """Fetches one day."""
    return fetch(kitchen, Request(first=day, last=day, **more), waiting=exchange.clock.waiting)


def put(exchange: FakeExchange, kind: str, period: str, data: bytes = b"zip") -> str:
    """Publishes an archive of trades of a day or month; returns its address."""
    span = "daily" if len(period) > 7 else "monthly"
    path = f"/data/spot/{span}/{kind}/BTCUSDT/BTCUSDT-{kind}-{period}.zip"
    exchange.put(path, data)
    return path


def pages(exchange: FakeExchange) -> list[str]:
    """What was asked of aggregates."""
    return [path for path, _ in exchange.asked if PAGES in path]


# -- archives


def test_both_archives_come_with_their_checksums(tmp_path: Path, exchange: FakeExchange) -> None:
    """Beside the day's klines, byte for byte, under the archive's names."""
    kitchen = kitchen_of(
        tmp_path, exchange, "spot", "  use: [archive]\n  kinds: [klines, trades, aggTrades]\n"
    )
    publish(exchange, DAY)
    for kind in KINDS:
        put(exchange, kind, str(DAY), kind.encode())

    outcomes = fetched(kitchen, exchange)
    names = [f"binance/spot/BTCUSDT-{kind}-{DAY}.zip" for kind in ("1m", *KINDS)]

    assert [(o.status, o.file) for o in outcomes] == [("fetched", name) for name in names]
    assert visible(kitchen.raw) == sorted([*names, *(f"{name}.CHECKSUM" for name in names)])
    assert (kitchen.raw / names[1]).read_bytes() == b"trades"


def test_klines_alone_are_fetched_by_default(tmp_path: Path, exchange: FakeExchange) -> None:
    """Trades cost a hundred times the bytes: who wants them says so."""
    kitchen = kitchen_of(tmp_path, exchange, "spot", "  use: [archive]\n")
    publish(exchange, DAY)

    assert [o.feed for o in fetched(kitchen, exchange)] == ["binance_1m"]
    assert [o.feed for o in fetched(kitchen, exchange, kinds=KINDS)] == [
        "binance_trades",
        "binance_agg_trades",
    ]


@pytest.mark.parametrize(
    ("what", "value"),
    [
        *(("cut", ""), ("short", ""), ("flip", ""), ("reissue", "")),
        *(("status", "429:7"), ("status", "503:2")),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_an_archive_that_passes_costs_nothing_but_time(
    tmp_path: Path, exchange: FakeExchange, kind: str, what: str, value: str
) -> None:
    """Truncated, damaged, re-issued meanwhile or refused: the file is what the exchange publishes."""
    kitchen = kitchen_of(tmp_path, exchange, "spot", f"  use: [archive]\n  kinds: [{kind}]\n")
    path = put(exchange, kind, str(DAY), b"0123456789" * 900)
    exchange.faults = [Fault(r"\.zip$", what, value)]

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "fetched", outcome
    assert (kitchen.raw / outcome.file).read_bytes() == exchange.files[path]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_checksum_leaves_nothing(tmp_path: Path, exchange: FakeExchange, kind: str) -> None:
    """Twice other bytes than the checksum names: reported, exit 30."""
    kitchen = kitchen_of(tmp_path, exchange, "spot", f"  use: [archive]\n  kinds: [{kind}]\n")
    path = put(exchange, kind, str(DAY))
    exchange.files[path] = b"other"

    (outcome,) = fetched(kitchen, exchange)

    assert (outcome.status, exit_code([outcome])) == ("failed", 30)
    assert "its .CHECKSUM says" in outcome.notes[0]
    assert visible(kitchen.raw) == []


def test_a_reissued_archive_replaces_the_old_one(tmp_path: Path, exchange: FakeExchange) -> None:
    """D01 is mended so, if the exchange ever does; the old file stays aside."""
    kitchen = kitchen_of(tmp_path, exchange, "spot", "  use: [archive]\n  kinds: [trades]\n")
    put(exchange, "trades", str(DAY), b"every row true")
    fetched(kitchen, exchange)
    put(exchange, "trades", str(DAY), b"both sides")

    (outcome,) = fetched(kitchen, exchange)
    (old,) = (kitchen.raw / "binance/spot").glob(".*.zip.[0-9a-f]*.superseded")

    assert outcome.status == "reissued"
    assert (kitchen.raw / outcome.file).read_bytes() == b"both sides"
    assert old.read_bytes() == b"every row true"


def test_the_month_comes_where_a_day_is_missing(tmp_path: Path, exchange: FakeExchange) -> None:
    """Once, for all of its missing days; a day that is there comes by itself."""
    exchange.clock.at = LATER
    kitchen = kitchen_of(tmp_path, exchange, "spot", "  use: [archive]\n  kinds: [trades]\n")
    put(exchange, "trades", "2025-01-02")
    put(exchange, "trades", "2025-01")

    outcomes = fetch(
        kitchen,
        Request(first=DAY - dt.timedelta(days=1), last=DAY + dt.timedelta(days=1)),
        waiting=exchange.clock.waiting,
    )

    assert [(o.status, o.file.rpartition("-trades-")[2]) for o in outcomes] == [
        ("fetched", "2025-01.zip"),
        ("fetched", "2025-01-02.zip"),
        ("unchanged", "2025-01.zip"),
    ]
    assert sum("/monthly/" in path and path.endswith(".zip") for path, _ in exchange.asked) == 1


def test_a_month_that_goes_on_is_not_asked_for(tmp_path: Path, exchange: FakeExchange) -> None:
    """Its archive cannot be there."""
    kitchen = kitchen_of(tmp_path, exchange, "spot", "  use: [archive]\n  kinds: [trades]\n")

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "pending"
    assert not [path for path, _ in exchange.asked if "monthly" in path]


# -- aggregates of the API


@pytest.mark.parametrize("market", ["spot", "futures_um", "futures_cm"])
def test_a_day_comes_page_by_page(tmp_path: Path, exchange: FakeExchange, market: str) -> None:
    """2500 aggregates in three pages, the next ones by id; the first of the next day ends the file."""
    kitchen = kitchen_of(tmp_path, exchange, market)

    (outcome,) = fetched(kitchen, exchange)
    lines = (kitchen.raw / JSON.format(market)).read_text().splitlines()
    rows = [row for line in lines for row in json.loads(line)]

    assert (outcome.status, outcome.file) == ("fetched", JSON.format(market))
    assert rows == exchange.aggregates["BTCUSDT"][:2501]
    assert [path.split("&")[1] for path in pages(exchange)] == [
        *("startTime=1735776000000", "fromId=2000", "fromId=3000")
    ]
    assert visible(kitchen.raw) == [outcome.file]


def test_the_day_reads_as_the_feed(tmp_path: Path, exchange: FakeExchange) -> None:
    """All its rows and one of another day, nothing set aside."""
    kitchen = kitchen_of(tmp_path, exchange, "spot")
    fetched(kitchen, exchange)
    files = raw_files(kitchen, kitchen.symbol("BTCUSDT"), "binance_agg_trades", DAY)
    feed = Feed(
        symbol="BTCUSDT",
        market="spot",
        source="binance_agg_trades",
        vendor_symbol="BTCUSDT",
        day=DAY,
    )
    read = read_feed(feed, files, RULES)

    assert read.parts.num_rows == 2500
    assert read.rejects.num_rows == 0
    assert read.ledger[0].other_days == 1
    assert read.ledger[0].notes["defects"] == {}


def test_a_whole_day_is_not_asked_for_again(tmp_path: Path, exchange: FakeExchange) -> None:
    """Once an aggregate of the next day is there, nothing is sent."""
    kitchen = kitchen_of(tmp_path, exchange, "spot")
    fetched(kitchen, exchange)
    exchange.asked.clear()

    (outcome,) = fetched(kitchen, exchange)

    assert (outcome.status, exchange.asked) == ("unchanged", [])


def test_a_growing_day_grows_from_its_last_id(tmp_path: Path, exchange: FakeExchange) -> None:
    """Each fetch of today asks for what is new alone; the bytes before it stay."""
    kitchen = kitchen_of(tmp_path, exchange, "futures_um")
    path = kitchen.raw / "binance/futures_um/BTCUSDT-aggTrades-2025-01-03.json"
    fetched(kitchen, exchange, TODAY)
    first = path.read_bytes()
    exchange.asked.clear()
    (same,) = fetched(kitchen, exchange, TODAY)
    exchange.clock.at += 3600

    (grown,) = fetched(kitchen, exchange, TODAY)
    rows = [row for line in path.read_text().splitlines() for row in json.loads(line)]

    assert (same.status, grown.status) == ("unchanged", "fetched")
    assert len(pages(exchange)) == 3
    assert path.read_bytes().startswith(first)
    assert rows == [
        r for r in exchange.aggregates["BTCUSDT"][2500:] if r["T"] < exchange.server_ms()
    ]
    assert not list(path.parent.glob(".*"))


def test_a_broken_fetch_goes_on_where_it_was(tmp_path: Path, exchange: FakeExchange) -> None:
    """After the second page the exchange is gone, and the line was torn: only the rest is asked for."""
    kitchen = kitchen_of(tmp_path, exchange, "spot")
    exchange.faults = [Fault("fromId=3000", "status", "403")]
    (broken,) = fetched(kitchen, exchange)
    part = kitchen.raw / "binance/spot" / PART
    with open(part, "ab") as file:
        file.write(b'[{"a":3000,"p":"940')
    there = visible(kitchen.raw)
    exchange.asked.clear()

    (outcome,) = fetched(kitchen, exchange)
    rows = [
        row
        for line in (kitchen.raw / JSON.format("spot")).read_text().splitlines()
        for row in json.loads(line)
    ]

    assert (broken.status, there, outcome.status) == ("failed", [], "fetched")
    assert len(pages(exchange)) == 1
    assert rows == exchange.aggregates["BTCUSDT"][:2501]
    assert not part.exists()


@pytest.mark.parametrize("market", ["futures_um", "futures_cm"])
def test_futures_reach_back_two_days(tmp_path: Path, exchange: FakeExchange, market: str) -> None:
    """An earlier day is refused before anything of it is asked for."""
    kitchen = kitchen_of(tmp_path, exchange, market)
    exchange.clock.at += 86_400

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status in ("pending", "missing")
    assert "the last two days alone; wait for the archive" in outcome.notes[0]
    assert pages(exchange) == []
    assert visible(kitchen.raw) == []


def test_spot_reaches_back_as_far_as_there_are_trades(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """A month later the day still comes whole."""
    kitchen = kitchen_of(tmp_path, exchange, "spot")
    exchange.clock.at = LATER

    assert fetched(kitchen, exchange)[0].status == "fetched"


@pytest.mark.parametrize(("market", "most", "weight"), [("spot", 10, 4), ("futures_um", 40, 20)])
def test_the_budget_is_never_exceeded(
    tmp_path: Path, exchange: FakeExchange, market: str, most: int, weight: int
) -> None:
    """A day of 25 pages: no 60 seconds hold more weight than was allowed, and the exchange never warns."""
    exchange.aggregates["BTCUSDT"] = aggregates(a_day=25_000)
    exchange.weight_limit = most
    kitchen = kitchen_of(
        tmp_path,
        exchange,
        market,
        f"  use: [rest]\n  kinds: [aggTrades]\n  weight_per_minute: {{{market}: {most}}}\n",
    )

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "fetched"
    assert exchange.most_weight() <= most
    assert not exchange.warned
    assert [w for _, w in exchange.weights].count(weight) == 26


@pytest.mark.parametrize(
    ("what", "value", "times"),
    [("status", "500", 3), ("status", "429:30", 2), ("close", "", 2), ("garbage", "", 2)],
)
def test_a_fault_of_the_api_that_passes_costs_nothing_but_time(
    tmp_path: Path, exchange: FakeExchange, what: str, value: str, times: int
) -> None:
    """The day is whole, and every pause that was asked for was kept."""
    kitchen = kitchen_of(tmp_path, exchange, "spot")
    exchange.faults = [Fault(PAGES, what, value, times)]

    (outcome,) = fetched(kitchen, exchange)
    asked = float(value.partition(":")[2] or 0)

    assert outcome.status == "fetched"
    assert sum(pause >= asked for pause in exchange.clock.slept) >= times


def row(**changes: Any) -> dict[str, Any]:
    """The day's first aggregate, changed."""
    return {**aggregates()[0], **changes}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<html>maintenance</html>", "not JSON"),
        ('{"code": 0}', "gave no list"),
        ("[[1]]", "lacks one of"),
        (json.dumps([row(T=1735689600000)]), "not of the time asked for"),
        (json.dumps([row(), row()]), "out of order"),
        (json.dumps([row(p="NaN")]), "no decimal text"),
        (json.dumps([row(q=0.25)]), "no decimal text"),
        (json.dumps([row(m=1)]), "has no side"),
        (json.dumps([row(l=-1)]), "not whole numbers"),
        (json.dumps([row(f=9, l=8)]), "last trade before its first"),
    ],
)
def test_a_page_out_of_form_is_refused(
    tmp_path: Path, exchange: FakeExchange, body: str, says: str
) -> None:
    """Nothing of it reaches the raw folder."""
    kitchen = kitchen_of(tmp_path, exchange, "spot")
    exchange.faults = [Fault(PAGES, "body", body)]

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "failed"
    assert says in outcome.notes[0]
    assert visible(kitchen.raw) == []


def test_a_file_of_another_form_is_kept_aside(tmp_path: Path, exchange: FakeExchange) -> None:
    """What somebody else laid there is replaced by the day, and not lost."""
    kitchen = kitchen_of(tmp_path, exchange, "spot")
    path = kitchen.raw / JSON.format("spot")
    path.parent.mkdir(parents=True)
    path.write_text("mine")

    (outcome,) = fetched(kitchen, exchange)
    (kept,) = path.parent.glob(".*.superseded")

    assert outcome.status == "fetched"
    assert kept.read_text() == "mine"


def test_single_trades_are_the_archives_alone(tmp_path: Path, exchange: FakeExchange) -> None:
    """Asked of the API, the day waits; nothing is sent."""
    kitchen = kitchen_of(tmp_path, exchange, "spot", "  use: [rest]\n  kinds: [trades]\n")

    (outcome,) = fetched(kitchen, exchange)

    assert (outcome.status, exchange.asked) == ("pending", [])
    assert "aggregates alone" in outcome.notes[0]


def test_a_day_without_a_trade_is_pending(tmp_path: Path, exchange: FakeExchange) -> None:
    """Nothing lies there until there is one."""
    exchange.aggregates["BTCUSDT"] = []
    kitchen = kitchen_of(tmp_path, exchange, "spot")

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "pending"
    assert not list(kitchen.raw.rglob("*aggTrades*"))


def test_klines_and_aggregates_share_one_budget(tmp_path: Path, exchange: FakeExchange) -> None:
    """They are asked of one host."""
    exchange.klines["BTCUSDT"] = minutes(DAY)
    exchange.weight_limit = 10
    kitchen = kitchen_of(
        tmp_path,
        exchange,
        "spot",
        "  use: [rest]\n  kinds: [klines, aggTrades]\n  weight_per_minute: {spot: 10}\n",
    )

    assert [o.status for o in fetched(kitchen, exchange)] == ["fetched", "fetched"]
    assert exchange.most_weight() <= 10
    assert not exchange.warned
