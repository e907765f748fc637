"""From tick files to footprint and minutes: how the files lie, come and are cut must not show."""

from __future__ import annotations

import datetime as dt
import random
import shutil
from itertools import pairwise
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.shipped import RULES
from pipeline.bars.footprint import footprint
from pipeline.model.raw_names import RawPath
from pipeline.sources import rawfile, tick_tape
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.protocol import Feed
from pipeline.tables import parquet, prefetch
from pipeline.tables.parts import Parts, Spill, in_memory

FEED = Feed(
    symbol="X", market="spot", source="atas_ticks", vendor_symbol="X", day=dt.date(2025, 1, 2)
)
Line = tuple[int, bytes]


def tape(trades: int, *, named: bool = True, seed: int = 1) -> list[Line]:
    """A day's lines with their hours, in order; about one trade in three shares its time."""
    rng = random.Random(seed)
    at, lines = 0, []
    for number in range(trades):
        at = min(at + rng.choice((0, 1, 2)) * 86_400_000 // (trades + 1), 86_399_999)
        clock = (
            f"{at // 3_600_000:02}:{at // 60_000 % 60:02}:{at // 1000 % 60:02}.{at % 1000:03}0000"
        )
        side = rng.choice(("buy", "sell"))
        price, qty = f"{100 + rng.randrange(40) / 10:.1f}", rng.randrange(1, 500) / 1000
        ids = f',"trade_id":"{70_000 + number}"' if named else ""
        text = f'{{"ts":"2025-01-02T{clock}Z","symbol":"X","price":{price},"qty":{qty},"side":"{side}"{ids}}}'
        lines.append((at // 3_600_000, text.encode()))
    return lines


def by_hour(lines: list[Line]) -> list[list[bytes]]:
    """The lines of each hour."""
    return [[text for hour, text in lines if hour == wanted] for wanted in range(24)]


def written(root: Path, files: list[list[bytes]]) -> list[RawPath]:
    """The files of an exporter that begins a new one at will."""
    shutil.rmtree(root, ignore_errors=True)
    paths = []
    for number, lines in enumerate(files):
        name = f"atas/ticks/X/date=2025-01-02/part{number:03}/ticks.jsonl"
        path = root / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        paths.append(RawPath(path, name, 0))
    return paths


def bars(found: CleanFeed) -> tuple[str, str]:
    """Content hashes of footprint and minutes."""
    tables = footprint("X", found.parts, RULES)
    return parquet.content_hash(tables[0]), parquet.content_hash(tables[1])


def bars_of(root: Path, files: list[list[bytes]], spill: Path | None = None) -> tuple[str, str]:
    """The same, of files that are written for it; every line is accounted for."""
    found = read_feed(FEED, written(root, files), RULES, spill=spill)

    for entry in found.ledger:
        assert entry.lines.balanced
    return bars(found)


@pytest.fixture(scope="module")
def day() -> list[Line]:
    """A day of 6000 trades."""
    return tape(6000)


@pytest.fixture(scope="module")
def expected(day: list[Line], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Its bars from one file, in memory."""
    return bars_of(tmp_path_factory.mktemp("whole"), [[text for _, text in day]])


def test_whole_day_or_hour_by_hour(
    day: list[Line], expected: tuple[str, str], tmp_path: Path
) -> None:
    """24 files put aside on disk give the bytes of one file in memory, and leave nothing there."""
    spill = tmp_path / "spill"

    assert bars_of(tmp_path / "raw", by_hour(day), spill) == expected
    assert list(spill.iterdir()) == []


def test_the_order_of_files_is_irrelevant(
    day: list[Line], expected: tuple[str, str], tmp_path: Path
) -> None:
    """Hours under names in another order: sorted by their own time. Here no time stands in two files."""
    hours = by_hour(day)
    random.Random(3).shuffle(hours)

    assert bars_of(tmp_path / "raw", hours, tmp_path / "spill") == expected


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_is_irrelevant(
    day: list[Line], expected: tuple[str, str], tmp_path: Path, threads: int
) -> None:
    """Blocks come back in order, however many are read at once."""
    with mock.patch.object(prefetch, "THREADS", threads):
        assert bars_of(tmp_path / "raw", by_hour(day)) == expected


def test_bad_lines_leave_the_bars_alone(
    day: list[Line], expected: tuple[str, str], tmp_path: Path
) -> None:
    """Damage between the lines of any file is set aside; the bars keep their bytes."""
    bad = (b"#### reconnect", b"\0" * 64, day[9][1][:50], b'{"ts":1}', b"\xff\xfe", b"null", b"")
    hours = by_hour(day)
    for number, lines in enumerate(hours):
        lines.insert(number * 7 % (len(lines) + 1), bad[number % len(bad)])

    assert bars_of(tmp_path / "raw", hours) == expected


@settings(max_examples=25)
@given(
    cuts=st.lists(st.integers(0, 300), max_size=5),
    repeats=st.lists(st.tuples(st.integers(0, 299), st.integers(1, 40)), max_size=3),
)
def test_any_split_and_any_repetition_by_id(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], repeats: list[tuple[int, int]]
) -> None:
    """Files that split the tape in order, and blocks written again at the end: the same bars."""
    lines = [text for _, text in tape(300, seed=5)]
    root = tmp_path_factory.mktemp("split")
    wanted = bars_of(root / "a", [lines])
    edges = sorted({0, len(lines), *cuts})
    files = [lines[a:b] for a, b in pairwise(edges)]
    files += [lines[at : at + count] for at, count in repeats]

    assert bars_of(root / "b", files, root / "spill") == wanted


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 300), max_size=6))
def test_where_a_tape_is_cut_into_parts_does_not_show(cuts: list[int]) -> None:
    """Parts that cut minutes in two give the footprint and the minutes of the whole."""
    table = TABLE
    edges = sorted({0, table.num_rows, *(cut % (table.num_rows + 1) for cut in cuts)})
    slices = [table.slice(a, b - a) for a, b in pairwise(edges)]
    parts = Parts(schema=table.schema, parts=tuple(map(in_memory, slices)))

    assert footprint("X", parts, RULES) == footprint("X", table, RULES)
    assert parquet.content_hash(parts) == parquet.content_hash(table)


@settings(max_examples=25)
@given(
    rows=st.integers(1, 150),
    block=st.integers(200, 9000),
    moves=st.lists(st.tuples(st.integers(0, 299), st.integers(0, 299)), max_size=4),
    again=st.lists(st.integers(0, 299), max_size=4),
)
def test_a_file_read_in_stretches_is_the_file(
    rows: int,
    block: int,
    moves: list[tuple[int, int]],
    again: list[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Wherever it is cut: out of order across the cuts, and with trades that stand again far behind."""
    lines = [text for _, text in tape(300)]
    for one, other in moves:
        lines.insert(other, lines.pop(one))
    lines += [lines[number] for number in again]
    root = tmp_path_factory.mktemp("stretches")
    files = written(root, [lines])
    whole = read_feed(FEED, files, RULES)
    with (
        mock.patch.object(rawfile, "BLOCK_BYTES", block),
        mock.patch.object(tick_tape, "_STRETCH", rows),
    ):
        cut = read_feed(FEED, files, RULES, spill=root)

    assert cut.table == whole.table
    assert cut.ledger == whole.ledger
    assert whole.table.num_rows == 300


def _table() -> pa.Table:
    rng = random.Random(8)
    rows = [
        {
            "ts": 1_735_776_000_000_000 + number * 1_700_000,
            "price": rng.choice((1.0, 1.25, 10.5, 3.0)),
            "qty": rng.choice((1.0, 0.5, 0.001)),
            "side": rng.choice((1, -1, None)),
            "best_bid": 0.9,
            "best_ask": rng.choice((1.1, None)),
            "bid_volume": rng.choice((1.0, 2.5)),
            "ask_volume": 3.0,
            "file": 0,
            "line": number,
        }
        for number in range(300)
    ]
    from_rows = {name: [row.get(name) for row in rows] for name in _SCHEMA.names}
    return pa.table({n: pa.array(v, _SCHEMA.field(n).type) for n, v in from_rows.items()})


_SCHEMA = pa.schema(
    [
        ("ts", pa.timestamp("us", tz="UTC")),
        *((name, pa.float64()) for name in ("price", "qty")),
        ("side", pa.int8()),
        *((name, pa.float64()) for name in ("best_bid", "best_ask", "bid_volume", "ask_volume")),
        ("trade_id", pa.string()),
        ("file", pa.int32()),
        ("line", pa.int64()),
    ]
)
TABLE = _table()


@pytest.mark.parametrize("few", [0, 320, 340])
def test_what_is_put_aside_comes_back(
    tmp_path: Path, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any table, whole or by columns, with nulls and texts, in the order in which it is asked for."""
    monkeypatch.setattr("pipeline.tables.parts.FEW_ROWS", few)
    spill = Spill(tmp_path)
    parts = [spill.put(TABLE), spill.put(TABLE.slice(0, 0)), spill.put(TABLE.slice(7, 40))]

    assert parts[0].read(None) == TABLE
    assert parts[1].read(None) == TABLE.slice(0, 0)
    assert parts[2].read(["line", "side"]) == TABLE.slice(7, 40).select(["line", "side"])


def test_parts_on_disk_are_row_groups(tmp_path: Path) -> None:
    """A table in parts reads back as a table, and as the same parts."""
    parts = Parts(
        schema=TABLE.schema, parts=(in_memory(TABLE.slice(0, 90)), in_memory(TABLE.slice(90)))
    )
    parquet.write(tmp_path / "t.parquet", parts)
    back = parquet.in_parts(tmp_path / "t.parquet")

    assert parquet.read(tmp_path / "t.parquet") == TABLE
    assert [part.num_rows for part in back.parts] == [90, 210]
    assert list(back.tables(["line"]))[1] == TABLE.slice(90).select(["line"])
