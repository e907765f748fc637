"""Arrow columns as the room's arrays: null becomes NaN here, and nowhere else."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.exact import Floats


def as_floats(table: pa.Table, name: str, codes: dict[str, float] | None = None) -> Floats:
    """A column as floats, NaN where null; text by its code, unknown text as NaN."""
    found = table[name].combine_chunks()
    if codes is not None:
        return np.array([codes.get(value, np.nan) for value in found.to_pylist()], dtype=np.float64)
    numbers = found.cast(pa.float64()) if not pa.types.is_floating(found.type) else found
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
