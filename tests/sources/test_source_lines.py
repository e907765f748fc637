"""Bytes to lines: numbers and offsets are right however the blocks fall."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.sources.text import lines as source_lines
from pipeline.sources.text.lines import BOM, Seen, read_lines


@given(st.binary(max_size=400), st.lists(st.integers(1, 60), max_size=20))
def test_lines_numbers_and_offsets(data: bytes, sizes: list[int]) -> None:
    """Every line is where its offset says, whatever the blocks."""
    data = data.replace(b"a", b"\n").removeprefix(BOM)
    cuts = [0, *(sum(sizes[: i + 1]) for i in range(len(sizes)))]
    blocks = [data[a:b] for a, b in zip(cuts, [*cuts[1:], len(data)], strict=True) if data[a:b]]
    found = [
        (line, number, offset)
        for block in read_lines("x", blocks, Seen())
        for line, number, offset in zip(block.lines, block.numbers, block.offsets, strict=True)
    ]
    wanted = data.split(b"\n") if not data.endswith(b"\n") else data.split(b"\n")[:-1]

    assert [line for line, _, _ in found] == ([] if data == b"" else wanted)
    assert [number for _, number, _ in found] == list(range(1, len(found) + 1))
    assert all(data[offset:].startswith(line) for line, _, offset in found)


def test_a_file_without_line_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with what is not lines."""
    monkeypatch.setattr(source_lines, "MAX_LINE_BYTES", 100)

    with pytest.raises(SourceError, match="longer than 100 bytes"):
        list(read_lines("x", [b"0" * 60] * 3, Seen()))
