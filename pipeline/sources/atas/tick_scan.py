"""The form of a tape's lines, learnt from one of them, and the columns that `tick_scan.c` reads by it.

Belongs here: the binding alone. The lines of one run of an exporter have the same keys in the same order
and the same blanks; so what stands between two values is one text, and only the values differ. What the
values mean is judged in `tick_columns.py`. Without the compiled scanner (no C compiler when the package
was installed) `scanner()` is None, and every line goes to the strict reader: slower, the same rows.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.tables import native
from pipeline.tables.arrays import Ints


class Kind(IntEnum):
    """How a field's value is read; MEMBER is a field that nobody reads, with whatever key."""

    INSTANT = 0
    NUMBER = 1
    WORD = 2
    MEMBER = 3
    ID = 4
    WHOLE = 5
    TRUTH = 6


_BLANKS = rb"[ \t\r]*"
_MEMBER = re.compile(rb'(%b[{,]%b)("[^"\\]*")(%b:%b)("[^"\\]*"|[^\s,"{}\[\]]+)' % ((_BLANKS,) * 4))
_TAIL = re.compile(rb"%b}%b" % (_BLANKS, _BLANKS))

_MOST_WORDS = 32
"""As in the C source: so many distinct words a field may have in a block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One field of a form: what stands before its value, and between its key and value if any key will do."""

    key: str
    kind: Kind
    before: bytes
    between: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of a line in order, and what stands behind the last value."""

    places: tuple[Place, ...]
    tail: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """The lines of one form, in order, by key: arrays of equal length.

    `values` has instants in us (int64), numbers (float64, NaN for null), and of words the positions among the
    distinct JSON texts in `words`; of a field that nobody reads, the distinct keys stand there. `ids` is null
    where there is none. `odd` are the places of all other lines.
    """

    values: dict[str, NDArray[Any]]
    words: dict[str, list[bytes]]
    ids: dict[str, pa.Array]
    odd: Ints


def learn(line: bytes, kinds: dict[str, Kind]) -> Form | None:
    """The form of a line, None if it has none; a field whose key `kinds` does not name is a member."""
    line = line.removesuffix(b"\r")
    places: list[Place] = []
    at = 0
    while found := _MEMBER.match(line, at):
        lead, key, between, _ = found.groups()
        if lead.strip(b" \t\r") != (b"," if places else b"{"):
            return None
        name = key[1:-1].decode("utf-8", "replace")
        kind = kinds.get(name, Kind.MEMBER)
        any_key = kind is Kind.MEMBER
        before, between = (lead, between) if any_key else (lead + key + between, b"")
        places.append(Place(key=name, kind=kind, before=before, between=between))
        at = found.end()
    tail = line[at:]
    return Form(places=tuple(places), tail=tail) if places and _TAIL.fullmatch(tail) else None


class _Field(ctypes.Structure):
    _fields_ = [
        ("kind", ctypes.c_int32),
        ("before_bytes", ctypes.c_int32),
        ("between_bytes", ctypes.c_int32),
        ("word_count", ctypes.c_int32),
        ("before", ctypes.c_char_p),
        ("between", ctypes.c_char_p),
        ("values", ctypes.c_void_p),
        ("words", ctypes.c_void_p),
        ("ids", ctypes.c_void_p),
        ("last", ctypes.c_void_p),
        ("last_bytes", ctypes.c_int64),
        ("last_value", ctypes.c_int64),
    ]


def scanner() -> Callable[..., int] | None:
    """The compiled function; None if it was not built."""
    return native.function(__file__, "scan")


class _Room:
    """What the scanner writes one field's values into."""

    _TYPES: ClassVar = {
        Kind.INSTANT: np.int64,
        Kind.NUMBER: np.float64,
        Kind.ID: np.int32,
        Kind.WHOLE: np.int64,
    }

    def __init__(self, place: Place, lines: int, size: int) -> None:
        self.values = np.empty(lines + 1, dtype=self._TYPES.get(place.kind, np.uint8))
        self.values[0] = 0
        self.words = np.empty((_MOST_WORDS, 2), dtype=np.int64)
        self.ids = np.empty(size if place.kind is Kind.ID else 0, dtype=np.uint8)
        self.field = _Field(
            kind=place.kind,
            before_bytes=len(place.before),
            between_bytes=len(place.between),
            before=place.before,
            between=place.between,
            values=self.values.ctypes.data,
            words=self.words.ctypes.data,
            ids=self.ids.ctypes.data,
        )

    def strings(self, rows: int) -> pa.Array:
        """The ids; empty ones are null."""
        ends = self.values[: rows + 1]
        known = pa.array(np.diff(ends) > 0).buffers()[1]
        texts = self.ids[: ends[-1]].copy()  # lest the room of a whole block stays with them
        buffers = [known, pa.py_buffer(ends), pa.py_buffer(texts)]
        return pa.Array.from_buffers(pa.string(), rows, buffers)


def scan(run: Callable[..., int], body: bytes, lines: int, form: Form) -> Scanned:
    """The lines of a body that have the form.

    Args:
        run: the compiled function, of `scanner()`.
        body: lines, without the line feed of the last.
        lines: how many they are.
        form: of the lines.
    """
    rooms = [_Room(place, lines, len(body)) for place in form.places]
    fields = (_Field * len(rooms))(*(room.field for room in rooms))
    odd = np.empty(lines, dtype=np.int64)
    rows = run(
        ctypes.c_char_p(body),
        ctypes.c_int64(len(body)),
        fields,
        ctypes.c_int32(len(rooms)),
        ctypes.c_char_p(form.tail),
        ctypes.c_int32(len(form.tail)),
        ctypes.c_void_p(odd.ctypes.data),
    )
    found = Scanned(values={}, words={}, ids={}, odd=odd[: lines - rows].copy())
    for place, room, field in zip(form.places, rooms, fields, strict=True):
        if place.kind is Kind.ID:
            found.ids[place.key] = room.strings(rows)
            continue
        found.values[place.key] = room.values[:rows]
        if place.kind in (Kind.WORD, Kind.MEMBER):
            ends = room.words[: field.word_count].tolist()
            found.words[place.key] = [body[start:end] for start, end in ends]
    return found
