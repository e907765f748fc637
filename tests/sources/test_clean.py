"""Several files of a day: fallback, copies, quarantine, the ledger."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest
from test_atas_bars import bar
from test_atas_ticks import tick
from test_binance_klines import kline
from test_rawfile import zstandard

from kit.adapter_suite import drop, feed_of
from kit.shipped import RULES
from pipeline.contracts.ledger import Lines
from pipeline.errors import UnstableInputError
from pipeline.model.limits import Limits
from pipeline.sources.clean import read_feed

DAILY = "binance/spot/BTCUSDT-1m-2025-01-02.csv"
MONTHLY = "binance/spot/BTCUSDT-1m-2025-01.csv"
FETCHED = "binance/fetcher/BTCUSDT_2025-01-02.csv"
FALLBACK = 1 << 11
CONFLICT = 1 << 8


def text(*lines: bytes) -> bytes:
    """Lines as a file."""
    return b"".join(line + b"\n" for line in lines)


def test_beside_a_complete_file_others_are_only_compared(tmp_path: Path) -> None:
    """Values that differ are counted (B08); rows that cannot be used cost nothing, and are noted."""
    files = [
        drop(tmp_path, DAILY, text(*(kline(m) for m in range(1440)))),
        drop(tmp_path, MONTHLY, text(kline(0), kline(1, close="100.6"), b"1,2"), rank=1),
    ]
    found = read_feed(feed_of("binance_1m"), files, RULES)

    assert found.table["file"].to_pylist() == [0] * 1440
    assert found.rejects.num_rows == 0
    assert found.ledger[1].lines == Lines(read=2, used=0, merged=2, rejected=0)
    assert found.ledger[1].notes["defects"] == {"B08": 1}
    assert found.ledger[1].notes["not_needed"] == "1 rows that could not be used"


def test_a_file_of_more_rows_than_klines_have_is_refused(tmp_path: Path) -> None:
    """Equal ones too: a small archive of one row, millions of times."""
    limits = Limits(kline_rows_of_day=1000)
    found = read_feed(
        feed_of("binance_1m"), [drop(tmp_path, DAILY, text(*[kline(0)] * 1001))], RULES, limits
    )

    assert found.table.num_rows == 0
    assert found.rejects["line"].to_pylist() == [0]
    assert "limits.kline_rows_of_day" in found.rejects["reason"][0].as_py()


def test_a_further_file_fills_only_the_gaps(tmp_path: Path) -> None:
    """The preferred file's rows win; the others' are flagged, differences counted (B08)."""
    daily = text(kline(0), kline(1), kline(3))
    monthly = text(kline(-5), kline(0, close="100.6"), kline(1), kline(2), kline(3), kline(4))
    files = [drop(tmp_path, MONTHLY, monthly, rank=1), drop(tmp_path, DAILY, daily)]
    found = read_feed(feed_of("binance_1m"), files, RULES)

    assert found.table["file"].to_pylist() == [0, 0, 1, 0, 1]
    assert found.table["flags"].to_pylist() == [0, 0, FALLBACK, 0, FALLBACK]
    assert found.table["close"].to_pylist()[0] == 100.7
    assert found.ledger[1].lines == Lines(read=5, used=2, merged=3, rejected=0)
    assert found.ledger[1].other_days == 1
    assert found.ledger[1].notes["defects"] == {"B08": 1}


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"quote_volume": "1234.60000000"}, 1),
        ({"count": 8}, 1),
        ({"taker_buy_volume": "2.60000000", "taker_buy_quote_volume": "260.10000000"}, 1),
        ({"taker_buy_quote_volume": "250.20000000", "ignore": 1}, 0),
    ],
)
def test_every_column_of_the_clean_table_is_compared(
    tmp_path: Path, changes: dict[str, Any], differing: int
) -> None:
    """Quote volume, trades and taker volume differ as prices do; what is no column of ours does not."""
    files = [
        drop(tmp_path, DAILY, text(kline(0), kline(1))),
        drop(tmp_path, MONTHLY, text(kline(0), kline(1, **changes)), rank=1),
    ]
    found = read_feed(feed_of("binance_1m"), files, RULES)

    assert found.ledger[1].notes["defects"].get("B08", 0) == differing


def test_only_columns_that_both_files_have_are_compared(tmp_path: Path) -> None:
    """A table of prices and volume does not differ from an archive by what it lacks."""
    table = b"open_time,open,high,low,close,volume\n1735776000000,100.1,101,99.5,100.7,12.345\n"
    files = [drop(tmp_path, DAILY, text(kline(0))), drop(tmp_path, FETCHED, table, rank=1)]
    found = read_feed(feed_of("binance_1m"), files, RULES)

    assert found.ledger[1].lines == Lines(read=1, used=0, merged=1, rejected=0)
    assert "B08" not in found.ledger[1].notes["defects"]


def test_a_minute_in_conflict_may_be_filled(tmp_path: Path) -> None:
    """The preferred file contradicts itself; the other file decides, and the row says so."""
    files = [
        drop(tmp_path, DAILY, text(kline(0), kline(0, close="100.6"))),
        drop(tmp_path, MONTHLY, text(kline(0)), rank=1),
    ]
    found = read_feed(feed_of("binance_1m"), files, RULES)

    assert found.table["flags"].to_pylist() == [FALLBACK | CONFLICT]
    assert found.rejects["code"].to_pylist() == ["B15", "B15"]


def test_a_wrong_checksum_sets_the_file_aside(tmp_path: Path) -> None:
    """One reject of line 0 with the file's digest, no row used, and the next file tried."""
    data = text(kline(0), kline(1))
    files = [drop(tmp_path, DAILY, data), drop(tmp_path, MONTHLY, text(kline(0)), rank=1)]
    drop(tmp_path, DAILY + ".CHECKSUM", b"0" * 64 + b"  " + DAILY.split("/")[-1].encode())
    found = read_feed(feed_of("binance_1m"), files, RULES)
    (row,) = found.rejects.to_pylist()

    assert (row["line"], row["code"], row["raw_bytes"]) == (0, "B03", len(data))
    assert row["raw_sha256"] == hashlib.sha256(data).hexdigest()
    assert found.ledger[0].lines == Lines(read=0, used=0, merged=0, rejected=0)
    assert found.table["flags"].to_pylist() == [FALLBACK]


