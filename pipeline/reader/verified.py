"""Rows of published files whose bytes are those of their manifest.

Which files belong to a range of days is `loading.py`. Here: hashing each once, and reading them side by side.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.contracts.manifest import FileEntry
from pipeline.errors import SnapshotCorruptError

_hashed: dict[tuple[str, int, int, int], str] = {}
"""Path, size, time and inode of a file -> the SHA-256 that it was seen to have."""


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

    It is hashed once in the life of the process, as long as its size, time and inode stay the same.

    Raises:
        SnapshotCorruptError: other bytes, or none that can be read.
    """
    try:
        status = part.path.stat()
        key = (str(part.path), status.st_size, status.st_mtime_ns, status.st_ino)
        if key not in _hashed:
            _hashed[key] = _sha256(part.path)
    except OSError as error:
        raise corrupt(part.path, error.strerror or str(error)) from error
    if _hashed[key] != part.entry.sha256:
        raise corrupt(part.path, f"sha256 is {_hashed[key]}, its manifest says {part.entry.sha256}")
    return part.path


def read(parts: list[Part], wanted: Wanted) -> list[pa.Table]:
    """The rows of each file, in the order given; files are hashed and read on all cores.

    Raises:
        SnapshotCorruptError: of the first file that is not what its manifest says.
    """
    if len(parts) < 2:
        return [_rows(part, wanted) for part in parts]
    with ThreadPoolExecutor(min(len(parts), pa.cpu_count())) as pool:
        return list(pool.map(lambda part: _rows(part, wanted), parts))


def corrupt(path: Path, what: str) -> SnapshotCorruptError:
    """The error for a file or folder that is not what was published."""
    return SnapshotCorruptError(
        f"{path}: {what}; do not use it, run `kitchen verify` and restore the copy"
    )


def _sha256(path: Path) -> str:
    """The digest of a file's bytes; a link is not followed."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(handle, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _rows(part: Part, wanted: Wanted) -> pa.Table:
    path, there = check(part), set(part.columns)
    here = [column for column in wanted.columns if column in there]
    # Looking columns up by name in each file costs a tenth of reading them all.
    chosen = here if len(here) < len(there) else None
    # One thread a file: with files side by side, threads inside each would only wait for one another.
    with pq.ParquetFile(path, pre_buffer=True) as file:
        if wanted.symbols is None:
            return file.read(columns=chosen, use_threads=False)
        groups = _row_groups(file, wanted.symbols)
        columns = None if chosen is None else list(dict.fromkeys([*chosen, "symbol"]))
        rows = file.read_row_groups(groups, columns=columns, use_threads=False)
        return rows.filter(pc.is_in(rows["symbol"], pa.array(wanted.symbols))).select(here)


def _row_groups(file: pq.ParquetFile, symbols: list[str]) -> list[int]:
    """The row groups in which one of the symbols can be; most have one symbol each."""
    at = file.schema.names.index("symbol")
    found = []
    for number in range(file.num_row_groups):
        known = file.metadata.row_group(number).column(at).statistics
        if (
            known is None
            or not known.has_min_max
            or any(known.min <= s <= known.max for s in symbols)
        ):
            found.append(number)
    return found
