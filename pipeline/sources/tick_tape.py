"""Several tape files of a day -> one tape: repeated trades merged by their id, stably sorted by time.

Two trades may share time, price, size and side; so only an equal, non-null trade_id makes a repetition.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_IDENTITY = ["trade_id", "ts", "price", "qty"]


def order(table: pa.Table) -> tuple[int, int]:
    """Inversions in file order and the largest step back in microseconds."""
    steps = np.diff(_instants(table))
    return int((steps < 0).sum()), int(-steps.min(initial=0))


def join(tables: list[pa.Table], files: int) -> tuple[pa.Table, list[int]]:
    """One tape of several files in order, and how many ticks of each file were repetitions.

    `tables` have the column `file`, from 0 to `files` - 1. The first of equal trades stays; equal times
    keep the order of files and lines.
    """
    whole = pa.concat_tables(tables).combine_chunks()
    keep = _first_of_each(whole)
    lost = np.bincount(whole["file"].to_numpy()[~keep], minlength=files)
    whole = whole.filter(pa.array(keep))
    whole = whole.take(pa.array(np.argsort(_instants(whole), kind="stable")))
    return whole, [int(count) for count in lost]


def _instants(table: pa.Table) -> np.ndarray:
    stamps: np.ndarray = table["ts"].cast(pa.int64()).to_numpy()
    return stamps


def _first_of_each(table: pa.Table) -> np.ndarray:
    keep = np.ones(table.num_rows, dtype=bool)
    named = pc.is_valid(table["trade_id"])
    places = pa.array(np.arange(table.num_rows, dtype=np.int64))
    trades = table.select(_IDENTITY).append_column("place", places).filter(named)
    groups = trades.group_by(_IDENTITY, use_threads=False).aggregate([("place", "min")])
    if groups.num_rows < trades.num_rows:
        keep[trades["place"].to_numpy()] = False
        keep[groups["place_min"].to_numpy()] = True
    return keep
