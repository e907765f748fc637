"""Row groups of a Parquet file by themselves: where each one lies, and reading it without the others.

A footer describes all row groups, one after another, between what holds for the whole file: the schema
before them, the writer after them. It is of Thrift's compact protocol, where nothing points anywhere, so
that the piece of one row group between those two is a footer too: of a file with that row group alone.
Belongs here: that cut, and reading such a file. Whether bytes are those that were published is the reader's.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.packs import Stored
from pipeline.tables import parquet

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_MAGIC = b"PAR1"
_ENDING = 8
"""Bytes behind a footer: its length, and the magic."""

ROOM = 64
"""A footer of fewer row groups is no longer than the whole one by so many bytes."""

_TRUE, _FALSE, _BYTE, _VARINT, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 6, 7, 8, 9, 10, 12
_NUM_ROWS, _ROW_GROUPS = 3, 4
"""Fields of Parquet's `FileMetaData`; the schema is the one before, fields of the writer come behind."""


class Span(NamedTuple):
    """A range of a file's bytes."""

    offset: int
    bytes: int


class Group(NamedTuple):
    """A row group of one symbol: its rows, its bytes, and the piece of the footer that describes it."""

    symbol: str
    rows: int
    data: Span
    footer: Span


class Layout(NamedTuple):
    """What a file is cut into: the footer's two ends, which each row group needs, and the row groups."""

    schema: Span
    writer: Span
    groups: tuple[Group, ...]


class Ends(NamedTuple):
    """The bytes of a footer's two ends."""

    schema: bytes
    writer: bytes


class Piece(NamedTuple):
    """A row group's number of rows, and the bytes of its piece of the footer."""

    rows: int
    footer: bytes


def layout(place: Stored) -> Layout | None:
    """Where a file's row groups lie; None where one of them may have rows of two symbols, or it has none."""
    with parquet.opened(place) as file:
        metadata = file.metadata
    symbols = [_symbol(metadata.row_group(n)) for n in range(metadata.num_row_groups)]
    known = [symbol for symbol in symbols if symbol is not None]
    if not known or len(known) < len(symbols):
        return None
    start, footer = _footer(place)
    schema, pieces, writer = _cut(footer, start)
    starts = [_start(metadata.row_group(n)) for n in range(len(known))]
    return Layout(
        schema=schema,
        writer=writer,
        groups=tuple(
            Group(known[n], metadata.row_group(n).num_rows, Span(at, end - at), pieces[n])
            for n, (at, end) in enumerate(pairwise([*starts, start]))
        ),
    )


def read(
    image: Buffer, at: int, ends: Ends, pieces: Sequence[Piece], columns: Sequence[str] | None
) -> pa.Table:
    """The rows of row groups in the file's order; columns in the file's order.

    Args:
        image: The file, as far as these row groups lie in it; what is elsewhere nobody looks at. It has room
            for the file's length and `ROOM` bytes, and is written to.
        at: Where the footer begins.
        ends: What the footer's piece of each is put between.
        pieces: Of each row group.
        columns: Their names; None means all.
    """
    footer = b"".join(
        (
            ends.schema,
            _header(1, _VARINT) + _varint(sum(piece.rows for piece in pieces) * 2),  # zigzag
            _header(1, _LIST) + _header(15, _STRUCT) + _varint(len(pieces)),
            *(piece.footer for piece in pieces),
            ends.writer,
        )
    )
    ending = footer + len(footer).to_bytes(4, "little") + _MAGIC
    with memoryview(image) as view:
        view[: len(_MAGIC)] = _MAGIC
        view[at : at + len(ending)] = ending
    source = pa.BufferReader(pa.py_buffer(image).slice(0, at + len(ending)))
    with pq.ParquetFile(source) as file:
        return file.read_row_groups(range(len(pieces)), columns=columns, use_threads=False)


def _symbol(group: pq.RowGroupMetaData) -> str | None:
    """The one symbol of a row group's rows."""
    for place in range(group.num_columns):
        column = group.column(place)
        if column.path_in_schema == "symbol":
            told = column.statistics
            alone = told is not None and told.has_min_max and told.min == told.max
            return told.min if alone and told.null_count == 0 else None
    return None


def _start(group: pq.RowGroupMetaData) -> int:
    first = group.column(0)
    return int(first.dictionary_page_offset or first.data_page_offset)


def _footer(place: Stored) -> tuple[int, bytes]:
    """Where the footer of a file begins, and its bytes."""
    with place.open() as file:
        end = file.seek(-_ENDING, io.SEEK_END)
        start = end - int.from_bytes(file.read(4), "little")
        file.seek(start)
        return start, file.read(end - start)


def _cut(footer: bytes, start: int) -> tuple[Span, list[Span], Span]:
    """The footer up to its number of rows, each row group's piece, and all that comes behind them."""
    at, field, schema, groups = 0, 0, Span(start, 0), list[Span]()
    while kind := footer[at] & 15:
        field += footer[at] >> 4
        if field == _NUM_ROWS:
            schema = Span(start, at)
        at += 1
        if field != _ROW_GROUPS:
            at = _behind(footer, at, kind)
            continue
        count, at = _size(footer, at)
        for _ in range(count):
            end = _behind(footer, at, _STRUCT)
            groups.append(Span(start + at, end - at))
            at = end
        return schema, groups, Span(start + at, len(footer) - at)
    raise ValueError("a Parquet footer has no row groups")


def _behind(data: bytes, at: int, kind: int) -> int:
    """The place behind a value of Thrift's compact protocol."""
    if kind == _STRUCT:
        while header := data[at]:
            at = at + 1 if header >> 4 else _behind_varint(data, at + 1)
            if header & 15 not in (_TRUE, _FALSE):
                at = _behind(data, at, header & 15)
        return at + 1
    if kind == _BINARY:
        size, at = _number(data, at)
        return at + size
    if kind in (_LIST, _SET):
        inner = data[at] & 15
        count, at = _size(data, at)
        for _ in range(count):
            at = at + 1 if inner in (_TRUE, _FALSE) else _behind(data, at, inner)
        return at
    return (
        at + {_BYTE: 1, _DOUBLE: 8}[kind] if kind in (_BYTE, _DOUBLE) else _behind_varint(data, at)
    )


def _behind_varint(data: bytes, at: int) -> int:
    while data[at] > 127:
        at += 1
    return at + 1


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A varint, and the place behind it."""
    end = _behind_varint(data, at)
    return sum((byte & 127) << 7 * n for n, byte in enumerate(data[at:end])), end


def _size(data: bytes, at: int) -> tuple[int, int]:
    """The number of elements that a list's header tells, and the place behind it."""
    short = data[at] >> 4
    return _number(data, at + 1) if short == 15 else (short, at + 1)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _header(step: int, kind: int) -> bytes:
    """Of a field, so many numbers behind the one before; or of a list of so many, 15: they follow."""
    return bytes([step << 4 | kind])
