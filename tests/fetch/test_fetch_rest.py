"""Klines from the API on loopback: whole days, ended minutes only, never above the budget."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import random
import zipfile
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
from pipeline.model.raw_names import RawPath
from pipeline.settings.config import Kitchen
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.protocol import Feed

CSV = "binance/spot/BTCUSDT-1m-2025-01-02.csv"
KLINES = "klines"


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with FakeExchange(Clock(AFTERNOON)).serving() as exchange:
        exchange.klines["BTCUSDT"] = minutes(DAY)
        yield exchange


@pytest.fixture
def kitchen(tmp_path: Path, exchange: FakeExchange) -> Kitchen:
    return kitchen_for(tmp_path, exchange, more="  use: [rest]\n")


def fetched(
    kitchen: Kitchen, exchange: FakeExchange, day: dt.date = DAY, **more: Any
) -> list[Outcome]:
    """Fetches one day."""
    return fetch(kitchen, Request(first=day, last=day, **more), waiting=exchange.clock.waiting)


def read(kitchen: Kitchen, market: str, files: list[RawPath], day: dt.date = DAY) -> CleanFeed:
    """The day as the kitchen reads it."""
    feed = Feed(
        symbol="BTCUSDT", market=market, source="binance_1m", vendor_symbol="BTCUSDT", day=day
    )
    return read_feed(feed, files, RULES)


@pytest.mark.parametrize("market", ["spot", "futures_um"])
def test_a_fetched_day_reads_as_the_archive_does(
    real_data: Path, tmp_path: Path, exchange: FakeExchange, market: str
) -> None:
    """The real day, served as the API writes it, gives the archive's table value for value."""
    real = real_data / "btcusdt-2025-01-02/binance" / market / "BTCUSDT-1m-2025-01-02.zip"
    exchange.klines["BTCUSDT"] = _as_api(real)
    kitchen = kitchen_for(tmp_path, exchange, f"{{market: {market}}}", "  use: [rest]\n")
    name = f"binance/{market}/BTCUSDT-1m-2025-01-02.csv"

    (outcome,) = fetched(kitchen, exchange)
    mine = read(kitchen, market, [RawPath(kitchen.raw / name, name, 0)])
    theirs = read(kitchen, market, [RawPath(real, real.name, 0)])

    assert (outcome.status, outcome.file) == ("fetched", name)
    assert mine.table.num_rows == 1440
    assert mine.rejects.num_rows == 0
    assert mine.table.drop_columns(["file", "line"]).equals(
        theirs.table.drop_columns(["file", "line"])
    )


def _as_api(archive: Path) -> list[list[Any]]:
    """An archive's rows as the API gives them: times in ms, count whole, the rest text."""
    with zipfile.ZipFile(archive) as file:
        (name,) = file.namelist()
        rows = list(csv.reader(io.StringIO(file.read(name).decode())))
    rows = [row for row in rows if row[0].isdigit()]
    return [
        [int(v) if i == 8 else int(v[:13]) if i in (0, 6) else v for i, v in enumerate(row)]
        for row in rows
    ]


