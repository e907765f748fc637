"""Reading a tape by columns gives what reading it line by line gives, whatever stands in the lines."""

from __future__ import annotations

import json
import shutil
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_atas_ticks import tick

from kit.adapter_suite import feed_of
from pipeline.contracts.values import ANY
from pipeline.sources.atas import ticks
from pipeline.sources.atas.tick_columns import read_columns
from pipeline.sources.atas.tick_scan import scanner
from pipeline.sources.atas.ticks import AtasTicks
from pipeline.sources.protocol import Parsed
from pipeline.sources.rawfile import NO_MORE_THAN
from pipeline.sources.text.lines import Block

NAME = "atas/ticks/BTCUSDT/date=2025-01-02/00/ticks.jsonl"

ODD_VALUES = [
    *(
        "null",
        "true",
        "false",
        "NaN",
        "-NaN",
        "Infinity",
        "-Infinity",
        "0",
        "-0",
        "-1",
        "1e5",
        "1E+2",
        "1e400",
    ),
    *(
        "01",
        "+1",
        ".5",
        "5.",
        "0x10",
        "1_000",
        "1,5",
        "1 5",
        "1e",
        "--1",
        "9" * 400,
        "0." + "0" * 400 + "1",
    ),
    *(
        '""',
        '" "',
        '"100.1"',
        '"buy"',
        '"BUY"',
        '"\\u0062uy"',
        '"b\\u00',
        '"\\ud800"',
        '"\\x"',
        '"a\tb"',
        '"ÿ"',
    ),
    *(
        "[]",
        "[1]",
        "{}",
        '{"price":1}',
        "undefined",
        "",
        "'x'",
        '"',
        '"}',
        "}",
        "{",
        "nul",
        "1}",
        '1,"price":2',
    ),
    *('"2025-01-02T00:00:00Z"', '"2025-01-02 00:00:01.1230000Z"', '"2025-13-45T99:99:99.0000000Z"'),
    *(
        '"2025-01-02T00:00:59.9999999Z"',
        '"2025-01-02T00:00:60.0000000Z"',
        '"2025-01-02T00:00:00.123000/Z"',
    ),
    *(
        '"2025-01-01T23:59:59.9999999Z"',
        '"2025-01-03T00:00:00.0000000Z"',
        '"2031-01-02T00:00:00.0000000Z"',
    ),
]
needs_scanner = pytest.mark.skipif(
    scanner() is None and not (shutil.which("cc") or shutil.which("gcc")),
    reason="the scanner was not built: there is no C compiler",
)

FIELDS = [
    "ts",
    "exchange",
    "symbol",
    "price",
    "qty",
    "side",
    "vbuy",
    "best_bid",
    "trade_id",
    "schema_version",
]


class Text:
    """Bytes in blocks, as an adapter sees an open file."""

    limits = NO_MORE_THAN

    def __init__(self, data: bytes, size: int) -> None:
        self.name, self.data, self.size = NAME, data, size

    @property
    def head(self) -> bytes:
        """The first block."""
        return self.data[: self.size]

    def blocks(self) -> Any:
        """All of them."""
        return (self.data[i : i + self.size] for i in range(0, len(self.data), self.size))


def parsed(data: bytes, size: int, *, by_columns: bool) -> Parsed:
    """The file, read the one way or the other."""
    reader = read_columns if by_columns else lambda block, symbols, limits: None
    with mock.patch.object(ticks, "read_columns", reader):
        return AtasTicks().parse(Text(data, size), feed_of("atas_ticks"))


def assert_same(data: bytes, size: int = 1 << 20) -> Parsed:
    """The file, once both ways of reading agree on all that they say of it."""
    one, two = (parsed(data, size, by_columns=way) for way in (True, False))

    assert one.rows.combine_chunks().equals(two.rows.combine_chunks())
    assert sorted(one.rejects, key=lambda r: r.line) == sorted(two.rejects, key=lambda r: r.line)
    assert (one.read, one.blank_lines, one.other_days) == (
        two.read,
        two.blank_lines,
        two.other_days,
    )
    assert (one.notes, +one.defects) == (two.notes, +two.defects)
    assert one.read == one.rows.num_rows + len(one.rejects)
    return one


def line(number: int, **changes: Any) -> bytes:
    """A line of a tape whose exporter knows quotes and ids."""
    quotes = {"best_bid": 100.0, "best_ask": 100.2, "bid_volume": 1.5, "ask_volume": 2}
    return tick(number % 60, **({"trade_id": str(1000 + number)} | quotes | changes))


def with_value(name: str, value: str) -> bytes:
    """A good line in which one field has another text."""
    marked = line(5, **{name: "@@"})
    return marked.replace(b'"@@"', value.encode("latin-1"))


@needs_scanner
def test_good_lines_are_all_read_by_columns() -> None:
    """Nothing is left to the slow reader: any order of keys, blanks after commas, either line end."""
    for end in (b"\n", b"\r\n"):
        body = end.join(line(n, side="sell" if n % 3 else "Buy") for n in range(50))
        columns = read_columns(Block(body=body, number=1, offset=0), {"BTCUSDT"}, ANY)

        assert columns is not None
        assert (len(columns.ts), columns.odd) == (50, [])


