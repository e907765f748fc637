"""Arrow columns as numpy arrays and back, by their buffers.

pyarrow's own conversions load pandas where it is installed: a third of a second and 50 MB that a step has
no use for. Belongs here: columns of fixed width. What the numbers mean is for others.
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
    """A column of numbers or truth values as floats, NaN where null; read-only."""
    array = _one(column, pa.float64())
    values: Floats = _buffer(array, np.dtype(np.float64))
    return np.where(valid(array), values, np.nan) if array.null_count else values


def ints(column: pa.Array | pa.ChunkedArray) -> Ints:
    """A column of whole numbers or instants (their count of units), what stands under a null; read-only."""
    values: Ints = _buffer(_one(column, pa.int64()), np.dtype(np.int64))
    return values


def valid(array: pa.Array) -> Bools:
    """Which rows of an array are not null."""
    bits = array.buffers()[0]
    if bits is None:
        return np.ones(len(array), dtype=np.bool_)
    known = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), bitorder="little")
    return known[array.offset : array.offset + len(array)].view(np.bool_)


def column(values: npt.NDArray[Any], missing: Bools | None = None) -> pa.Array:
    """Numbers as an Arrow array of their own type, null where `missing`."""
    known = None if missing is None or not missing.any() else bits(~missing)
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [known, data])


def truths(values: Bools) -> pa.Array:
    """Truth values as an Arrow array."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, bits(values)])


def bits(values: Bools) -> pa.Buffer:
    """Truth values as Arrow packs them."""
    return pa.py_buffer(np.packbits(values, bitorder="little"))


def _one(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """The column in one piece and of that type."""
    column = column if column.type == kind else column.cast(kind)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _buffer(array: pa.Array, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    data = array.buffers()[1]
    if data is None or len(array) == 0:
        return np.zeros(0, dtype=kind)
    return np.frombuffer(data, dtype=kind, count=array.offset + len(array))[array.offset :]
