"""Which edge of its bar an ambiguous stamp is, and in which zone it was written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.adapter_suite import DAY, drop, feed_of
from kit.shipped import RULES
from pipeline.clock import MINUTE_US, day_open_us
from pipeline.sources.clean import CleanFeed, read_feed

DAILY, MONTHLY = "binance/fetcher/BTCUSDT_2025-01-02.csv", "binance/spot/BTCUSDT-1m-2025-01.csv"
ROW = "2.5,2.6,2.4,2.5,7"
Read = Callable[..., CleanFeed]


def stamp(minute: int, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """The instant so many minutes after the day's beginning, as text."""
    at = dt.datetime(2025, 1, 2, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
    return at.strftime(form)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a table with such stamps."""

    def reading(stamps: list[str], name: str = DAILY, column: str = "timestamp", **feed: object):
        text = "".join(f"{at},{ROW}\n" for at in stamps)
        data = f"{column},open,high,low,close,volume\n{text}".encode()
        return read_feed(feed_of("binance_1m", **feed), [drop(tmp_path, name, data)], RULES)

    return reading


def minutes(found: CleanFeed) -> list[int]:
    """The minutes of the table, by their opens."""
    opened = found.table["minute_open"].cast("int64").to_pylist()
    return [(at - day_open_us(DAY)) // MINUTE_US for at in opened]


@pytest.mark.parametrize(
    ("name", "stamps", "label", "opens"),
    [
        (DAILY, range(1440), "open, inferred: the first stamp is 00:00", range(1440)),
        (DAILY, range(1, 1440), "open, inferred: the last stamp is 23:59", range(1, 1440)),
        (DAILY, range(2, 1441), "close, inferred: the last stamp is 24:00", range(1, 1440)),
        (DAILY, range(5, 1430), "open, assumed: nothing in the file says", range(5, 1430)),
        (MONTHLY, range(-720, 1440), "open, inferred: the last stamp is 23:59", range(1440)),
        (MONTHLY, range(2881), "open, inferred: the first stamp is 00:00", range(1440)),
        (MONTHLY, range(-1439, 2881), "close, inferred: the last stamp is 24:00", range(1440)),
        (MONTHLY, range(2880, -1440, -1), "close, inferred: the last stamp is 24:00", range(1440)),
    ],
)
def test_the_ends_of_the_whole_file_tell_the_edge(
    read: Read, name: str, stamps: range, label: str, opens: range
) -> None:
    """Of all rows, not of the day's alone; and what nothing tells is said to be assumed."""
    found = read([stamp(m) for m in stamps], name)

    assert found.ledger[0].inferred["label"].startswith(label)
    assert minutes(found) == list(opens)


def test_an_assumed_edge_keeps_the_minute_that_the_other_reading_needs(read: Read) -> None:
    """Read as closes, the stamp of 24:00 is the day's last minute; the file of many days has it."""
    found = read([stamp(m) for m in range(-700, 1700)], MONTHLY)

    assert minutes(found) == list(range(1441))


@pytest.mark.parametrize(
    ("column", "edge", "how"),
    [
        ("timestamp", "close", "close, stated by the configuration"),
        ("open_time", "open", "open, by its name"),
        ("close_time", "close", "close, by its name"),
    ],
)
def test_a_name_says_it_else_the_configuration(
    read: Read, column: str, edge: str, how: str
) -> None:
    """`label` is for names that leave it open."""
    found = read([stamp(m) for m in range(600, 700)], column=column, label="close")

    assert found.ledger[0].inferred["label"] == how
    assert minutes(found)[0] == 600 - (edge == "close")


@pytest.mark.parametrize(
    ("stamps", "label", "how"),
    [
        (range(1440), "close", ", against the file: the first stamp is 00:00"),
        (range(5, 1440), "close", ", against the file: the last stamp is 23:59"),
        (range(5, 1441), "open", ", against the file: the last stamp is 24:00"),
        (range(1440), "open", ""),
        (range(5, 1441), "close", ""),
        (range(600, 700), "close", ""),
    ],
)
def test_a_stated_edge_is_obeyed_and_what_the_file_says_against_it_is_written_beside_it(
    read: Read, stamps: range, label: str, how: str
) -> None:
    """The ledger has both, so that a word in the configuration that is wrong can be seen."""
    found = read([stamp(m) for m in stamps], label=label)

    assert found.ledger[0].inferred["label"] == f"{label}, stated by the configuration{how}"


def test_text_without_a_zone_is_of_the_zone_that_the_configuration_says(read: Read) -> None:
    """UTC where it says none, and the ledger says which; numbers have a zone by themselves."""
    naive = [stamp(m, "%Y-%m-%d %H:%M:%S") for m in range(480, 1440)]
    here, there = read(naive), read(naive, zone="Asia/Shanghai")
    number = read([str(1735776000 + 60 * m) for m in range(480)], zone="Asia/Shanghai")

    assert here.ledger[0].inferred["zone"].startswith("UTC, assumed")
    assert minutes(here)[0] == 480
    assert there.ledger[0].inferred["zone"] == "Asia/Shanghai, stated by the configuration"
    assert minutes(there) == list(range(960))
    assert minutes(number) == list(range(480))
    assert "zone" not in number.ledger[0].inferred


def test_rows_that_a_zone_moves_into_another_day_are_that_days(read: Read) -> None:
    """Counted beside, not rejected: the file was cut by its own midnight."""
    naive = [stamp(m, "%Y-%m-%d %H:%M:%S") for m in range(1440)]
    found = read(naive, zone="Asia/Shanghai")

    assert minutes(found) == list(range(960))
    assert (found.ledger[0].other_days, found.rejects.num_rows) == (480, 0)


@pytest.mark.parametrize("newest_first", [False, True])
def test_the_hour_that_a_clock_shows_twice_is_two_hours(tmp_path: Path, newest_first: bool) -> None:
    """Berlin, 2024-10-27: 02:00 to 02:59 stands twice, the second time an hour later."""
    walls = [f"2024-10-27 {h:02}:{m:02}:00" for h in (1, 2, 2, 3) for m in range(60)]
    rows = [f"{wall},{ROW}\n" for wall in (walls[::-1] if newest_first else walls)]
    data = ("open_time,open,high,low,close,volume\n" + "".join(rows)).encode()
    day = dt.date(2024, 10, 27)
    feed = feed_of("binance_1m", day=day, zone="Europe/Berlin")
    found = read_feed(feed, [drop(tmp_path, "a-2024-10-27.csv", data)], RULES)
    opened = found.table["minute_open"].cast("int64").to_pylist()

    assert [(at - day_open_us(day)) // MINUTE_US for at in opened] == list(range(180))
