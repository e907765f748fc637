"""Columns of texts that all have the same length, as matrices of bytes: instants and numbered ids.

Belongs here: two forms that differ on every line of a tape, so that judging each distinct text once would
save nothing. A text of any other form is not good, or the column None; then others read it.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.clock import SECOND_US
from pipeline.sources.tick_line import second_us

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_TS = re.compile(rb'(\{?\s*"ts"\s*:\s*")[^"\\]{19}\.[0-9]{7}Z("\s*\}?\s*)')
_MINUTE, _SECOND = 16, 19
"""Characters of `2025-01-02T00:00` and `2025-01-02T00:00:00`."""

_DOT_TO_ZERO = np.uint64(ord(".") ^ ord("0"))
_ZEROS, _HIGH, _ABOVE_NINE = (np.uint64(int(text * 8, 16)) for text in ("30", "80", "46"))


def instants(column: pa.Array) -> tuple[Ints, Bools]:
    """Members `"ts":"YYYY-MM-DDTHH:MM:SS.fffffffZ"` as microseconds; and which rows are such text."""
    ts = np.zeros(len(column), dtype=np.int64)
    good = np.zeros(len(column), dtype=bool)
    form = next((m for m in map(_TS.fullmatch, _first_texts(column)) if m), None)
    if form is None:
        return ts, good
    same = _lengths(column) == len(form[0])
    if not same.all():
        column = column.filter(pa.array(same))
    texts = _Texts(column, len(form[0]))
    seconds, known = _seconds(texts, form[1])
    fraction, digits = _digits_after_dot(texts.words(len(form[1]) + _SECOND))
    tail = b"Z" + form[2]
    known &= digits & texts.ends_with(tail)
    ts[same], good[same] = seconds + fraction // 10, known
    return ts, good


def digits(column: pa.Array, name: str) -> pa.Array | None:
    """Members `"name":"123"` as strings of digits; None where any row is anything else."""
    form = re.fullmatch(
        rb'(\{?\s*"' + name.encode() + rb'"\s*:\s*")([0-9]+)("\s*\}?\s*)', column[0].as_py()
    )
    if form is None or (_lengths(column) != len(form[0])).any():
        return None
    texts = _Texts(column, len(form[0]))
    inside = np.ascontiguousarray(texts.bytes[:, len(form[1]) : len(form[1]) + len(form[2])])
    if not (texts.starts_with(form[1]) and texts.ends_with(form[3]).all()):
        return None
    if (inside - np.uint8(ord("0")) > 9).any():
        return None
    offsets = np.arange(len(column) + 1, dtype=np.int32) * np.int32(len(form[2]))
    return pa.StringArray.from_buffers(len(column), pa.py_buffer(offsets), pa.py_buffer(inside))


class _Texts:
    """Texts of one length, one behind the other."""

    def __init__(self, column: pa.Array, width: int) -> None:
        start = int(_offsets(column)[0])
        data = np.frombuffer(column.buffers()[2], dtype=np.uint8)
        self.width, self.rows = width, len(column)
        self.bytes = data[start : start + width * self.rows].reshape(self.rows, width)

    def words(self, at: int) -> Words:
        """Eight bytes of each text, the first one lowest."""
        return np.ndarray(
            self.rows, dtype="<u8", buffer=self.bytes.data, offset=at, strides=(self.width,)
        )

    def starts_with(self, head: bytes) -> bool:
        """Whether all do."""
        wanted = np.frombuffer(head, dtype=np.uint8)
        return bool((self.bytes[:, : len(head)] == wanted).all())

    def ends_with(self, tail: bytes) -> Bools:
        """Which do."""
        found = np.ones(self.rows, dtype=bool)
        for place, byte in enumerate(tail, self.width - len(tail)):
            found &= self.bytes[:, place] == byte
        return found


def _seconds(texts: _Texts, head: bytes) -> tuple[Ints, Bools]:
    """The instant of each text's second. Rows of one minute follow each other; it is read once."""
    length = len(head) + _MINUTE
    changed = np.zeros(texts.rows, dtype=bool)
    changed[0] = True
    for at in (*range(0, length - 8, 8), length - 8):
        words = texts.words(at)
        changed[1:] |= words[1:] != words[:-1]
    starts = np.flatnonzero(changed)
    read = [_minute(texts.bytes[row, :length].tobytes(), head) for row in starts.tolist()]
    counts = np.diff(np.append(starts, texts.rows))
    colon, tens, ones = (texts.bytes[:, length + place] for place in range(3))
    tens, ones = tens - np.uint8(ord("0")), ones - np.uint8(ord("0"))
    us = np.repeat(np.array([us or 0 for us in read], dtype=np.int64), counts)
    us += (tens * np.int64(10) + ones) * SECOND_US
    known = np.repeat(np.array([us is not None for us in read]), counts)
    return us, known & (colon == ord(":")) & (tens <= 5) & (ones <= 9)


def _minute(text: bytes, head: bytes) -> int | None:
    try:
        return second_us(text[len(head) :].decode() + ":00") if text.startswith(head) else None
    except ValueError:
        return None


def _digits_after_dot(words: Words) -> tuple[Ints, Bools]:
    """`.1234567` -> 1234567, eight bytes at a time; and which words are that.

    With the dot turned into a zero, neighbours are joined into numbers of two, four and eight digits.
    Source: Lemire, "Quickly parsing eight digits", 2018.
    """
    words = words ^ _DOT_TO_ZERO
    wrong = ((words + _ABOVE_NINE) | (words - _ZEROS)) & _HIGH
    is_dot = (words & np.uint64(0xFF)) == np.uint64(ord("0"))
    value = words - _ZEROS
    value = value * np.uint64(10) + (value >> np.uint64(8))
    mask = np.uint64(0x000000FF000000FF)
    low = (value & mask) * np.uint64(100 + (1000000 << 32))
    high = ((value >> np.uint64(16)) & mask) * np.uint64(1 + (10000 << 32))
    return ((low + high) >> np.uint64(32)).astype(np.int64), is_dot & (wrong == 0)


def _offsets(column: pa.Array) -> NDArray[np.int32]:
    every: NDArray[np.int32] = np.frombuffer(column.buffers()[1], dtype=np.int32)
    return every[column.offset : column.offset + len(column) + 1]


def _lengths(column: pa.Array) -> NDArray[np.int32]:
    lengths: NDArray[np.int32] = np.diff(_offsets(column))
    return lengths


def _first_texts(column: pa.Array) -> list[bytes]:
    texts: list[bytes] = column.slice(0, 3).to_pylist()
    return texts
