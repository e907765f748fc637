"""A feed's rows on the day's 1440 minutes, and the span that a feed recorded.

Belongs here: which row tells of which minute. Does not belong here: what a column means (`align.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table on the day's minutes: `row` is the row of each minute, -1 where there is none."""

    table: pa.Table
    row: Ints

    @property
    def present(self) -> Bools:
        """Minutes with a row."""
        return self.row >= 0

    def column(self, name: str) -> pa.Array:
        """A column by minute, null where there is no row."""
        taken = self.table[name].take(arrays.column(self.row, ~self.present))
        return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken

    def floats(self, name: str) -> Floats:
        """A number column by minute, NaN for null."""
        return np.where(self.present, self._rows(arrays.floats(self.table[name])), np.nan)

    def ints(self, name: str) -> Ints:
        """A whole-number column by minute, 0 for null."""
        column = arrays.one(self.table[name])
        known = np.where(arrays.valid(column), arrays.ints(column), 0)
        return np.where(self.present, self._rows(known), 0)

    def _rows(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """By minute the value of its row; of a minute without one anything."""
        return values[self.row] if len(values) else np.zeros(MINUTES_PER_DAY)

    def truths(self, name: str) -> Bools:
        """A boolean column by minute, false for null."""
        return arrays.truths(self.column(name))

    def without(self, minutes: Bools) -> Grid:
        """The grid less the rows of some minutes."""
        return Grid(table=self.table, row=np.where(minutes, -1, self.row))


def on_grid(table: pa.Table, opened_us: int) -> Grid:
    """Rows by `minute_open`; those outside the day are left out."""
    at = (arrays.ints(table["minute_open"]) - opened_us) // MINUTE_US
    inside = np.flatnonzero((at >= 0) & (at < MINUTES_PER_DAY))
    row = np.full(MINUTES_PER_DAY, -1, dtype=np.int64)
    row[at[inside]] = inside
    return Grid(table=table.combine_chunks(), row=row)


def span(present: Bools, quiet: Bools) -> Bools:
    """From the first to the last minute with a row, and on over neighbouring quiet minutes.

    A minute in which the exchange did not trade leaves no row in a feed of trades, so a recording that
    begins or ends beside such minutes holds them too. Nothing recorded: no span.
    """
    covered = np.zeros(len(present), dtype=bool)
    rows = np.flatnonzero(present)
    if len(rows):
        loud = np.flatnonzero(~quiet & ~present)
        before, after = loud[loud < rows[0]], loud[loud > rows[-1]]
        first = before[-1] + 1 if len(before) else 0
        covered[first : after[0] if len(after) else len(present)] = True
    return covered
