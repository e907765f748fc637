"""Some hundreds of odd lines, each put into an otherwise good day: it alone is used or set aside."""

from __future__ import annotations

import datetime as dt
import json
import math
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pyarrow.compute as pc
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_atas_bars import bar
from test_atas_ticks import tick

from kit.adapter_suite import DAY, drop, feed_of
from kit.odd_lines import GOOD, odd_lines
from kit.shipped import RULES
from kit.support import kitchen_at, xrpeth_raw
from kit.whole_day import whole_day
from pipeline.alignment.merge import merge_runs
from pipeline.contracts.ledger import Lines
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.sources.clean import CleanFeed, read_feed

LINES = list(odd_lines())
NAME = "atas/ticks/BTCUSDT/date=2025-01-02/ticks.jsonl"
BARS = "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"
TICKS = [tick(i) for i in range(6)]
MINUTES = [
    tick(0, ts=f"2025-01-02T{m // 60:02}:{m % 60:02}:15.0000000Z", trade_id=str(m))
    for m in range(1440)
]
NOON = 720
BOM = b"\xef\xbb\xbf"
FILLERS = (BOM, b"\0", b"\0" * 100)
"""Odd lines without any text: they are counted as blank."""

QUARTERS = [bar(minute) for minute in range(0, 1440, 15)]