@needs_scanner
def test_an_odd_line_leaves_the_others_to_the_columns() -> None:
    """Only the one line is read again, strictly."""
    body = b"\n".join([line(0), b"garbage", line(2), b"", line(4, price=-1), line(5)])
    columns = read_columns(Block(body=body, number=1, offset=0), {"BTCUSDT"}, ANY)

    assert columns is not None
    assert (columns.places.tolist(), columns.odd) == ([0, 2, 5], [1, 3, 4])


@pytest.mark.parametrize("name", FIELDS)
def test_odd_values_cost_only_their_line(name: str) -> None:
    """Each odd text in each field, in an otherwise good file: used or set aside with its number."""
    for value in ODD_VALUES:
        odd = with_value(name, value)
        found = assert_same(b"\n".join([line(0), line(1), odd, line(3), line(4)]) + b"\n")

        assert {1, 2, 4, 5} <= set(found.rows["line"].to_pylist())
        assert {r.line for r in found.rejects} <= {3}


@pytest.mark.parametrize(
    "odd",
    [
        *(
            b"",
            b" ",
            b"\r",
            b"\0" * 64,
            b"null",
            b"[1,2,3]",
            b"{}",
            b'{"ts"',
            b"\xff\xfe",
            b",,,,,,,,,,,,",
        ),
        *(
            line(9) + line(9),
            line(9)[:60],
            line(9)[60:],
            line(9) + b",",
            b"{" + line(9),
            line(9) + b"}",
        ),
        *(
            line(9)[:40] + line(9),
            line(9).replace(b", ", b",\r "),
            line(9).replace(b", ", b",\t "),
            b"\xef\xbb\xbf" + line(9),
        ),
        line(9).replace(b'"price"', b'"PRICE"'),
        line(9).replace(b'"vbuy"', b'"price"'),
        line(9).replace(b'"vbuy"', b'"vsell"'),
        line(9).replace(b'"exchange"', b'"symbol"'),
        line(9).replace(b'"exchange": "BINANCE_FUTURES", ', b""),
        line(9).replace(b"BINANCE_FUTURES", "БИНАНС".encode()),
        line(9).replace(b"BINANCE_FUTURES", b"A,B"),
        line(9).replace(b"BINANCE_FUTURES", b"\xff"),
        line(9).replace(b"100.1", b'{"a": 1}'),
        json.dumps(dict(reversed(json.loads(line(9)).items()))).encode(),
    ],
)
@pytest.mark.parametrize("place", [0, 2, 4])
def test_odd_lines_cost_only_themselves(odd: bytes, place: int) -> None:
    """First, in the middle, last: both readers agree, and the other lines are used."""
    lines = [line(n) for n in range(4)]
    lines.insert(place, odd)
    good = {n + 1 for n in range(5) if n != place}

    for end in (b"", b"\n", b"\r\n"):
        found = assert_same(b"\n".join(lines) + end)

        assert good <= set(found.rows["line"].to_pylist())


EDITS = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 3),
        st.one_of(
            st.binary(max_size=4),
            st.sampled_from(
                [
                    b"\n",
                    b"\r",
                    b"\x0b",
                    b"\x0c",
                    b'"',
                    b",",
                    b"}",
                    b"{",
                    b":",
                    b"\\",
                    b"\0",
                    b"9",
                    b"e",
                    b"-",
                ]
            ),
        ),
    ),
    max_size=6,
)


@given(edits=EDITS, size=st.integers(200, 3000), crlf=st.booleans())
def test_no_edit_parts_the_two_readers(
    edits: list[tuple[int, int, bytes]], size: int, crlf: bool
) -> None:
    """Bytes changed, cut out or put in anywhere, blocks cut anywhere: the same rows, rejects and counts."""
    lines = [line(n, side="sell" if n % 2 else "buy", price=100 + n / 10) for n in range(12)]
    data = (b"\r\n" if crlf else b"\n").join(lines)
    for place, removed, inserted in edits:
        at = place % (len(data) + 1)
        data = data[:at] + inserted + data[at + removed :]

    assert_same(data, size)


@given(
    names=st.lists(st.sampled_from(FIELDS), min_size=2, max_size=2, unique=True),
    shuffled=st.randoms(use_true_random=False),
)
def test_exchanged_values_and_keys(names: list[str], shuffled: Any) -> None:
    """Fields that trade their values, and a line with its fields in another order."""
    values = json.loads(line(3))
    values[names[0]], values[names[1]] = values[names[1]], values[names[0]]
    keys = list(json.loads(line(4)))
    shuffled.shuffle(keys)
    other = {key: json.loads(line(4))[key] for key in keys}

    assert_same(
        b"\n".join([line(1), json.dumps(values).encode(), json.dumps(other).encode(), line(5)])
    )


def test_ids_without_a_common_length() -> None:
    """Numbers of any length, texts and nothing, in one block."""
    found = assert_same(b"\n".join([line(0, trade_id=i) for i in ("9", "10", 11, "a-1", "")]))

    assert found.rows["trade_id"].to_pylist() == ["9", "10", "11", "a-1", None]
