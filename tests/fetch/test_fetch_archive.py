"""Archives against the exchange on loopback: every file ends right, or is reported and not there."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.fake_exchange import Clock, FakeExchange, Fault
from kit.fetch_ground import AFTERNOON, DAY, archive_path, kitchen_for, publish, visible
from pipeline.errors import ConfigError
from pipeline.fetch.outcome import Outcome, exit_code
from pipeline.fetch.plan import Request
from pipeline.fetch.run import fetch
from pipeline.layout import raw_days, raw_files
from pipeline.settings.config import Kitchen

THE_ZIP = r"\.zip$"
ZIP = "binance/spot/BTCUSDT-1m-2025-01-02.zip"


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    with FakeExchange(Clock(AFTERNOON)).serving() as exchange:
        yield exchange


@pytest.fixture
def kitchen(tmp_path: Path, exchange: FakeExchange) -> Kitchen:
    return kitchen_for(tmp_path, exchange, more="  use: [archive]\n")


def fetched(
    kitchen: Kitchen, exchange: FakeExchange, days: int = 1, recheck: bool = False
) -> list[Outcome]:
    """Fetches the days up to DAY."""
    request = Request(first=DAY - dt.timedelta(days=days - 1), last=DAY, recheck=recheck)
    return fetch(kitchen, request, waiting=exchange.clock.waiting)


def test_an_archive_comes_with_its_checksum(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """Zip and checksum lie among the raw files, byte for byte, and nothing else does."""
    data = publish(exchange, DAY)

    (outcome,) = fetched(kitchen, exchange)

    assert (outcome.status, outcome.file, outcome.bytes) == ("fetched", ZIP, len(data))
    assert (kitchen.raw / ZIP).read_bytes() == data
    assert visible(kitchen.raw) == [ZIP, f"{ZIP}.CHECKSUM"]
    assert not list(kitchen.raw.rglob("*.part"))


def test_ten_connections_serve_forty_days(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """Connections are used again, but for one that lay idle; days come in their order."""
    days = [DAY - dt.timedelta(days=back) for back in reversed(range(40))]
    for day in days:
        publish(exchange, day)

    outcomes = fetched(kitchen, exchange, days=40)

    assert [(o.period, o.status) for o in outcomes] == [(str(day), "fetched") for day in days]
    assert len(exchange.asked) == 80 + 1  # December is asked for as a month first
    assert exchange.connections <= 20


@pytest.mark.parametrize(
    ("what", "value", "times"),
    [
        ("status", "500", 3),
        ("status", "503:2", 2),
        ("status", "429:7", 2),
        ("status", "418:120", 1),
        ("close", "", 2),
        ("garbage", "", 2),
        ("cut", "", 4),
        ("flip", "", 1),
        ("short", "", 1),
        ("drip", "", 1),
        ("other_range", "", 2),
        ("reissue", "", 1),
    ],
)
def test_a_fault_that_passes_costs_nothing_but_time(
    kitchen: Kitchen, exchange: FakeExchange, what: str, value: str, times: int
) -> None:
    """The file is what the exchange publishes, whatever happened on the way."""
    publish(exchange, DAY)
    exchange.faults = [Fault(THE_ZIP, what, value, times)]

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "fetched", outcome
    assert (kitchen.raw / ZIP).read_bytes() == exchange.files[archive_path(DAY)]
    assert visible(kitchen.raw) == [ZIP, f"{ZIP}.CHECKSUM"]


@pytest.mark.parametrize(
    ("what", "value", "says"),
    [
        ("status", "500", "HTTP 500, tried 5 times"),
        ("status", "403", "HTTP 403"),
        ("status", "451", "HTTP 451"),
        ("status", "418:259200", "leave it alone until 2025-01-06T15:00:00Z"),
        ("close", "", "tried 5 times"),
        ("flip", "", "twice"),
        ("short", "", "twice"),
        ("endless", "", "more than 1000000 bytes"),
        ("gzip", "", "sent compressed"),
        ("redirect", "http://127.0.0.1:9/elsewhere", "not on an allowed host"),
        ("redirect", "http://169.254.169.254/latest/meta-data", "not https"),
        ("redirect", "https://169.254.169.254/latest/meta-data", "link-local"),
        ("redirect", "file:///etc/passwd", "not https"),
        ("redirect", "/data/again", "redirects"),
    ],
)
def test_a_fault_that_stays_is_reported_and_leaves_nothing(
    tmp_path: Path, exchange: FakeExchange, what: str, value: str, says: str
) -> None:
    """One sentence, exit 30, and no raw file."""
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n  archive_bytes: 1000000\n")
    publish(exchange, DAY)
    match = "/data/" if what == "redirect" else THE_ZIP
    exchange.faults = [Fault(match, what, value, 10_000)]

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "failed"
    assert says in outcome.notes[0]
    assert exit_code([outcome]) == 30
    assert visible(kitchen.raw) == []


def test_a_cut_download_goes_on_where_it_ended(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """The second try asks for the rest alone."""
    data = publish(exchange, DAY)
    exchange.faults = [Fault(THE_ZIP, "cut")]

    fetched(kitchen, exchange)
    ranges = [wanted for path, wanted in exchange.asked if path.endswith(".zip")]

    assert ranges == [None, f"bytes={len(data) // 2}-"]
    assert (kitchen.raw / ZIP).read_bytes() == data


def test_a_download_goes_on_in_the_next_run(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """What came before the run gave up is not asked for again, and was never visible."""
    data = publish(exchange, DAY)
    exchange.faults = [Fault(THE_ZIP, "cut", times=5)]
    (first,) = fetched(kitchen, exchange)
    before = visible(kitchen.raw)
    (part,) = (kitchen.raw / "binance/spot").glob(".*.part")
    have = part.stat().st_size

    (second,) = fetched(kitchen, exchange)

    assert (first.status, before, second.status) == ("failed", [], "fetched")
    assert exchange.asked[-1] == (archive_path(DAY), f"bytes={have}-")
    assert have > len(data) * 0.9
    assert (kitchen.raw / ZIP).read_bytes() == data


def test_a_file_that_is_there_costs_one_small_request(
    kitchen: Kitchen, exchange: FakeExchange
) -> None:
    """Only the checksum is asked for while the day is young, nothing at all later."""
    publish(exchange, DAY)
    fetched(kitchen, exchange)
    exchange.asked.clear()

    (young,) = fetched(kitchen, exchange)
    young_asked = [path for path, _ in exchange.asked]
    exchange.clock.at += 30 * 86_400
    exchange.asked.clear()
    (old,) = fetched(kitchen, exchange)

    assert (young.status, young_asked) == ("unchanged", [f"{archive_path(DAY)}.CHECKSUM"])
    assert (old.status, exchange.asked) == ("unchanged", [])


def test_a_reissued_archive_replaces_the_old_one_which_is_kept(
    kitchen: Kitchen, exchange: FakeExchange
) -> None:
    """New bytes under the name, the old ones beside it under a name that no run reads."""
    old = publish(exchange, DAY)
    fetched(kitchen, exchange)
    new = publish(exchange, DAY, price=80_000.0)

    (outcome,) = fetched(kitchen, exchange)
    kept = (kitchen.raw / ZIP).with_name(
        f".BTCUSDT-1m-2025-01-02.zip.{hashlib.sha256(old).hexdigest()[:8]}.superseded"
    )

    assert outcome.status == "reissued"
    assert (kitchen.raw / ZIP).read_bytes() == new
    assert kept.read_bytes() == old
    assert (kitchen.raw / f"{ZIP}.CHECKSUM").read_bytes() == exchange.files[
        f"{archive_path(DAY)}.CHECKSUM"
    ]
    assert [f.name for f in raw_files(kitchen, kitchen.symbol("BTCUSDT"), "binance_1m", DAY)] == [
        ZIP
    ]


def test_an_old_reissue_is_found_when_asked_for(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """--recheck looks at days of any age."""
    publish(exchange, DAY)
    fetched(kitchen, exchange)
    publish(exchange, DAY, price=80_000.0)
    exchange.clock.at += 300 * 86_400

    assert [o.status for o in fetched(kitchen, exchange)] == ["unchanged"]
    assert [o.status for o in fetched(kitchen, exchange, recheck=True)] == ["reissued"]


def test_a_checksum_that_is_not_there_is_brought(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """A run that ended between zip and checksum is made good, however old the day."""
    publish(exchange, DAY)
    fetched(kitchen, exchange)
    (kitchen.raw / f"{ZIP}.CHECKSUM").unlink()
    exchange.clock.at += 300 * 86_400

    assert [o.status for o in fetched(kitchen, exchange)] == ["unchanged"]
    assert visible(kitchen.raw) == [ZIP, f"{ZIP}.CHECKSUM"]


def test_a_file_that_the_archive_no_longer_has_stays(
    kitchen: Kitchen, exchange: FakeExchange
) -> None:
    """It is told, and costs nothing."""
    publish(exchange, DAY)
    fetched(kitchen, exchange)
    exchange.files.clear()

    (outcome,) = fetched(kitchen, exchange)

    assert (outcome.status, outcome.notes) == ("unchanged", ("the archive does not have it",))
    assert visible(kitchen.raw) == [ZIP, f"{ZIP}.CHECKSUM"]


def test_parts_and_superseded_files_are_no_raw_files(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """Not even to a pattern that takes any name."""
    kitchen = kitchen_for(
        tmp_path,
        exchange,
        more='sources: {binance_1m: ["binance/{market}/*{symbol}-1m-{date}.zip*"]}\n',
    )
    folder = kitchen.raw / "binance/spot"
    folder.mkdir(parents=True)
    for end in ("0123abcd.part", "0123abcd.superseded"):
        (folder / f".BTCUSDT-1m-2025-01-02.zip.{end}").write_bytes(b"half")
    symbol = kitchen.symbol("BTCUSDT")

    assert raw_files(kitchen, symbol, "binance_1m", DAY) == []
    assert raw_days(kitchen, symbol, "binance_1m") == frozenset()


def test_a_layout_without_a_place_for_archives_is_told_before_any_request(
    tmp_path: Path, exchange: FakeExchange
) -> None:
    """What no pattern finds would be fetched for nothing."""
    kitchen = kitchen_for(tmp_path, exchange, more='sources: {binance_1m: ["mine/{date}.csv"]}\n')

    with pytest.raises(ConfigError, match="none of its patterns finds"):
        fetched(kitchen, exchange)

    assert exchange.asked == []


def test_not_published_is_pending_until_the_deadline(
    kitchen: Kitchen, exchange: FakeExchange
) -> None:
    """404 is exit 20 while the archive may still come, 30 once its deadline has passed."""
    before = fetched(kitchen, exchange)
    exchange.clock.at += 3 * 86_400
    after = fetched(kitchen, exchange)

    assert (before[0].status, exit_code(before)) == ("pending", 20)
    assert (after[0].status, exit_code(after)) == ("missing", 30)
    assert exit_code(after, missing_is_pending=True) == 20
    assert visible(kitchen.raw) == []


def test_a_checksum_without_its_zip_is_pending(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """The two are published one after the other."""
    publish(exchange, DAY)
    del exchange.files[archive_path(DAY)]

    assert [o.status for o in fetched(kitchen, exchange)] == ["pending"]
    assert visible(kitchen.raw) == []


def test_a_ban_is_remembered_by_the_next_run(kitchen: Kitchen, exchange: FakeExchange) -> None:
    """Nothing is asked before the ban ends, and everything works after it."""
    publish(exchange, DAY)
    exchange.faults = [Fault("/data/", "status", "418:7200")]
    fetched(kitchen, exchange)
    asked = len(exchange.asked)

    (banned,) = fetched(kitchen, exchange)
    asked_while_banned = len(exchange.asked) - asked
    exchange.clock.at += 7200
    (free,) = fetched(kitchen, exchange)

    assert (asked, asked_while_banned) == (1, 0)
    assert "left alone until 2025-01-03T17:00:00Z" in banned.notes[0]
    assert free.status == "fetched"


def test_an_exchange_that_is_down_is_not_asked_for_every_day(
    kitchen: Kitchen, exchange: FakeExchange
) -> None:
    """After three requests that got no answer the run ends; when it is back, all days come.

    What is under way on the other connections then ends with its next try.
    """
    for back in range(30):
        publish(exchange, DAY - dt.timedelta(days=back))
    exchange.faults = [Fault("", "close", times=10_000)]
    down = fetched(kitchen, exchange, days=30)
    asked = len(exchange.asked)
    exchange.faults.clear()
    exchange.clock.at += 6 * 3600

    back = fetched(kitchen, exchange, days=30)

    assert {o.status for o in down} == {"failed"}
    assert (
        asked <= (10 + 2) * 5 * 2
    )  # tries, and the client's own one on a connection that had gone away
    assert {o.status for o in back} == {"fetched"}


def test_silence_ends_a_try(tmp_path: Path, exchange: FakeExchange) -> None:
    """A side that says nothing is left after timeout_seconds."""
    kitchen = kitchen_for(tmp_path, exchange, more="  use: [archive]\n  timeout_seconds: 0.2\n")
    publish(exchange, DAY)
    exchange.faults = [Fault("/data/", "hang", "0.6", 1)]

    (outcome,) = fetched(kitchen, exchange)

    assert outcome.status == "fetched"