def is_one_good_tick(line: bytes) -> bool:
    """By the standard library: one object, its stamp of the day, price and quantity finite and above 0."""
    try:
        found = json.loads(line.removeprefix(BOM).decode("utf-8"))
        stamp = dt.datetime.fromisoformat(found["ts"].replace("z", "Z"))
        price, qty = found["price"], found["qty"]
        numbers = all(
            type(n) in (int, float) and n > 0 and math.isfinite(float(n)) for n in (price, qty)
        )
    except (OverflowError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return numbers and stamp.date() == DAY


def test_there_are_enough() -> None:
    """At least three hundred, no two equal."""
    assert len(LINES) >= 300
    assert len({line for _, line in LINES}) == len(LINES)


@pytest.mark.parametrize(("name", "line"), LINES, ids=[name for name, _ in LINES])
def test_an_odd_line_in_a_good_day(tmp_path: Path, name: str, line: bytes) -> None:
    """Every minute's tick is used; the line is used, or set aside with its number, offset and reason."""
    data = b"".join(each + b"\n" for each in [*MINUTES[:NOON], line, *MINUTES[NOON:]])
    found = read_feed(feed_of("atas_ticks"), [drop(tmp_path, NAME, data)], RULES)
    others = found.table.filter(pc.not_equal(found.table["line"], NOON + 1))
    (entry,) = found.ledger

    assert others["trade_id"].to_pylist() == [str(minute) for minute in range(1440)]
    assert entry.lines.read + entry.other_days + entry.blank_lines == 1441
    assert entry.lines.used + entry.lines.rejected == entry.lines.read
    for row in found.rejects.to_pylist():
        assert row["line"] == NOON + 1
        assert data[row["byte_offset"] :].startswith(line[:20])
        assert row["reason"]
        assert row["raw_bytes"] == len(line.rstrip(b"\r"))
    beside = entry.other_days + entry.blank_lines
    assert entry.blank_lines == (line in FILLERS)
    assert found.table.num_rows + found.rejects.num_rows + beside == 1441


@pytest.mark.parametrize(("name", "line"), LINES, ids=[name for name, _ in LINES])
def test_an_odd_line_among_the_bars_of_a_day(tmp_path: Path, name: str, line: bytes) -> None:
    """Every bar stands; the line, which is no bar, is set aside with its number and reason."""
    data = b"".join(each + b"\n" for each in [*QUARTERS[:48], line, *QUARTERS[48:]])
    found = read_feed(feed_of("atas_bars"), [drop(tmp_path, BARS, data)], RULES)

    assert found.table["line"].to_pylist() == [*range(1, 49), *range(50, 98)]
    assert found.rejects.num_rows == (line not in FILLERS)
    for row in found.rejects.to_pylist():
        assert (row["line"], bool(row["reason"])) == (49, True)
        assert data[row["byte_offset"] :].startswith(line[:20])


def test_what_json_calls_good_is_used_and_nothing_else(tmp_path: Path) -> None:
    """The verdicts agree with the standard library's, but for what is listed here."""
    differing = []
    for name, line in LINES:
        file = drop(tmp_path, NAME, b"".join(each + b"\n" for each in [*TICKS, line]))
        found = read_feed(feed_of("atas_ticks"), [file], RULES)
        used = found.table.num_rows == len(TICKS) + 1
        if used and not is_one_good_tick(line):
            differing.append(name)

    assert differing == []


@pytest.mark.parametrize("filler", [*FILLERS, BOM + BOM, b"\0" * 4096 + BOM])
@pytest.mark.parametrize("place", ["before", "after", "between"])
@pytest.mark.parametrize("source", ["atas_bars", "atas_ticks"])
def test_a_filler_costs_no_line_around_it(
    tmp_path: Path, source: str, place: str, filler: bytes
) -> None:
    """A byte order mark or NULs before, behind or between two objects: each object is used."""
    one, two, end = (bar(0), bar(1), bar(2)) if source == "atas_bars" else TICKS[:3]
    middle = {
        "before": filler + one + b"\n" + filler + two,
        "after": one + filler + b"\r\n" + two + filler,
        "between": one + filler + two,
    }
    name = BARS if source == "atas_bars" else NAME
    data = middle[place] + b"\n" + end + b"\n" + filler
    found = read_feed(feed_of(source), [drop(tmp_path, name, data)], RULES)

    assert found.table.num_rows == 3
    assert found.ledger[0].lines == Lines(read=3, used=3, merged=0, rejected=0)
    assert found.ledger[0].blank_lines == 1


def test_a_torn_object_before_a_filler_costs_itself_alone(tmp_path: Path) -> None:
    """As a machine leaves it that lost its power while it wrote."""
    data = bar(0)[:40] + b"\0" * 4096 + bar(1) + b"\n" + bar(2) + b"\n"
    found = read_feed(feed_of("atas_bars"), [drop(tmp_path, BARS, data)], RULES)

    assert found.table["line"].to_pylist() == [1, 2]
    assert found.rejects["line"].to_pylist() == [1]
    assert found.ledger[0].lines == Lines(read=3, used=2, merged=0, rejected=1)


@pytest.mark.parametrize(
    "bad", [b"{", b"\xff", b'{"a":' * 50_000, b"[" * 100_000, b"x" * (16 << 20)]
)
def test_an_odd_line_among_bars(tmp_path: Path, bad: bytes) -> None:
    """The bar reader stands the same, 16 MiB of text included."""
    data = b"".join(each + b"\n" for each in [bar(0), bad, bar(1)])
    found = read_feed(feed_of("atas_bars"), [drop(tmp_path, BARS, data)], RULES)
    (row,) = found.rejects.to_pylist()

    assert found.table.num_rows == 2
    assert (row["line"], row["raw_bytes"], len(row["raw"]) <= 4 * 4096) == (2, len(bad), True)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good day."""
    raw = tmp_path_factory.mktemp("good") / "raw"
    write_sample(SampleRequest(out=raw, first=DAY, trades_per_day=4000))
    return raw


def test_all_of_them_at_once_end_to_end(tmp_path: Path, sample: Path) -> None:
    """Spread over a day's bars, the minutes of the day are those of the clean day."""
    kitchens = [kitchen_at(tmp_path / "clean"), kitchen_at(tmp_path / "odd")]
    for kitchen in kitchens:
        shutil.copytree(sample, kitchen.raw)
    path = kitchens[1].raw / BARS
    lines = path.read_bytes().splitlines(keepends=True)
    odd = [line for _, line in LINES if not is_one_good_tick(line) and len(line) < 5000][:12]
    for place, line in enumerate(odd):
        lines.insert(50 + 60 * place, line + b"\n")
    path.write_bytes(b"".join(lines))
    clean, hurt = (whole_day(kitchen, "BTCUSDT", DAY) for kitchen in kitchens)
    entry = next(e for e in hurt.report["inputs"] if e["path"] == BARS)

    clean_bars, hurt_bars = (day.read("AlignedBars", "bars_1m") for day in (clean, hurt))

    assert hurt_bars.read_bytes() == clean_bars.read_bytes()
    assert entry
    assert Counter(d["code"] for d in hurt.report["defects"] if "set aside" in d["where"])
    assert hurt.condition == clean.condition == "available"


@pytest.mark.real
def test_all_of_them_spread_over_a_real_day(tmp_path: Path, real_data: Path) -> None:
    """In its tape and in its bars: each is set aside, and the day's bars are those of the clean day."""
    day, found = dt.date(2019, 10, 11), []
    for name, odd in (("clean", []), ("odd", [line for _, line in LINES])):
        root = xrpeth_raw(tmp_path / name, real_data)
        spread(root / "data/raw", day, odd)
        kitchen = kitchen_at(root, {"XRPETH": "{market: spot}"})
        found.append(whole_day(kitchen, "XRPETH", day))
    clean, hurt = found
    aside = [d for d in hurt.report["defects"] if "set aside" in d["where"]]

    for stage, output in (("AlignedBars", "bars_1m"), ("Footprint", "footprint")):
        assert hurt.read(stage, output).read_bytes() == clean.read(stage, output).read_bytes()
    assert sum(d["count"] for d in aside) == 2 * (len(LINES) - len(FILLERS))


def spread(raw: Path, day: dt.date, odd: list[bytes]) -> None:
    """Puts the lines into the bars, and into the hours of the tape, at even distances."""
    tape = sorted((raw / f"atas/ticks/XRPETH/date={day}").rglob("*.jsonl"))
    shares = [odd[place :: len(tape)] for place in range(len(tape))]
    bars = raw / f"atas/bars_1m/XRPETH/date={day}/bars_1m.jsonl"
    for path, lines in ((bars, odd), *zip(tape, shares, strict=True)):
        good = path.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines):
            good.insert(1 + number * len(good) // max(len(lines), 1), line + b"\n")
        path.write_bytes(b"".join(good))


def bars_of(folder: Path, files: list[list[bytes]], name: str) -> CleanFeed:
    """The feed of several files of such lines."""
    source = "atas_ticks" if "ticks" in name else "atas_bars"
    dropped = [
        drop(folder, name.replace("X", f"{place:02d}"), b"".join(line + b"\n" for line in lines))
        for place, lines in enumerate(files)
    ]
    return read_feed(feed_of(source), dropped, RULES)


def trade(i: int) -> bytes:
    """A trade with an id, two of them in a second."""
    stamp = f"2025-01-02T00:{i // 120:02d}:{i // 2 % 60:02d}.{i % 2}000000Z"
    record = GOOD | {"ts": stamp, "price": 100 + i % 7, "qty": 1 + i % 3, "trade_id": str(i)}
    return json.dumps(record).encode()


TRADES = [trade(i) for i in range(200)]


@settings(max_examples=30)
@given(
    cuts=st.lists(st.integers(0, 200), max_size=5),
    again=st.lists(st.tuples(st.integers(0, 199), st.integers(0, 199)), max_size=5),
)
def test_splits_and_repetitions_change_no_tick(
    tmp_path_factory: pytest.TempPathFactory,
    cuts: list[int],
    again: list[tuple[int, int]],
) -> None:
    """Any order-preserving split into files, and trades repeated with their ids, give the same tape."""
    lines = list(TRADES)
    for start, place in sorted(again, key=lambda pair: -pair[1]):
        lines[place + 1 : place + 1] = [TRADES[i] for i in range(start, min(start + 9, place + 1))]
    edges = [0, *sorted(min(cut, len(lines)) for cut in cuts), len(lines)]
    files = [lines[one:two] for one, two in pairwise(edges)]
    name = "atas/ticks/BTCUSDT/date=2025-01-02/X/ticks.jsonl"
    whole = bars_of(tmp_path_factory.mktemp("whole"), [TRADES], name)
    found = bars_of(tmp_path_factory.mktemp("split"), files, name)
    columns = ["ts", "price", "qty", "side", "trade_id"]

    assert found.table.select(columns).equals(whole.table.select(columns))


@settings(max_examples=20)
@given(upto=st.integers(1, 30), lines=st.integers(1, 30))
def test_history_exported_again_changes_no_bar(
    tmp_path_factory: pytest.TempPathFactory, upto: int, lines: int
) -> None:
    """Finished bars that are written again later are a run of their own, and merge to the same bars."""
    bars = [bar(i) for i in range(30)]
    folder = tmp_path_factory.mktemp("bars")
    again = bars_of(folder, [[*bars[:upto], *bars[:lines], *bars[upto:]]], BARS)
    seen = {
        row["stamp"]: (row["open"], row["high"], row["low"], row["close"], row["volume"])
        for row in again.table.to_pylist()
    }
    plain = bars_of(tmp_path_factory.mktemp("plain"), [bars], BARS).table.to_pylist()

    assert seen == {
        r["stamp"]: (r["open"], r["high"], r["low"], r["close"], r["volume"]) for r in plain
    }


def live_lines() -> list[bytes]:
    """Ten minutes as a live exporter writes them: three states of each bar, its flow in increments."""
    return [
        bar(minute, volume=2.0 * state, vbuy=1.5, vsell=0.5, high=101.0 + minute + state)
        for minute in range(10)
        for state in (1, 2, 3)
    ]


def minute_of(line: bytes) -> int | None:
    """The minute that a bar's line is of."""
    return int(json.loads(line)["timestamp_utc"][14:16]) if line else None


def finished(minute: int, *, with_flow: bool) -> bytes:
    """A bar as it is written again after a reload."""
    flow = {"vbuy": 4.5, "vsell": 1.5} if with_flow else {}
    return bar(minute, volume=6.0, high=104.0 + minute, **flow)


@settings(max_examples=60)
@given(
    reloads=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9), st.booleans()), max_size=4),
    cuts=st.lists(st.integers(0, 70), max_size=5),
)
def test_splits_and_reloads_change_no_minute(
    tmp_path_factory: pytest.TempPathFactory,
    reloads: list[tuple[int, int, bool]],
    cuts: list[int],
) -> None:
    """Any order-preserving split into files, and finished bars written again at any time, flow or not.

    But for a bar that is written again right after itself, with its flow: nothing tells it from a line of a
    second chart, so its flow counts as too much (A07).
    """
    lines = live_lines()
    for at, first, with_flow in sorted(reloads, reverse=True):
        again = [finished(minute, with_flow=with_flow) for minute in range(first, at // 3)]
        assume(not (with_flow and again and minute_of(lines[at - 1]) == first))
        assume(not (again and minute_of(again[-1]) == minute_of((*lines, b"")[at])))
        lines[at:at] = again
    edges = [0, *sorted(min(cut, len(lines)) for cut in cuts), len(lines)]
    files = [lines[one:two] for one, two in pairwise(edges)]
    name = "atas/bars_1m/BTCUSDT/date=2025-01-02/X/bars_1m.jsonl"
    whole = bars_of(tmp_path_factory.mktemp("whole"), [live_lines()], name)
    found = bars_of(tmp_path_factory.mktemp("split"), files, name)
    columns = ["minute_open", "open", "high", "low", "close", "volume", "vbuy", "vsell"]

    assert (
        merge_runs(found.table, 0)
        .select(columns)
        .equals(merge_runs(whole.table, 0).select(columns))
    )
