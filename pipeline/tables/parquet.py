"""Tables on disk: one set of Parquet options, and a content hash that no writer's version can move.

Belongs here: Arrow table <-> Parquet bytes. Which columns a table has is `contracts/schema.py`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from os import SEEK_END
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import storage
from pipeline.packs import Stored
from pipeline.tables import arrays, trim_memory
from pipeline.tables.parts import FEW_ROWS, Part, Parts, single

PART_ROWS = 250_000
"""A row group of a table in parts has no more rows: who reads it by parts needs memory for so many."""


_BATCH_BYTES, _KEPT_BYTES = 1 << 26, 1 << 24
"""Of a file that is read column by column: as many bytes as are read, or kept, at once."""


def write(
    path: Path, table: pa.Table | Parts, *, group_by: str | None = None, sync_folder: bool = True
) -> None:
    """Puts a table at `path`, as `write_into`; replaced whole or not at all.

    Args:
        path: Where to.
        table: As for `write_into`.
        group_by: As for `write_into`.
        sync_folder: As in `storage.replacing`.
    """
    with storage.replacing(path, sync_folder=sync_folder) as handle:
        write_into(handle, table, group_by=group_by)


def write_into(handle: IO[bytes], table: pa.Table | Parts, *, group_by: str | None = None) -> None:
    """Writes a table into an open file: zstd-3, byte-stream-split floats, dictionaries on strings only.

    A table in parts that is not grouped is of trades, and for other steps alone: its prices, sizes and sides
    repeat, what was paid, its instants, ids and lines hardly ever do. So dictionaries on floats but for those
    in quote currency, differences of integers, zstd-1, statistics of instants alone: half of the time and the
    room.

    Args:
        handle: Where to, from where it stands; it stays open.
        table: Sorted as it shall be read; each part of one in parts becomes one or more row groups. No
            pandas metadata is written.
        group_by: A column, already sorted; each of its values becomes one row group of a table in one piece,
            unless each stands there once: a row group costs more than a row. A table in parts has one value
            a part then, and gives the same bytes as in one piece.
    """
    if isinstance(table, Parts) and group_by and {part.num_rows for part in table.parts} <= {1}:
        table = table.whole()
    with pq.ParquetWriter(
        handle,
        table.schema,
        version="2.6",
        compression="zstd",
        store_schema=True,
        **_encodings(table.schema, is_tape=isinstance(table, Parts) and group_by is None),
    ) as writer:
        if isinstance(table, pa.Table):
            for start, stop in _row_groups(table, group_by):
                writer.write_table(table.slice(start, stop - start), max(1, stop - start))
        else:
            # Each part is forgotten before the next one is read.
            most = PART_ROWS if group_by is None else sys.maxsize
            for part in table.parts:
                writer.write_table(part.read(None), max(1, min(most, part.num_rows)))
                if part.num_rows > FEW_ROWS:
                    pa.default_memory_pool().release_unused()
    if isinstance(table, Parts) and table.num_rows > FEW_ROWS:
        trim_memory.give_back()


def write_hashed(handle: IO[bytes], table: pa.Table | Parts, *, group_by: str | None = None) -> str:
    """As `write_into`; returns the table's `content_hash`, which of a large one a thread makes meanwhile."""
    if table.num_rows <= FEW_ROWS:
        write_into(handle, table, group_by=group_by)
        return content_hash(table)
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(content_hash, table)
        write_into(handle, table, group_by=group_by)
        return digest.result()


def _encodings(schema: pa.Schema, *, is_tape: bool) -> dict[str, Any]:
    def named(*tests: Callable[[pa.DataType], bool]) -> list[str]:
        return [field.name for field in schema if any(is_it(field.type) for is_it in tests)]

    floats = named(pa.types.is_floating)
    if is_tape:
        integers = named(pa.types.is_int64, pa.types.is_timestamp)
        repeated = [name for name in floats if _unit(schema, name) != b"quote"]
        return {
            "compression_level": 1,
            "use_dictionary": [*repeated, *named(pa.types.is_int8)] or False,
            "column_encoding": dict.fromkeys(integers, "DELTA_BINARY_PACKED") or None,
            "write_statistics": named(pa.types.is_timestamp) or False,
        }
    return {
        "compression_level": 3,
        "use_dictionary": named(pa.types.is_string) or False,
        "use_byte_stream_split": floats or False,
    }


def _unit(schema: pa.Schema, name: str) -> bytes:
    unit: bytes = (schema.field(name).metadata or {}).get(b"unit", b"")
    return unit


