"""Files that do not lie where they should: left-over parts, ticks under another hour or day."""

from __future__ import annotations

from pathlib import Path

from test_atas_bars import bar
from test_atas_ticks import tick

from kit.adapter_suite import drop, feed_of
from kit.shipped import RULES
from kit.support import kitchen_at
from pipeline.contracts.ledger import Lines
from pipeline.layout import input_files, raw_days
from pipeline.model.raw_names import RawPath
from pipeline.sources.clean import read_feed

DAY = "atas/ticks/BTCUSDT/date=2025-01-02"
BARS = "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"


def text(*lines: bytes) -> bytes:
    """Lines as a file."""
    return b"".join(line + b"\n" for line in lines)


def stamped(ts: str) -> bytes:
    """A tick of that instant."""
    return tick(0, ts=f"{ts}.0000000Z")


def beside(file: RawPath) -> RawPath:
    """The file as a neighbour."""
    return RawPath(file.path, file.name, 1000, True)


def test_a_part_alone_is_read_and_named(tmp_path: Path) -> None:
    """The exporter was killed before it renamed: what it wrote is there, its torn end is set aside."""
    file = drop(tmp_path, BARS + ".part", text(bar(0), bar(1)) + bar(2)[:50])
    found = read_feed(feed_of("atas_bars"), [file], RULES)

    assert found.table.num_rows == 2
    assert found.ledger[0].notes["recovered_from_part"] is True
    assert found.ledger[0].notes["defects"]["A14"] == 1
    assert found.rejects["code"].to_pylist() == ["A13"]


def test_a_rewrite_left_beside_its_file_adds_nothing(tmp_path: Path) -> None:
    """It begins as the file does, so all of it is merged."""
    files = [
        drop(tmp_path, BARS, text(bar(0), bar(1))),
        drop(tmp_path, BARS + ".part", text(bar(0), bar(1), bar(2)), rank=2),
    ]
    found = read_feed(feed_of("atas_bars"), files, RULES)

    assert found.table.num_rows == 2
    assert found.ledger[1].lines == Lines(read=3, used=0, merged=3, rejected=0)
    assert found.ledger[1].notes["left_over_of"] == BARS


def test_a_batch_that_was_never_appended_is_used(tmp_path: Path) -> None:
    """V63 keeps the last batch alone in its part; where the file lacks it, it is the only copy."""
    name = DAY + "/00/ticks.jsonl"
    files = [
        drop(tmp_path, name, text(tick(0), tick(1))),
        drop(tmp_path, name + ".part", text(tick(2), tick(3)), rank=2),
    ]
    found = read_feed(feed_of("atas_ticks"), files, RULES)

    assert found.table.num_rows == 4
    assert found.ledger[1].notes["batch_not_in"] == name


def test_a_batch_that_was_appended_is_not_used_twice(tmp_path: Path) -> None:
    """Equal ticks without an id are legal, yet this block is the end of the file."""
    name = DAY + "/00/ticks.jsonl"
    files = [
        drop(tmp_path, name, text(tick(0), tick(1), tick(2))),
        drop(tmp_path, name + ".part", text(tick(1), tick(2)), rank=2),
    ]
    found = read_feed(feed_of("atas_ticks"), files, RULES)

    assert found.table.num_rows == 3
    assert found.ledger[1].lines.merged == 2


def test_ticks_of_another_hour_are_used_and_counted(tmp_path: Path) -> None:
    """The stamp is the truth, the folder is not."""
    lines = text(stamped("2025-01-02T04:59:59"), stamped("2025-01-02T05:00:01"))
    found = read_feed(
        feed_of("atas_ticks"), [drop(tmp_path, DAY + "/04/ticks.jsonl", lines)], RULES
    )

    assert found.table.num_rows == 2
    assert found.ledger[0].notes["defects"]["A16"] == 1


def test_ticks_that_spilled_over_midnight_are_read_with_their_day(tmp_path: Path) -> None:
    """Left to the next day where they lie, found there by the next day, never lost nor used twice."""
    late = text(stamped("2025-01-02T23:59:59"), b"garbage", stamped("2025-01-03T00:00:00"))
    file = drop(tmp_path, DAY + "/23/ticks.jsonl", late)
    own = read_feed(feed_of("atas_ticks"), [file], RULES)
    (next_day,) = {feed_of("atas_ticks").day.replace(day=3)}
    other = read_feed(feed_of("atas_ticks", day=next_day), [beside(file)], RULES)

    assert own.ledger[0].lines == Lines(read=2, used=1, merged=0, rejected=1)
    assert own.ledger[0].other_days == 1
    assert other.ledger[0].lines == Lines(read=1, used=1, merged=0, rejected=0)
    assert (own.table.num_rows, other.table.num_rows) == (1, 1)
    assert other.ledger[0].notes["defects"]["A16"] == 1


def test_a_tick_of_another_day_in_the_middle_is_set_aside(tmp_path: Path) -> None:
    """No other day looks for it at noon."""
    lines = text(stamped("2025-01-02T12:00:00"), stamped("2025-01-03T12:00:00"))
    found = read_feed(
        feed_of("atas_ticks"), [drop(tmp_path, DAY + "/12/ticks.jsonl", lines)], RULES
    )

    assert found.rejects["code"].to_pylist() == ["A16"]


def test_a_neighbour_without_rows_of_the_day_leaves_no_trace_but_its_digest(tmp_path: Path) -> None:
    """So that a late neighbour changes nothing, and yet is known to have been looked at."""
    own = drop(tmp_path, DAY + "/00/ticks.jsonl", text(tick(0)))
    other = drop(tmp_path, DAY.replace("-02", "-01") + "/23/ticks.jsonl", b"nothing\n")
    alone = read_feed(feed_of("atas_ticks"), [own], RULES)
    both = read_feed(feed_of("atas_ticks"), [own, beside(other)], RULES)

    assert both.table.equals(alone.table)
    assert both.ledger == alone.ledger
    assert set(both.digests) == {own.name, other.name}


def test_a_folder_called_date_in_braces_is_read_by_each_day(tmp_path: Path) -> None:
    """One exporter forgot to fill in the date: its ticks go by their stamps."""
    kitchen = kitchen_at(tmp_path, "{market: spot}")
    symbol = kitchen.symbol("BTCUSDT")
    lines = text(stamped("2025-01-02T05:00:00"), stamped("2025-01-03T05:00:00"))
    drop(tmp_path / "data/raw", "atas/ticks/BTCUSDT/date={date}/05/ticks.jsonl", lines)
    days = sorted(raw_days(kitchen, symbol, "atas_ticks"))

    assert [day.isoformat() for day in days] == ["2025-01-02", "2025-01-03"]
    for day in days:
        files = input_files(kitchen, symbol, "atas_ticks", day)
        found = read_feed(feed_of("atas_ticks", day=day), files, RULES)
        assert found.table.num_rows == 1
        assert found.ledger[0].notes["defects"]["A16"] == 1


def test_a_checksum_file_is_an_input(tmp_path: Path) -> None:
    """A corrected one alone makes the feed another."""
    kitchen = kitchen_at(tmp_path, "{market: spot}")
    name = "binance/spot/BTCUSDT-1m-2025-01-02.zip"
    for each in (name, name + ".CHECKSUM"):
        drop(tmp_path / "data/raw", each, b"x")
    found = input_files(kitchen, kitchen.symbol("BTCUSDT"), "binance_1m", feed_of("x").day)

    assert [file.name for file in found] == [name, name + ".CHECKSUM"]