def test_a_broken_archive_is_one_reject(tmp_path: Path) -> None:
    """Not one of its lines is used, for nobody can say which are whole."""
    data = gzip.compress(text(*(bar(m) for m in range(59))))[:-20]
    file = drop(tmp_path, "atas/bars_1m/B/date=2025-01-02/bars_1m.jsonl.gz", data)
    found = read_feed(feed_of("atas_bars"), [file], RULES)

    assert found.table.num_rows == 0
    assert found.rejects["line"].to_pylist() == [0]
    assert found.ledger[0].sha256 == hashlib.sha256(data).hexdigest()


def test_what_is_no_file_is_one_reject(tmp_path: Path) -> None:
    """A folder of the name stops nothing else."""
    folder = drop(tmp_path, "t/00/ticks.jsonl", b"")
    folder.path.unlink()
    folder.path.mkdir()
    good = drop(tmp_path, "t/01/ticks.jsonl", text(tick(0)))
    found = read_feed(feed_of("atas_ticks"), [folder, good], RULES)

    assert found.table["file"].to_pylist() == [1]
    assert found.ledger[0].sha256 == ""
    assert list(found.stats) == ["t/01/ticks.jsonl"]


@pytest.mark.parametrize("form", ["gz", "zst"])
@pytest.mark.parametrize(("source", "line"), [("atas_bars", bar(0)), ("atas_ticks", tick(0))])
def test_a_compressed_copy_adds_nothing(
    tmp_path: Path, source: str, line: bytes, form: str
) -> None:
    """X.jsonl.gz beside the X.jsonl that it was made of: its lines are merged, not counted twice."""
    data = text(line, line, b"broken")
    pack = {"gz": gzip.compress, "zst": zstandard}[form]
    files = [
        drop(tmp_path, "x.jsonl", data),
        drop(tmp_path, f"x.jsonl.{form}", pack(data), rank=1),
    ]
    alone = read_feed(feed_of(source), files[:1], RULES)
    both = read_feed(feed_of(source), files, RULES)

    assert both.table.equals(alone.table)
    assert both.rejects.equals(alone.rejects)
    assert both.ledger[1].lines == Lines(read=3, used=0, merged=3, rejected=0)
    assert both.ledger[1].notes["same_text_as"] == "x.jsonl"


def test_each_bar_file_begins_a_run(tmp_path: Path) -> None:
    """Runs are numbered through the day's files."""
    files = [
        drop(tmp_path, "a.jsonl", text(bar(0), bar(1), bar(0))),
        drop(tmp_path, "b.jsonl", text(b"", bar(2)), rank=1),
        drop(tmp_path, "c.jsonl", text(bar(3)), rank=2),
    ]
    found = read_feed(feed_of("atas_bars"), files, RULES)

    assert found.table["run"].to_pylist() == [0, 0, 1, 2, 3]


def test_a_file_that_grows_makes_the_feed_pending(tmp_path: Path) -> None:
    """A vanished file is not quietly a day without it."""
    file = drop(tmp_path, DAILY, text(kline(0)))
    file.path.unlink()

    with pytest.raises(UnstableInputError):
        read_feed(feed_of("binance_1m"), [file], RULES)


def test_a_file_of_another_format_is_all_rejects(tmp_path: Path) -> None:
    """Ticks where bars are expected: every line is accounted for, none used."""
    file = drop(tmp_path, "bars_1m.jsonl", text(*(tick(s) for s in range(5))))
    found = read_feed(feed_of("atas_bars"), [file], RULES)

    assert found.table.num_rows == 0
    assert found.ledger[0].lines == Lines(read=5, used=0, merged=0, rejected=5)


@pytest.mark.parametrize("unit", [1_000_000, 1_000, 1])
def test_a_row_of_another_day_is_known_by_its_stamp_alone(tmp_path: Path, unit: int) -> None:
    """In any unit, whatever follows; a row without a stamp goes with the row before it."""
    other = kline(-5, unit).split(b",", maxsplit=1)[0]
    rows = [
        kline(-5, unit),
        b"broken",
        other + b",1,2",
        kline(0, unit),
        b"broken",
        kline(1440, unit),
    ]
    found = read_feed(feed_of("binance_1m"), [drop(tmp_path, MONTHLY, text(*rows))], RULES)

    assert found.ledger[0].lines == Lines(read=2, used=1, merged=0, rejected=1)
    assert found.ledger[0].other_days == 4
    assert found.rejects["line"].to_pylist() == [5]


@pytest.mark.parametrize("stray", [b"[", b"{", b"[1]", b'{"a":'])
def test_a_stray_bracket_before_a_table_costs_its_line(tmp_path: Path, stray: bytes) -> None:
    """The rows behind it are no JSON."""
    file = drop(tmp_path, DAILY, text(stray, stray, kline(0), kline(1)))
    found = read_feed(feed_of("binance_1m"), [file], RULES)

    assert found.table.num_rows == 2
    assert found.rejects["line"].to_pylist() == [1, 2]