def _row_groups(table: pa.Table, group_by: str | None) -> list[tuple[int, int]]:
    if group_by is None or table.num_rows == 0:
        return [(0, table.num_rows)]
    keys = table[group_by].combine_chunks().to_pylist()
    edges = [0, *(i for i in range(1, len(keys)) if keys[i] != keys[i - 1]), len(keys)]
    return [(0, len(keys))] if len(edges) == len(keys) + 1 else list(pairwise(edges))


Place = Path | Stored
"""Where a table lies: a file of its own, or a member of a unit's."""

SMALL_BYTES = 1 << 22
"""A member that is no larger is read in one piece."""


@contextmanager
def opened(place: Place, footer: pq.FileMetaData | None = None) -> Iterator[pq.ParquetFile]:
    """A Parquet file, open for the block; its footer is not read again where it is given."""
    with ExitStack() as closing:
        source: Any = place
        if isinstance(place, Stored):
            source = closing.enter_context(place.open()) if place.member else place.file
            if place.member and source.seek(0, SEEK_END) <= SMALL_BYTES:
                source.seek(0)
                source = pa.BufferReader(source.read())
        yield closing.enter_context(pq.ParquetFile(source, metadata=footer))


def read(place: Place, columns: list[str] | None = None) -> pa.Table:
    """The table in a Parquet file, columns in the file's order."""
    with opened(place) as file:
        return file.read(columns=columns, use_threads=False)


def read_from(place: Place, columns: list[str], key: str, least: int) -> pa.Table:
    """The row groups of a Parquet file in which an instant may be `least` or later, those columns alone.

    Args:
        place: The file.
        columns: Names, in the file's order.
        key: A column of instants, with statistics.
        least: A count of the key's units since 1970 UTC.
    """
    with opened(place) as file:
        footer, place = file.metadata, file.schema_arrow.get_field_index(key)
        known = [footer.row_group(n).column(place).statistics for n in range(footer.num_row_groups)]
        wanted = [n for n, told in enumerate(known) if not _ends_before(told, least)]
        return file.read_row_groups(wanted, columns=columns, use_threads=False)


def _ends_before(told: pq.Statistics | None, least: int) -> bool:
    return told is not None and told.has_min_max and told.max_raw < least


def rows(place: Place) -> int:
    """The number of rows in a Parquet file, from its footer."""
    with opened(place) as file:
        return int(file.metadata.num_rows)


def in_parts(place: Place) -> Parts:
    """The table in a Parquet file by its row groups, each read when it is needed."""
    with opened(place) as file:
        schema = file.schema_arrow
        counts = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]

    def part(number: int, count: int) -> Part:
        return Part(num_rows=count, read=lambda names: _read_group(place, number, names))

    return Parts(schema=schema, parts=tuple(part(n, count) for n, count in enumerate(counts)))


def _read_group(place: Place, number: int, columns: list[str] | None) -> pa.Table:
    with opened(place) as file:
        table = file.read_row_group(number, columns=columns, use_threads=False)
    return table if columns is None else table.select(columns)


def by_columns(place: Place, names: list[str] | None = None) -> Parts:
    """The table in a Parquet file, or these columns of it, in parts of a few row groups: to go by columns.

    A table that is not large is read at once. Of another, a column that is not large is kept at hand until
    another one is asked for: it is read once.
    """
    with opened(place) as file:
        footer, schema = file.metadata, file.schema_arrow
        groups = (footer.row_group(number) for number in range(footer.num_row_groups))
        if sum(group.total_byte_size for group in groups) <= _KEPT_BYTES:
            whole = file.read(columns=names, use_threads=False)
            return single(whole if names is None else whole.select(names))
    batches, kept = _batches(footer), dict[tuple[int, tuple[str, ...]], pa.Table]()

    def read_columns(number: int, wanted: list[str] | None) -> pa.Table:
        columns = tuple(schema.names if wanted is None else wanted)
        if (number, columns) in kept:
            return kept[number, columns]
        if any(columns != others for _, others in kept):
            kept.clear()
        with opened(place, footer) as file:
            table = file.read_row_groups(batches[number], columns=list(columns), use_threads=False)
        if sum(part.nbytes for part in kept.values()) + table.nbytes <= _KEPT_BYTES:
            kept[number, columns] = table.select(columns)
        return table.select(columns)

    schema = schema if names is None else pa.schema([schema.field(name) for name in names])
    parts = (
        Part(
            num_rows=sum(footer.row_group(n).num_rows for n in batch),
            read=partial(read_columns, number),
        )
        for number, batch in enumerate(batches)
    )
    return Parts(schema=schema, parts=tuple(parts))


