"""Arrow columns as the room's arrays: null becomes NaN here, and nowhere else."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.tables import arrays
from pipeline.tables.arrays import Floats


def as_floats(table: pa.Table, name: str, codes: dict[str, float] | None = None) -> Floats:
    """A column as floats, NaN where null; text by its code, unknown text as NaN."""
    if codes is None:
        return arrays.floats(table[name])
    texts = table[name].to_pylist()
    return np.array([codes.get(text, np.nan) for text in texts], dtype=np.float64)
