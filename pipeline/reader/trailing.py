"""Point in time: what was known at an instant, and standardising a column by its own past alone."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.clock import MINUTE_US
from pipeline.errors import ContractError, ParameterError
from pipeline.reader.arguments import instant_of
from pipeline.tables.arrays import Floats, Ints

_KNOWN_FROM = ("available_at", "valid_from")
_CELLS = 1 << 22
"""So many window values are looked at together, to bound memory."""


def known_at(table: pa.Table, instant: dt.datetime | str) -> pa.Table:
    """The rows that were known at an instant: `available_at` (of macro rows `valid_from`) not after it.

    Args:
        table: Rows of `bars_1m`, `features_micro` or `macro_slow`.
        instant: Aware, or ISO text with a zone.

    Raises:
        ParameterError: it is no instant, or has no zone.
        ContractError: the table does not say when its rows are known.
    """
    moment = instant_of(instant, "instant")
    name = next((n for n in _KNOWN_FROM if n in table.column_names), None)
    if name is None:
        raise ContractError(
            f"known_at: the table has neither {' nor '.join(_KNOWN_FROM)}; load that column too"
        )
    return table.filter(pc.less_equal(table[name], pa.scalar(moment, pa.timestamp("us", tz="UTC"))))


def trailing_zscore(
    table: pa.Table, column: str, window: int, min_count: int | None = None
) -> pa.Array:
    """A column in standard deviations from its mean, both of the minutes before the row alone.

    z(t) = (x(t) - mean) / sd over the same symbol's rows with `ts` in [t - window min, t - 1 min], sd with
    n - 1. Each window is summed by itself, so that a value does not depend on where the table begins,
    once its window lies inside.

    Args:
        table: With `symbol`, `ts` (whole minutes, each once a symbol) and the column, in any order.
        column: A numeric column.
        window: Minutes before the row.
        min_count: Measured values that a window must have; None means all.

    Returns:
        One value a row of the table, in its order; null where the row is not measured, its window has too
        few values (as at the beginning, or beside a missing day) or did not move.

    Raises:
        ParameterError: a window below 2 or a `min_count` that it cannot have.
        ContractError: a column is not there, or a minute stands twice.
    """
    needed = window if min_count is None else min_count
    if window < 2 or not 2 <= needed <= window:
        raise ParameterError(
            f"trailing_zscore: window {window} and min_count {needed}, wanted a window of at least 2"
            " minutes and 2 to that many values in it"
        )
    lost = [n for n in ("symbol", "ts", column) if n not in table.column_names]
    if lost:
        raise ContractError(f"trailing_zscore: the table has no {', '.join(lost)}; load it too")
    minutes = table["ts"].cast(pa.int64()).to_numpy() // MINUTE_US
    values = table[column].cast(pa.float64()).to_numpy(zero_copy_only=False)
    codes = table["symbol"].combine_chunks().dictionary_encode()
    symbols = codes.indices.to_numpy()
    found = np.full(table.num_rows, np.nan)
    for code in range(len(codes.dictionary)):
        rows = np.flatnonzero(symbols == code)
        found[rows] = _of_symbol(minutes[rows], values[rows], window, needed)
    return pa.array(found, pa.float64(), mask=np.isnan(found))


def _of_symbol(minutes: Ints, x: Floats, window: int, needed: int) -> Floats:
    """One symbol's values; minutes without a row are laid out as not measured."""
    first = minutes.min()
    at = minutes - first + window
    grid = np.full(int(minutes.max() - first) + 1 + window, np.nan)
    if np.unique(at).size != at.size:
        raise ContractError(
            "trailing_zscore: a minute stands twice for a symbol; load each day once"
        )
    grid[at] = x
    before = np.lib.stride_tricks.sliding_window_view(grid, window)
    found = np.full(x.size, np.nan)
    step = max(1, _CELLS // window)
    for start in range(0, x.size, step):
        part = slice(start, start + step)
        # The window of row i begins `window` minutes before it and ends one minute before it.
        found[part] = _standardised(x[part], before[at[part] - window], needed)
    return found


def _standardised(x: Floats, past: Floats, needed: int) -> Floats:
    known = ~np.isnan(past)
    count = known.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(known, past, 0.0).sum(axis=1) / count
        away = np.where(known, past - mean[:, None], 0.0)
        spread = np.sqrt((away * away).sum(axis=1) / (count - 1))
        z = (x - mean) / spread
    lowest = np.where(known, past, np.inf).min(axis=1)
    moved = lowest < np.where(known, past, -np.inf).max(axis=1)
    return np.where((count >= needed) & moved, z, np.nan)
