"""Several kline files of one day -> one day: the most trusted file's rows, the others' only in its gaps."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTES_PER_DAY
from pipeline.sources.kline_rows import KEYS

COMPLETE = {"binance_1m": MINUTES_PER_DAY, "binance_1d": 1}
"""Kline feed -> rows of a complete day."""

_VALUES = ("open", "high", "low", "close", "volume")


def opens(rows: pa.Table, source: str) -> np.ndarray:
    """The open times in us."""
    stamps: np.ndarray = rows[KEYS[source]].cast(pa.int64()).to_numpy()
    return stamps


def fill(rows: pa.Table, before: list[pa.Table], source: str) -> tuple[pa.Table, int]:
    """The rows of a less trusted file that no file before has.

    Returns:
        Those rows, and how many of the others have different prices or volume (B08).
    """
    known = {at: values for table in before for at, values in _prints(table, source).items()}
    mine = _prints(rows, source)
    differing = sum(1 for at, values in mine.items() if known.get(at, values) != values)
    missing = pa.array([at not in known for at in mine], pa.bool_())
    return rows.filter(missing), differing


def _prints(rows: pa.Table, source: str) -> dict[int, tuple[float, ...]]:
    values = zip(*(rows[name].to_pylist() for name in _VALUES), strict=True)
    return dict(zip(opens(rows, source).tolist(), values, strict=True))