def test_spot_needs_two_pages_and_no_more(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """1000 rows and 440, each page from the minute after the last one."""
    fetched(kitchen, exchange)
    pages = [path for path, _ in exchange.asked if KLINES in path]

    assert len(pages) == 2
    assert "startTime=1735835999999" not in pages[1]
    assert f"startTime={1735776000000 + 1000 * 60_000}" in pages[1]


def test_short_pages_are_asked_on(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """A server that gives fewer rows than asked for ends no day early."""
    exchange.most_rows = 100

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "fetched"
    assert len((kitchen.raw / CSV).read_text().splitlines()) == 1441


def test_a_suspended_market_has_no_rows_and_costs_no_loop(
    kitchen: Kitchen, exchange: FakeExchange
) -> None:
    """Minutes that are not there stay missing; after the last row one empty page is asked for."""
    exchange.klines["BTCUSDT"] = minutes(DAY)[:200] + minutes(DAY)[300:1400]

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "fetched"
    assert len((kitchen.raw / CSV).read_text().splitlines()) == 1301
    assert sum(KLINES in path for path, _ in exchange.asked) == 3


def test_the_forming_minute_is_left_out_by_the_exchange_clock(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """At 15:00:20 by the exchange the day has 900 minutes, though this machine is 20 s behind."""
    today = dt.date(2025, 1, 3)
    exchange.klines["BTCUSDT"] = minutes(today)
    exchange.clock_ahead = 20.0
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive, rest]\n")

    (outcome,) = fetched(kitchen, exchange, today)
    lines = (kitchen.raw / "binance/spot/BTCUSDT-1m-2025-01-03.csv").read_text().splitlines()

    assert outcome.source == "rest"
    assert len(lines) == 1 + 900
    assert lines[-1].startswith(f"{int(AFTERNOON * 1000) - 60_000},")


def test_a_growing_day_grows_and_keeps_no_copies(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """Each fetch of today has the minutes ended since; unchanged bytes are not written again."""
    today = dt.date(2025, 1, 3)
    exchange.klines["BTCUSDT"] = minutes(today)
    path = kitchen.raw / "binance/spot/BTCUSDT-1m-2025-01-03.csv"
    fetched(kitchen, exchange, today)
    before = path.stat()
    (same,) = fetched(kitchen, exchange, today)
    untouched = path.stat().st_ino == before.st_ino
    exchange.clock.at += 600

    (grown,) = fetched(kitchen, exchange, today)

    assert (same.status, untouched, grown.status) == ("unchanged", True, "fetched")
    assert len(path.read_text().splitlines()) == 1 + 910
    assert visible(kitchen.raw) == ["binance/spot/BTCUSDT-1m-2025-01-03.csv"]
    assert not list(kitchen.raw.rglob("*.superseded"))


def test_a_whole_day_is_not_asked_for_again(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """Once the day's last minute is there, nothing is sent."""
    fetched(kitchen, exchange)
    exchange.asked.clear()

    (outcome,) = fetched(kitchen, exchange)

    assert (outcome.status, exchange.asked) == ("unchanged", [])


def test_the_archive_takes_over_when_it_appears(tmp_path: Path, exchange: FakeExchange) -> None:
    """The API fills in until then; afterwards the zip comes first and the CSV stays as fallback."""
    kitchen = kitchen_for(tmp_path, exchange)
    (first,) = fetched(kitchen, exchange)
    publish(exchange, DAY)

    (second,) = fetched(kitchen, exchange)
    files = raw_files(kitchen, kitchen.symbol("BTCUSDT"), "binance_1m", DAY)

    assert (first.source, first.status) == ("rest", "fetched")
    assert "not published" in first.notes[0]
    assert (second.source, second.status) == ("archive", "fetched")
    assert [Path(file.name).suffix for file in files] == [".zip", ".csv"]


def test_the_budget_is_never_exceeded(tmp_path: Path, exchange: FakeExchange) -> None:
    """Six days of three symbols at 40 a minute: no 60 seconds hold more, and the exchange never warns."""
    names = ("BTCUSDT", "ETHUSDT", "BNBUSDT")
    for name in names:
        exchange.klines[name] = [row for n in range(6) for row in minutes(DAY - dt.timedelta(n))]
        exchange.klines[name].sort()
    kitchen = kitchen_for(
        tmp_path,
        exchange,
        dict.fromkeys(names, "{market: futures_um}"),
        "  use: [rest]\n  weight_per_minute: {futures_um: 40}\n",
    )
    exchange.weight_limit = 40

    request = Request(first=DAY - dt.timedelta(days=5), last=DAY)
    outcomes = fetch(kitchen, request, waiting=exchange.clock.waiting)

    assert {o.status for o in outcomes} == {"fetched"}
    assert len(outcomes) == 18
    assert exchange.most_weight() <= 40
    assert not exchange.warned
    assert exchange.clock.at - AFTERNOON >= 18 * 11 / 40 * 60 - 120


def test_weight_that_others_spend_is_counted(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """A neighbour behind the same address has used most of the minute: this run waits for the next one."""
    exchange.weight_limit = 3000
    exchange.weights.append((AFTERNOON, 2999))

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "fetched"
    assert exchange.clock.at - AFTERNOON >= 60
    assert exchange.most_weight() <= 3000


@pytest.mark.parametrize(
    ("what", "value", "times"),
    [
        ("status", "500", 3),
        ("status", "429:30", 2),
        ("status", "418:120", 1),
        ("close", "", 2),
        ("garbage", "", 2),
    ],
)
def test_a_fault_that_passes_costs_nothing_but_time(
    kitchen: Kitchen, exchange: FakeExchange, what: str, value: str, times: int
) -> None:
    """The day is whole, and every pause that was asked for was kept."""
    exchange.faults = [Fault(KLINES, what, value, times)]

    (outcome,) = fetched(kitchen, exchange)
    asked = float(value.partition(":")[2] or 0)

    assert outcome.status == "fetched"
    assert len((kitchen.raw / CSV).read_text().splitlines()) == 1441
    assert sum(pause >= asked for pause in exchange.clock.slept) >= times


def row(**changes: Any) -> list[Any]:
    """The day's first kline, with fields changed by place."""
    first = minutes(DAY)[0]
    for place, value in changes.items():
        first[int(place[1:])] = value
    return first


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<html>maintenance</html>", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"code": 0}', "gave no list"),
        ("[[1735776000000]]", "not a list of 12"),
        (json.dumps([row(_0=1735776000001)]), "off the grid"),
        (json.dumps([row(_0=1735689600000)]), "not of the time asked for"),
        (json.dumps([row(), row()]), "out of order"),
        (json.dumps([row(_6=1735776059998)]), "does not end with its minute"),
        (json.dumps([row(_1="1,5\n")]), "no decimal text"),
        (json.dumps([row(_1="NaN")]), "no decimal text"),
        (json.dumps([row(_1="１.５")]), "no decimal text"),
        (json.dumps([row(_8=True)]), "not whole numbers"),
    ],
)
def test_a_reply_out_of_form_is_refused_whole(
    kitchen: Kitchen, exchange: FakeExchange, body: str, says: str
) -> None:
    """Nothing of it reaches the raw folder."""
    exchange.faults = [Fault(KLINES, "body", body)]

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "failed"
    assert says in outcome.notes[0]
    assert visible(kitchen.raw) == []


def test_a_symbol_that_the_exchange_does_not_know(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """Its answer is told, and it is asked once."""
    exchange.klines.clear()

    (outcome,) = fetched(kitchen, exchange)

    assert "Invalid symbol" in outcome.notes[0]
    assert exit_code([outcome]) == 30
    assert sum(KLINES in path for path, _ in exchange.asked) == 1


@pytest.mark.parametrize("ahead", [-120.0, 120.0])
def test_a_wrong_clock_is_named(kitchen: Kitchen, exchange: FakeExchange, ahead: float) -> None:
    """Two minutes apart, the forming minute and every deadline would be wrong."""
    exchange.clock_ahead = ahead

    (outcome,) = fetched(kitchen, exchange)

    assert "set this machine's clock" in outcome.notes[0]
    assert visible(kitchen.raw) == []


def test_a_day_without_an_ended_minute_is_pending(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """Just after midnight there is nothing to fetch yet."""
    exchange.clock.at = dt.datetime(2025, 1, 2, 0, 0, 30, tzinfo=dt.UTC).timestamp()

    (outcome,) = fetched(kitchen, exchange)

    assert (outcome.status, exit_code([outcome])) == ("pending", 20)


def test_history_that_changed_is_kept_aside(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """Asked again, the exchange tells another day: the new one counts, the old one is not lost."""
    fetched(kitchen, exchange)
    old = (kitchen.raw / CSV).read_bytes()
    exchange.klines["BTCUSDT"] = minutes(DAY, price=80_000.0)

    (outcome,) = fetched(kitchen, exchange, recheck=True)
    (kept,) = (kitchen.raw / "binance/spot").glob(".*.superseded")

    assert outcome.status == "fetched"
    assert kept.read_bytes() == old
    assert (kitchen.raw / CSV).read_bytes() != old


@pytest.mark.parametrize("seed", range(3))
def test_a_storm_of_faults_leaves_whole_days_within_the_budget(tmp_path: Path, seed: int) -> None:
    """Half of all requests fail in some way: a day is there whole, or reported and not there."""
    draw, exchange = random.Random(seed), FakeExchange(Clock(AFTERNOON))
    days = [DAY - dt.timedelta(days=n) for n in range(5)]
    exchange.klines["BTCUSDT"] = sorted(row for day in days for row in minutes(day))
    kitchen = kitchen_for(
        tmp_path, exchange, more="  use: [rest]\n  weight_per_minute: {spot: 10}\n  attempts: 4\n"
    )
    storm = [
        ("status", "500"),
        ("status", "429:5"),
        ("close", ""),
        ("garbage", ""),
        ("body", "<p>"),
    ]
    exchange.fault_for = lambda path: (  # type: ignore[method-assign]
        Fault("", *draw.choice(storm)) if draw.random() < 0.5 else None
    )

    with exchange.serving():
        outcomes = fetch(
            kitchen, Request(first=days[-1], last=days[0]), waiting=exchange.clock.waiting
        )

    for outcome in outcomes:
        path = kitchen.raw / f"binance/spot/BTCUSDT-1m-{outcome.period}.csv"
        assert (outcome.status == "fetched") == path.exists()
        assert not path.exists() or len(path.read_text().splitlines()) == 1441
    assert exchange.most_weight() <= 10
