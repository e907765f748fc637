"""Tables of klines cut by the dates of another clock: a UTC day stands in the files of two dates."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from kit.support import kitchen_at
from pipeline import arrivals, layout, storage
from pipeline.freshness import graph, stamp
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.freshness.listing import Listing
from pipeline.settings.config import Kitchen
from pipeline.tables import parquet
from pipeline.tasks.job import perform

DAY = dt.date(2025, 1, 2)
STEP = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)
UNIT = Unit("CleanFeed", DAY, "BTCUSDT", "binance_1m")
OPENED = dt.datetime(2024, 12, 31, tzinfo=dt.UTC)
MINUTES = [OPENED + n * MINUTE for n in range(5 * 1440)]
NAME = "binance/fetcher/BTCUSDT_{}.csv"


def row(at: dt.datetime) -> str:
    """What was traded in the minute that opens then; its number tells which it is."""
    number = int((at - OPENED) / MINUTE)
    return f"100,101,99,100.5,{1 + number / 1000:.3f}"


def kitchen_with(root: Path, zone: str | None = None, label: str | None = None) -> Kitchen:
    """A kitchen whose klines are known to be stamped so."""
    known = [f"{k}: {v}" for k, v in (("zone", zone), ("label", label)) if v]
    sources = f", sources: {{binance_1m: {{{', '.join(known)}}}}}" if known else ""
    return kitchen_at(root, f"{{market: spot{sources}}}")


def save(kitchen: Kitchen, dates: list[dt.date], zone: str = "UTC", label: str = "open") -> None:
    """One table a date of the zone's clock, with the stamps that show this date."""
    late = MINUTE if label == "close" else 0 * MINUTE
    walls = [((at + late).astimezone(ZoneInfo(zone)), at) for at in MINUTES]
    for date in dates:
        lines = [f"{wall:%Y-%m-%d %H:%M},{row(at)}" for wall, at in walls if wall.date() == date]
        path = kitchen.raw / NAME.format(date)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(["timestamp,open,high,low,close,volume", *lines]) + "\n")
    layout.forget_listings()


def build(kitchen: Kitchen) -> pa.Table:
    """The day's clean klines, without where they stood."""
    perform(Freshness(kitchen), UNIT, lambda phrase, per_cent: None, [])
    return parquet.read(graph.stored(kitchen, UNIT, "clean")).drop_columns(["file", "line"])


@pytest.fixture
def archive(tmp_path: Path) -> pa.Table:
    """The day from one file of its own."""
    kitchen = kitchen_with(tmp_path / "archive", zone="UTC")
    save(kitchen, [DAY])
    return build(kitchen)


@pytest.mark.parametrize(
    ("zone", "label", "beside"),
    [
        ("Asia/Shanghai", "open", DAY + STEP),
        ("America/New_York", "open", DAY - STEP),
        ("Asia/Kolkata", "close", DAY + STEP),
        ("America/New_York", "close", DAY - STEP),
        (None, "close", DAY + STEP),
    ],
)
def test_a_day_in_the_files_of_two_dates_is_whole(
    tmp_path: Path, archive: pa.Table, zone: str | None, label: str, beside: dt.date
) -> None:
    """Equal to the same rows from one file; the rows of other days are counted beside, none is rejected."""
    kitchen = kitchen_with(tmp_path, zone, label)
    save(kitchen, [DAY - STEP, DAY, DAY + STEP], zone or "UTC", label)
    found = build(kitchen)
    ledger = storage.json_in(graph.stored(kitchen, UNIT, "ledger"))

    assert archive.num_rows == 1440
    assert found.equals(archive)
    assert [entry["path"] for entry in ledger] == [NAME.format(DAY), NAME.format(beside)]
    assert sum(entry["lines"]["used"] for entry in ledger) == 1440
    assert all(entry["lines"]["rejected"] == 0 for entry in ledger)
    assert all(entry["lines"]["read"] + entry["other_days"] == 1440 for entry in ledger)


def test_a_file_of_the_next_date_is_an_input_like_any_other(tmp_path: Path) -> None:
    """Without it its minutes alone are missing; that it came, changed or went away is a reason to run."""
    kitchen = kitchen_with(tmp_path, "Asia/Shanghai")
    save(kitchen, [DAY])
    counts, reasons = [build(kitchen).num_rows], [Freshness(kitchen).reasons(UNIT)]
    later = kitchen.raw / NAME.format(DAY + STEP)
    save(kitchen, [DAY + STEP], "Asia/Shanghai")
    save(kitchen, [DAY], "Asia/Shanghai")
    reasons.append(Freshness(kitchen).reasons(UNIT))
    counts += [build(kitchen).num_rows]
    reasons.append(Freshness(kitchen).reasons(UNIT))
    later.write_text(later.read_text().replace("2025-01-03 00:00,", "2025-01-03 00:00,1"))
    reasons.append(Freshness(kitchen).reasons(UNIT))
    later.unlink()
    layout.forget_listings()
    reasons.append(Freshness(kitchen).reasons(UNIT))

    assert counts == [960, 1440]
    assert reasons[0] == reasons[2] == []
    assert f"raw {NAME.format(DAY + STEP)} is new" in reasons[1]
    assert reasons[3] == [f"raw {NAME.format(DAY + STEP)} changed"]
    assert reasons[4] == [f"raw {NAME.format(DAY + STEP)} is gone"]


