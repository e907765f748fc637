"""A table in parts that follow each other, for days whose ticks shall not stand in memory at once.

Belongs here: putting tables aside and getting their columns back. Parquet files are `parquet.py`.
"""

from __future__ import annotations

import mmap
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline import system

Columns = list[str] | None
"""Names of columns, in the order wanted; None for all."""

FEW_ROWS = 100_000
"""A table with no more rows may stand in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows that can be read when they are needed."""

    num_rows: int
    read: Callable[[Columns], pa.Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A table in parts, in order."""

    schema: pa.Schema
    parts: tuple[Part, ...]

    @property
    def num_rows(self) -> int:
        """Rows of all parts."""
        return sum(part.num_rows for part in self.parts)

    def tables(self, columns: Columns = None) -> Iterator[pa.Table]:
        """One part after the other."""
        return (part.read(columns) for part in self.parts)

    def whole(self) -> pa.Table:
        """All parts as one table."""
        if len(self.parts) == 1:
            return self.parts[0].read(None).combine_chunks()
        return pa.concat_tables([self.schema.empty_table(), *self.tables()]).combine_chunks()


def in_memory(table: pa.Table) -> Part:
    """A table as a part."""
    return Part(
        num_rows=table.num_rows, read=lambda names: table if names is None else table.select(names)
    )


def single(table: pa.Table) -> Parts:
    """A table as its only part."""
    return Parts(schema=table.schema, parts=(in_memory(table),))


def at_hand(table: Parts, columns: Columns = None) -> Parts:
    """A table, or some columns of it, to be read again and again: in memory, in one, if it has few rows."""
    if table.num_rows > FEW_ROWS:
        return table
    empty = table.schema.empty_table().select(columns or table.schema.names)
    return single(pa.concat_tables([empty, *table.tables(columns)]).combine_chunks())


def cut(table: pa.Table) -> Parts:
    """A table in parts of few rows."""
    starts = range(0, table.num_rows, FEW_ROWS)
    parts = (in_memory(table.slice(start, FEW_ROWS)) for start in starts)
    return Parts(schema=table.schema, parts=tuple(parts))


def as_parts(table: pa.Table | Parts) -> Parts:
    """The table in parts; one that is not, as its only part."""
    return table if isinstance(table, Parts) else single(table)


class Spill:
    """Tables put aside in a file without a name, column by column; it ends with this object.

    The first few rows stay in memory, for they are all that most days have. Nothing of it is ever seen in the
    folder, whatever happens to the program. Several threads may use it.
    What is read again is not copied: it is the file's own pages, for as long as somebody holds the column.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._end, self._rows, self._growing = 0, 0, threading.Lock()

    def put(self, table: pa.Table) -> Part:
        """Puts a table aside.

        Raises:
            OSError: no room left.
        """
        with self._growing:
            self._rows += table.num_rows
        if self._rows <= FEW_ROWS:
            return in_memory(table)
        places = {name: self._put(table.select([name])) for name in table.column_names}
        schema = table.schema

        def read(names: Columns) -> pa.Table:
            wanted = schema.names if names is None else names
            arrays = [self._get(schema.field(name), *places[name]) for name in wanted]
            return pa.Table.from_arrays(arrays, schema=pa.schema(map(schema.field, wanted)))

        return Part(num_rows=table.num_rows, read=read)

    def _put(self, column: pa.Table) -> tuple[int, int]:
        (batch,) = column.combine_chunks().to_batches() or [None]
        if batch is None:
            return 0, 0
        data = memoryview(batch.serialize())
        with self._growing:
            start = self._end
            self._end += -(-len(data) // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        done = 0
        while done < len(data):
            done += system.write_at(self._file.fileno(), data[done:], start + done)
        return start, len(data)

    def _get(self, field: pa.Field, start: int, size: int) -> pa.Array:
        if size == 0:
            return pa.array([], field.type)
        data = system.view(self._file.fileno(), size, start)
        batch = pa.ipc.read_record_batch(pa.py_buffer(data), pa.schema([field]))
        return batch.column(0)
