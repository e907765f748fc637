"""Tables on disk: one set of Parquet options, and a content hash that no writer's version can move.

Belongs here: Arrow table <-> Parquet bytes. Which columns a table has is `contracts/schema.py`.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import storage


def write(
    path: Path, table: pa.Table, *, group_by: str | None = None, sync_folder: bool = True
) -> None:
    """Writes a table: zstd-3, byte-stream-split floats, dictionaries on strings only.

    Args:
        path: Where to; replaced whole or not at all.
        table: Sorted as it shall be read. No pandas metadata is written.
        group_by: A column, already sorted; each of its values becomes one row group.
        sync_folder: As in `storage.replacing`.
    """
    fields = [table.schema.field(i) for i in range(table.num_columns)]
    floats = [f.name for f in fields if pa.types.is_floating(f.type)]
    strings = [f.name for f in fields if pa.types.is_string(f.type)]
    with (
        storage.replacing(path, sync_folder=sync_folder) as handle,
        pq.ParquetWriter(
            handle,
            table.schema,
            version="2.6",
            compression="zstd",
            compression_level=3,
            use_dictionary=strings or False,
            use_byte_stream_split=floats or False,
            write_statistics=True,
            store_schema=True,
        ) as writer,
    ):
        for start, stop in _row_groups(table, group_by):
            writer.write_table(
                table.slice(start, stop - start), row_group_size=max(1, stop - start)
            )


def _row_groups(table: pa.Table, group_by: str | None) -> list[tuple[int, int]]:
    if group_by is None or table.num_rows == 0:
        return [(0, table.num_rows)]
    keys = table[group_by].combine_chunks().to_pylist()
    edges = [0, *(i for i in range(1, len(keys)) if keys[i] != keys[i - 1]), len(keys)]
    return list(pairwise(edges))


def read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """The table in a Parquet file, columns in the file's order."""
    with pq.ParquetFile(path) as file:
        return file.read(columns=columns)


def rows(path: Path) -> int:
    """The number of rows in a Parquet file, from its footer."""
    with pq.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def content_hash(table: pa.Table) -> str:
    """SHA-256 over names, types and values in row order, independent of any Parquet writer.

    Encoding, column by column: the field's name and type as text; the validity of each row as one
    byte (1 valid, 0 null); then fixed-width values little-endian with nulls as zero and every NaN as
    the one quiet NaN, or, for strings and binaries, each length (int64) followed by all bytes.
    """
    state = hashlib.sha256()
    state.update(f"rows={table.num_rows}\n".encode())
    for field in table.schema:
        column = table[field.name].combine_chunks()
        state.update(f"{field.name}:{field.type}\n".encode())
        valid = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=np.uint8)
        state.update(valid.tobytes())
        state.update(_value_bytes(column, field.type))
    return state.hexdigest()


def _value_bytes(column: pa.Array, kind: pa.DataType) -> bytes:
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        values = [v.encode() if isinstance(v, str) else (v or b"") for v in column.to_pylist()]
        lengths = np.array([len(v) for v in values], dtype="<i8")
        return lengths.tobytes() + b"".join(values)
    if pa.types.is_boolean(kind):
        return bytes(column.fill_null(False).cast(pa.uint8()).to_numpy(zero_copy_only=False))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        width = pa.int32() if pa.types.is_date32(kind) else pa.int64()
        column, kind = column.cast(width), width
    values_np = column.fill_null(0).to_numpy(zero_copy_only=False)
    if pa.types.is_floating(kind):
        values_np = np.where(np.isnan(values_np), np.nan, values_np)
    return np.ascontiguousarray(values_np).astype(values_np.dtype.newbyteorder("<")).tobytes()