def test_a_broken_row_in_the_file_of_the_next_date_is_a_reject(tmp_path: Path) -> None:
    """A row of this day wherever it stands; that file's rows of its own date are not judged here."""
    kitchen = kitchen_with(tmp_path, "Asia/Shanghai")
    save(kitchen, [DAY, DAY + STEP], "Asia/Shanghai")
    later = kitchen.raw / NAME.format(DAY + STEP)
    lines = later.read_text().splitlines()
    for at in (100, 1000):
        lines[at] = lines[at].replace(",101,", ",-1,")
    later.write_text("\n".join(lines) + "\n")
    found = build(kitchen)
    (reject,) = parquet.read(graph.stored(kitchen, UNIT, "rejects")).to_pylist()

    assert found.num_rows == 1439
    assert (reject["file"], reject["line"]) == (NAME.format(DAY + STEP), 101)


def test_rows_of_a_file_that_is_not_cut_so_are_still_another_days(tmp_path: Path) -> None:
    """Where closes are stamped, the last minute of the day before may stand first; nothing else may."""
    kitchen = kitchen_with(tmp_path, label="close")
    save(kitchen, [DAY], label="close")
    path = kitchen.raw / NAME.format(DAY)
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, "2025-01-01 23:00,1,1,1,1,1", *lines]) + "\n")
    build(kitchen)
    (reject,) = parquet.read(graph.stored(kitchen, UNIT, "rejects")).to_pylist()

    assert (reject["line"], reject["code"]) == (2, "C10")


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai"])
def test_a_day_waits_for_the_file_that_has_its_rest(tmp_path: Path, zone: str | None) -> None:
    """Until that is there and at rest; where no zone says that there is one, for nothing."""
    kitchen = kitchen_with(tmp_path, zone)
    day = dt.datetime.now(dt.UTC).date() - STEP
    old = time.time() - 3600
    settled = []
    for date in (day, day + STEP):
        save(kitchen, [date])
        os.utime(kitchen.raw / NAME.format(date), (old, old))
        settled.append(arrivals.is_settled(kitchen, kitchen.symbol("BTCUSDT"), "binance", day))
    later = arrivals.deadline_us(kitchen, "binance", day + STEP)

    assert settled == [zone is None, True]
    assert later > arrivals.deadline_us(kitchen, "binance", day)


def test_a_finished_day_looks_at_the_names_of_the_next_date(tmp_path: Path) -> None:
    """Of the day, and of the last day of a month: a file that comes there is seen."""
    kitchen = kitchen_with(tmp_path, "Asia/Shanghai")
    symbol = kitchen.symbol("BTCUSDT")
    save(kitchen, [DAY - STEP, DAY])
    seen = Listing(str(kitchen.raw))
    day = stamp.day_dependencies(kitchen, seen, [], DAY)
    month = stamp.month_dependencies(kitchen, seen, symbol, DAY.replace(day=1), [])

    assert NAME.format(DAY + STEP) in {f"{prefix}csv" for prefix in day.prefixes}
    assert NAME.format("2025-02-01") in {f"{prefix}csv" for prefix in month.prefixes}


@pytest.mark.parametrize(
    ("zone", "label", "beside"),
    [
        (None, None, []),
        ("UTC", "open", []),
        ("Europe/London", None, []),
        (None, "close", [STEP]),
        ("Asia/Shanghai", "close", [STEP]),
        ("Pacific/Honolulu", "close", [-STEP]),
        ("Pacific/Kiritimati", None, [STEP]),
    ],
)
def test_which_dates_have_rows_of_a_day(
    tmp_path: Path, zone: str | None, label: str | None, beside: list[dt.timedelta]
) -> None:
    """By the dates of its first and last stamp; none without a word of zone or label."""
    kitchen = kitchen_with(tmp_path, zone, label)
    symbol = kitchen.symbol("BTCUSDT")

    assert layout.days_beside(symbol, "binance_1m", DAY) == [DAY + b for b in beside]
    assert layout.days_beside(symbol, "binance_1d", DAY) == []