def unread(place: Place) -> Parts:
    """The table in a Parquet file as one part, of which no column is read before it is asked for."""
    with opened(place) as file:
        footer, schema = file.metadata, file.schema_arrow

    def read_columns(wanted: list[str] | None) -> pa.Table:
        with opened(place, footer) as file:
            return file.read(columns=wanted, use_threads=False).select(wanted or schema.names)

    return Parts(schema=schema, parts=(Part(num_rows=footer.num_rows, read=read_columns),))


@dataclass(frozen=True, slots=True, kw_only=True)
class BySymbols:
    """A table in parts by symbol, each read when it is asked for."""

    schema: pa.Schema
    parts: Mapping[str, Callable[[], pa.Table]]

    def read(self, symbol: str) -> pa.Table:
        """The symbol's rows; none where it has none."""
        return self.parts.get(symbol, self.schema.empty_table)()


def by_symbols(path: Path) -> BySymbols:
    """The table in a Parquet file, which has a column `symbol`, by its symbols."""
    with pq.ParquetFile(path) as file:
        footer, schema = file.metadata, file.schema_arrow
        symbols = file.read(columns=["symbol"])["symbol"].unique().to_pylist()
    place = schema.get_field_index("symbol")
    known = [footer.row_group(n).column(place).statistics for n in range(footer.num_row_groups)]

    def read_symbol(symbol: str) -> pa.Table:
        groups = [n for n, told in enumerate(known) if _may_have(told, symbol)]
        with pq.ParquetFile(path, metadata=footer) as file:
            rows = file.read_row_groups(groups, use_threads=False)
        return rows.filter(pc.equal(rows["symbol"], symbol))

    return BySymbols(schema=schema, parts={name: partial(read_symbol, name) for name in symbols})


def _may_have(told: pq.Statistics | None, symbol: str) -> bool:
    return told is None or not told.has_min_max or told.min <= symbol <= told.max


def _batches(footer: pq.FileMetaData) -> list[list[int]]:
    """Row groups of so many rows and bytes together as are read at once."""
    found, rows, size = list[list[int]](), 0, 0
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        rows, size = rows + group.num_rows, size + group.total_byte_size
        if not found or rows > PART_ROWS or size > _BATCH_BYTES:
            found.append([])
            rows, size = group.num_rows, group.total_byte_size
        found[-1].append(number)
    return found


def content_hash(table: pa.Table | Parts) -> str:
    """SHA-256 over names, types and values in row order, independent of any Parquet writer.

    Encoding, column by column: the field's name and type as text; the validity of each row as one
    byte (1 valid, 0 null); then fixed-width values little-endian with nulls as zero and every NaN as
    the one quiet NaN, or, for strings and binaries, each length (int64) followed by all bytes.
    """
    parts = table if isinstance(table, Parts) else single(table)
    state = hashlib.sha256()
    state.update(f"rows={parts.num_rows}\n".encode())
    for field in parts.schema:
        state.update(f"{field.name}:{field.type}\n".encode())
        for column in _column(parts, field.name):
            state.update(_bytes(arrays.valid(column)))
        is_text = pa.types.is_string(field.type) or pa.types.is_binary(field.type)
        if is_text:
            for column in _column(parts, field.name):
                state.update(_bytes(np.diff(arrays.text_ends(_no_null(column))).astype("<i8")))
        for column in _column(parts, field.name):
            state.update(_text_bytes(column) if is_text else _bytes(_values(column)))
    return state.hexdigest()


def _column(parts: Parts, name: str) -> Iterator[pa.Array]:
    """A column chunk by chunk."""
    return (chunk for table in parts.tables([name]) for chunk in table[name].chunks)


def _bytes(values: np.ndarray) -> memoryview:
    return np.ascontiguousarray(values).view(np.uint8).data


def _no_null(column: pa.Array) -> pa.Array:
    """The texts, empty where null."""
    if column.null_count == 0:
        return column
    return column.fill_null(pa.scalar(b"", pa.binary()).cast(column.type))


def _text_bytes(column: pa.Array) -> memoryview:
    """The bytes of all values, one behind the other."""
    whole = _no_null(column)
    ends = arrays.text_ends(whole)
    return memoryview(whole.buffers()[2] or b"")[int(ends[0]) : int(ends[-1])]


def _values(column: pa.Array) -> np.ndarray:
    values = arrays.raw(column)
    if column.null_count:
        values = np.where(arrays.valid(column), values, np.zeros(1, dtype=values.dtype))
    if values.dtype.kind == "f":
        odd = np.isnan(values)
        if odd.any():
            values = np.where(odd, np.nan, values).astype(values.dtype, copy=False)
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
