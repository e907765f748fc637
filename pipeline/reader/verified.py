"""Rows of published files whose bytes are those of their manifest.

Which files belong to a range of days is `loading.py`. Here: reading no more than is asked for, holding it
against its digests, once a state of the file, and files side by side.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import system
from pipeline.contracts.manifest import FileEntry, Footer, Range, RowGroup
from pipeline.errors import SnapshotCorruptError
from pipeline.reader import remembered
from pipeline.tables import row_groups
from pipeline.tables.row_groups import Ends, Piece

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One published file: where it lies, and what its manifest says of it."""

    path: Path
    entry: FileEntry

    @property
    def columns(self) -> list[str]:
        """Names of its columns, in order."""
        return [column.name for column in self.entry.columns]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of each file is asked for. No symbols means all; a column that a file lacks is left out."""

    symbols: list[str] | None
    columns: Sequence[str]


def check(part: Part) -> Path:
    """The path of a file whose bytes are those of its manifest.

    It is hashed once, as long as its identity stays the same (`remembered.py`).

    Raises:
        SnapshotCorruptError: other bytes, or none that can be read.
    """
    whole = Range(offset=0, bytes=part.entry.bytes, sha256=part.entry.sha256)
    with _opened(part.path) as handle:
        state = os.fstat(handle)
        record = remembered.record(state, [whole])
        if not remembered.holds(record):
            with open(handle, "rb", closefd=False) as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != whole.sha256:
                raise corrupt(part.path, f"sha256 is {found}, its manifest says {whole.sha256}")
            remembered.note(record, state)
    return part.path


def ranges(path: Path, wanted: Sequence[Range]) -> list[bytes]:
    """Those bytes of a file, once they have their digests; whatever else is in it does not matter.

    Raises:
        SnapshotCorruptError: other bytes, or none that can be read.
    """
    return _taken(_image(path, wanted), wanted)


def _image(path: Path, wanted: Sequence[Range]) -> mmap.mmap:
    """A file as far as these ranges, which have their digests; pages between them are not there."""
    end = max(part.offset + part.bytes for part in wanted)
    with _opened(path) as handle:
        state = os.fstat(handle)
        if state.st_size < end:
            raise corrupt(path, f"has {state.st_size} bytes, wanted {end} or more")
        image = system.memory(end + row_groups.ROOM)
        view = memoryview(image)
        for part in wanted:
            place = view[part.offset : part.offset + part.bytes]
            if system.read_into(handle, place, part.offset) != part.bytes:
                raise corrupt(path, f"ends within bytes {part.offset} to {end}, which it had")
        record = remembered.record(state, wanted)
        if not remembered.holds(record):
            for part in wanted:
                _hold(path, part, view[part.offset : part.offset + part.bytes])
            remembered.note(record, state)
    return image


def _hold(path: Path, part: Range, data: memoryview) -> None:
    digest = hashlib.sha256(data).hexdigest()
    if digest != part.sha256:
        place = f"bytes {part.offset} to {part.offset + part.bytes}"
        raise corrupt(path, f"sha256 of {place} is {digest}, wanted {part.sha256}")


def _taken(image: mmap.mmap, wanted: Sequence[Range]) -> list[bytes]:
    return [image[part.offset : part.offset + part.bytes] for part in wanted]


def check_all(parts: Sequence[Part]) -> list[Path]:
    """As `check`, of many files side by side."""
    return _side_by_side(check, parts)


def read(parts: Sequence[Part], wanted: Wanted) -> list[pa.Table]:
    """The rows of each file, in the order given; files are hashed and read on all cores.

    Raises:
        SnapshotCorruptError: of the first file that is not what its manifest says.
    """
    return _side_by_side(lambda part: _rows(part, wanted), parts)


def _side_by_side(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    try:
        if len(parts) < 2:
            return [work(part) for part in parts]
        with ThreadPoolExecutor(min(len(parts), pa.cpu_count())) as pool:
            return list(pool.map(work, parts))
    finally:
        remembered.keep()


def corrupt(path: Path | str, what: str) -> SnapshotCorruptError:
    """The error for a file or folder that is not what was published."""
    return SnapshotCorruptError(
        f"{path}: {what}; do not use it, run `kitchen verify`,"
        " and `kitchen copy --repair` from a copy of the store"
    )


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A file for reading; a link is not followed."""
    try:
        handle = os.open(path, os.O_RDONLY | system.NO_LINK | system.KEPT)
        try:
            yield handle
        finally:
            os.close(handle)
    except OSError as error:
        raise corrupt(path, error.strerror or str(error)) from error


def _rows(part: Part, wanted: Wanted) -> pa.Table:
    there = set(part.columns)
    here = [column for column in wanted.columns if column in there]
    # Looking columns up by name in each file costs a tenth of reading them all.
    chosen = here if len(here) < len(there) else None
    if part.entry.footer is not None and wanted.symbols is not None:
        groups = [group for group in part.entry.row_groups if group.symbol in wanted.symbols]
        return _row_groups(part.path, part.entry.footer, groups, chosen).select(here)
    # One thread a file: with files side by side, threads inside each would only wait for one another.
    with pq.ParquetFile(check(part), pre_buffer=True) as file:
        if wanted.symbols is None:
            return file.read(columns=chosen, use_threads=False)
        columns = None if chosen is None else list(dict.fromkeys([*chosen, "symbol"]))
        rows = file.read(columns=columns, use_threads=False)
        return rows.filter(pc.is_in(rows["symbol"], pa.array(wanted.symbols))).select(here)


def _row_groups(
    path: Path, footer: Footer, groups: list[RowGroup], columns: list[str] | None
) -> pa.Table:
    """Those row groups, without a look at the others."""
    described = [footer.schema, footer.writer, *(group.footer for group in groups)]
    image = _image(path, [*described, *groups])
    schema, writer, *own = _taken(image, described)
    pieces = [Piece(group.rows, piece) for group, piece in zip(groups, own, strict=True)]
    return row_groups.read(image, footer.schema.offset, Ends(schema, writer), pieces, columns)
