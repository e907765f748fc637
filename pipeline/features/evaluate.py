"""From a frame to published columns: the one door at which NaN becomes null.

Belongs here: what every feature goes through. Building frames is `micro.py` and `macro.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from pipeline.contracts.schema import TYPES
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.tables import arrays
from pipeline.tables.arrays import Floats


def evaluate(steps: Iterable[Step], frame: Frame) -> dict[str, pa.Array]:
    """The asked-for rows of every step: name -> column of its type, null where not known."""
    return {step.name: column(values(step, frame), step.type) for step in steps}


def values(step: Step, frame: Frame) -> Floats:
    """The asked-for rows of one step, NaN before its warm-up is full and where it is not known."""
    rows = np.arange(len(frame))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        found = step(frame)
    warm = rows - frame.since + 1 >= step.warm_up
    return np.where(warm & np.isfinite(found), found, np.nan)[len(frame) - frame.rows :]


def column(found: Floats, kind: str) -> pa.Array:
    """Values as an Arrow column: NaN is null, -0.0 is 0.0, whole numbers for whole types."""
    missing = np.isnan(found)
    target = TYPES[kind]
    if pa.types.is_floating(target):
        return arrays.column(found + 0.0, missing)
    return arrays.column(np.where(missing, 0.0, found).astype(target.to_pandas_dtype()), missing)
