"""Exports as one JSON array, bare or wrapped in {"data": ...}."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_atas_bars import bar

from kit.adapter_suite import drop, feed_of, without
from kit.shipped import RULES
from pipeline.errors import SourceError
from pipeline.sources.clean import read_feed
from pipeline.sources.text import json_array
from pipeline.sources.text.json_array import elements, is_array

NAME = "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"
BARS = [bar(i) for i in range(5)]


def pretty(lines: list[bytes], wrap: bool) -> bytes:
    """As json.dump(indent=2) writes it."""
    whole = [json.loads(line) for line in lines]
    return json.dumps({"data": whole} if wrap else whole, indent=2).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"[" + b",".join(BARS) + b"]",
        b"[\r\n" + b",\r\n".join(BARS) + b"\r\n]\r\n",
        b'{"data":[' + b", ".join(BARS) + b'],"next":null}',
        pretty(BARS, wrap=False),
        pretty(BARS, wrap=True),
        b"\xef\xbb\xbf[" + b",".join(BARS) + b",]",
    ],
)
def test_an_array_is_read_as_lines_are(tmp_path: Path, data: bytes) -> None:
    """Same rows; the ledger says how it was written."""
    lines = drop(tmp_path, NAME, b"".join(line + b"\n" for line in BARS))
    plain = read_feed(feed_of("atas_bars"), [lines], RULES)
    found = read_feed(feed_of("atas_bars"), [drop(tmp_path, NAME, data)], RULES)

    assert without(found.table, "line").equals(without(plain.table, "line"))
    assert found.rejects.num_rows == 0
    assert "array" in found.ledger[0].notes


@pytest.mark.parametrize("bad", [b"xx", b'{"a":', b'{"a": "never closed', b"[1,2", b"{}"])
def test_a_broken_element_costs_itself(tmp_path: Path, bad: bytes) -> None:
    """With an element a line, the next line begins the next element."""
    data = b"[\n" + b",\n".join([*BARS[:2], bad, *BARS[2:]]) + b"\n]\n"
    found = read_feed(feed_of("atas_bars"), [drop(tmp_path, NAME, data)], RULES)

    assert found.table.num_rows == 5
    (row,) = found.rejects.to_pylist()
    assert row["line"] == 3
    assert data[row["byte_offset"] :].startswith(bad)


def test_a_torn_array_loses_its_last_element(tmp_path: Path) -> None:
    """It is set aside as a torn end."""
    data = b"[" + b",".join(BARS)[:-30]
    found = read_feed(feed_of("atas_bars"), [drop(tmp_path, NAME, data)], RULES)

    assert found.table.num_rows == 4
    assert found.rejects["reason"].to_pylist()[0].startswith("torn last line")


@given(
    values=st.lists(st.recursive(
        st.none() | st.text() | st.integers(), lambda x: st.dictionaries(st.text(), x, max_size=3)
    ).map(lambda x: {"x": x}), max_size=6),
    size=st.integers(1, 40),
)  # fmt: skip
def test_cutting_does_not_depend_on_blocks(values: list[dict], size: int) -> None:
    """Whatever the blocks, the elements are those of the array."""
    text = json.dumps(values).encode()
    blocks = [text[i : i + size] for i in range(0, len(text), size)]
    found = [line for block in elements("x", iter(blocks)) for line in block.lines]

    assert is_array(text)
    assert [json.loads(line) for line in found] == values


def test_lines_of_arrays_are_no_array() -> None:
    """`[1, 2]` on each line is a format of lines."""
    assert not is_array(b"[1,2]\n[3,4]\n")


def test_a_stray_bracket_before_lines_costs_its_own_line(tmp_path: Path) -> None:
    """Whole objects without a comma between them are lines, whatever stands before the first."""
    text = b"[\n" + b"".join(line + b"\n" for line in BARS)
    found = read_feed(feed_of("atas_bars"), [drop(tmp_path, NAME, text)], RULES)

    assert (found.table.num_rows, found.rejects["line"].to_pylist()) == (len(BARS), [1])


def test_an_element_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with what never closes."""
    monkeypatch.setattr(json_array, "MAX_LINE_BYTES", 100)

    with pytest.raises(SourceError, match="longer than 100 bytes"):
        list(elements("x", [b'[{"a": "', *[b"0" * 60] * 3]))
