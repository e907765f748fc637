"""Some hundreds of odd lines, each put into an otherwise good day: it alone is used or set aside."""

from __future__ import annotations

import datetime as dt
import json
import math
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from adapter_suite import DAY, drop, feed_of
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_lines import GOOD, odd_lines
from test_atas_bars import bar
from test_atas_ticks import tick

from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.sources.clean import CleanFeed, read_feed
from tests_support import kitchen_at
from whole_day import whole_day

LINES = list(odd_lines())
NAME = "atas/ticks/BTCUSDT/date=2025-01-02/ticks.jsonl"
BARS = "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"
TICKS = [tick(i) for i in range(6)]


def is_one_good_tick(line: bytes) -> bool:
    """By the standard library: one object, its stamp of the day, price and quantity finite and above 0."""
    try:
        found = json.loads(line.decode("utf-8"))
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
def test_an_odd_line_in_a_good_day(
    tmp_path: Path, governance: Path, name: str, line: bytes
) -> None:
    """All other ticks are used; the line is used, or set aside with its number, offset and reason."""
    data = b"".join(each + b"\n" for each in [*TICKS[:3], line, *TICKS[3:]])
    found = read_feed(feed_of("atas_ticks"), [drop(tmp_path, NAME, data)], governance)
    others = [n for n in found.table["line"].to_pylist() if n != 4]
    (entry,) = found.ledger

    assert sorted(others) == [1, 2, 3, 5, 6, 7]
    assert entry["lines"]["read"] + entry["other_days"] + entry["blank_lines"] == 7
    for row in found.rejects.to_pylist():
        assert row["line"] == 4
        assert data[row["byte_offset"] :].startswith(line[:20])
        assert row["reason"]
        assert row["raw_bytes"] == len(line.rstrip(b"\r"))
    assert found.table.num_rows + found.rejects.num_rows + entry["other_days"] == 7


def test_what_json_calls_good_is_used_and_nothing_else(tmp_path: Path, governance: Path) -> None:
    """The verdicts agree with the standard library's, but for what is listed here."""
    differing = []
    for name, line in LINES:
        file = drop(tmp_path, NAME, b"".join(each + b"\n" for each in [*TICKS, line]))
        found = read_feed(feed_of("atas_ticks"), [file], governance)
        used = found.table.num_rows == len(TICKS) + 1
        if used and not is_one_good_tick(line):
            differing.append(name)

    assert differing == []


@pytest.mark.parametrize(
    "bad", [b"{", b"\xff", b'{"a":' * 50_000, b"[" * 100_000, b"x" * (16 << 20)]
)
def test_an_odd_line_among_bars(tmp_path: Path, governance: Path, bad: bytes) -> None:
    """The bar reader stands the same, 16 MiB of text included."""
    data = b"".join(each + b"\n" for each in [bar(0), bad, bar(1)])
    found = read_feed(feed_of("atas_bars"), [drop(tmp_path, BARS, data)], governance)
    (row,) = found.rejects.to_pylist()

    assert found.table.num_rows == 2
    assert (row["line"], row["raw_bytes"], len(row["raw"]) <= 4 * 4096) == (2, len(bad), True)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good day."""
    raw = tmp_path_factory.mktemp("good") / "raw"
    write_sample(SampleRequest(out=raw, first=DAY, trades_per_day=4000))
    return raw


def test_all_of_them_at_once_end_to_end(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spread over a day's bars, the minutes of the day are those of the clean day."""
    monkeypatch.setattr("pipeline.tasks.recipes.html", lambda report: "")
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


def bars_of(folder: Path, governance: Path, files: list[list[bytes]], name: str) -> CleanFeed:
    """The feed of several files of such lines."""
    source = "atas_ticks" if "ticks" in name else "atas_bars"
    dropped = [
        drop(folder, name.replace("X", f"{place:02d}"), b"".join(line + b"\n" for line in lines))
        for place, lines in enumerate(files)
    ]
    return read_feed(feed_of(source), dropped, governance)


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
    governance: Path,
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
    whole = bars_of(tmp_path_factory.mktemp("whole"), governance, [TRADES], name)
    found = bars_of(tmp_path_factory.mktemp("split"), governance, files, name)
    columns = ["ts", "price", "qty", "side", "trade_id"]

    assert found.table.select(columns).equals(whole.table.select(columns))


@settings(max_examples=20)
@given(upto=st.integers(1, 30), lines=st.integers(1, 30))
def test_history_exported_again_changes_no_bar(
    tmp_path_factory: pytest.TempPathFactory, governance: Path, upto: int, lines: int
) -> None:
    """Finished bars that are written again later are a run of their own, and merge to the same bars."""
    bars = [bar(i) for i in range(30)]
    folder = tmp_path_factory.mktemp("bars")
    again = bars_of(folder, governance, [[*bars[:upto], *bars[:lines], *bars[upto:]]], BARS)
    seen = {
        row["stamp"]: (row["open"], row["high"], row["low"], row["close"], row["volume"])
        for row in again.table.to_pylist()
    }
    plain = bars_of(tmp_path_factory.mktemp("plain"), governance, [bars], BARS).table.to_pylist()

    assert seen == {
        r["stamp"]: (r["open"], r["high"], r["low"], r["close"], r["volume"]) for r in plain
    }
