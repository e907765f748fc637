"""Arrow columns as numpy arrays and back, by their buffers.

pyarrow's own conversions load pandas where it is installed, and its casts the whole of `pyarrow.compute`: a
third of a second and 50 MB that a step has no use for. Belongs here: how columns lie in memory. What the
values mean is for others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def floats(column: pa.Array | pa.ChunkedArray) -> Floats:
    """A column of numbers or truth values as floats, NaN where null; of floats not a copy."""
    array = one(column)
    values = raw(array).astype(np.float64, copy=False)
    return np.where(valid(array), values, np.nan) if array.null_count else values


def ints(column: pa.Array | pa.ChunkedArray) -> Ints:
    """A column of whole numbers, or of instants as counts of their unit; nulls are not told apart."""
    return raw(one(column)).astype(np.int64, copy=False)


def truths(column: pa.Array | pa.ChunkedArray) -> Bools:
    """A column of truth values, false where null."""
    array = one(column)
    return raw(array) & valid(array)


def one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def raw(array: pa.Array) -> npt.NDArray[Any]:
    """What lies in an array of numbers, instants or truth values; anything under a null."""
    if pa.types.is_boolean(array.type):
        return _unpacked(array, 1)
    kind = array.type
    if pa.types.is_temporal(kind):
        kind = pa.int64() if kind.bit_width == 64 else pa.int32()
    return _slots(array, 1, np.dtype(kind.to_pandas_dtype()), len(array))


def valid(array: pa.Array) -> Bools:
    """Which values of an array are not null."""
    return _unpacked(array, 0) if array.null_count else np.ones(len(array), dtype=np.bool_)


def text_ends(array: pa.Array) -> npt.NDArray[np.int32]:
    """Where the bytes of each text begin in the third buffer, and where the last ends."""
    return _slots(array, 1, np.dtype(np.int32), len(array) + 1)


def column(values: npt.NDArray[Any], missing: Bools | None = None) -> pa.Array:
    """Numbers as an Arrow array of their own type, null where `missing`."""
    known = None if missing is None or not missing.any() else _packed(~missing)
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [known, data])


def _slots(array: pa.Array, buffer: int, kind: np.dtype[Any], count: int) -> npt.NDArray[Any]:
    data = array.buffers()[buffer]
    if not data:
        return np.zeros(count, dtype=kind)
    return np.frombuffer(data, dtype=kind, count=array.offset + count)[array.offset :]


def _unpacked(array: pa.Array, buffer: int) -> Bools:
    data = array.buffers()[buffer]
    bits = np.unpackbits(np.frombuffer(data or b"", dtype=np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].view(np.bool_)


def _packed(values: Bools) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little"))
