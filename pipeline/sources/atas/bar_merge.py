"""Lines of one ATAS bar file -> export runs -> one row a run and stamp.

A live exporter writes a line per trade of the forming bar, and all of its history again after a reload.
So lines are first cut into runs; within a run, lines of one stamp are states of one bar.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter

import pyarrow as pa

from pipeline.contracts.atas_columns import NAMES
from pipeline.contracts.atas_types import TYPES
from pipeline.sources.atas.bar_lines import Bar
from pipeline.tables.exact import Sum

_BARE = ("open", "high", "low", "close", "volume")
_LAST = ("oi", "cum_bid_depth", "cum_ask_depth")
_SUMMED = ("vbuy", "vsell")
_KEPT = {
    name: "cvd" if name == "cvd_export" else name
    for name in (*_BARE, *NAMES)
    if name not in (*_LAST, *_SUMMED)
}
"""Column -> field of the kept line."""

_SCHEMA = pa.schema(
    {
        "stamp": pa.timestamp("us", tz="UTC"),
        "run": pa.int32(),
        **dict.fromkeys(_BARE, pa.float64()),
        **TYPES,
        "lines": pa.int32(),
        "line": pa.int64(),
        "volume_regressed": pa.bool_(),
    }
)

_ROW = (*_KEPT, *_SUMMED, *_LAST, "run", "stamp", "line", "lines", "volume_regressed")
"""The columns in the order of `_Forming.row`."""

_kept, _summed, _last = (attrgetter(*names) for names in (_KEPT.values(), _SUMMED, _LAST))

_ROWS_AT_A_TIME = 1 << 13
"""So many rows wait as objects; then they become columns, a tenth of the size."""


@dataclass(slots=True, kw_only=True)
class Merged:
    """The rows of a file, how many runs they come from, and what was mended on the way."""

    rows: pa.Table
    runs: int
    defects: Counter[str] = field(default_factory=Counter)


class Merging:
    """Takes a file's bars in order, and has one bar in memory, whatever the number of its lines.

    Rows are in file order, one a (run, stamp). The last line of a bar is its row, unless an earlier one has
    a larger volume (then that one, and `volume_regressed`). `vbuy` and `vsell` are increments: their sum is
    the float64 nearest to the exact sum of the decimals, null where no line has them. Open interest and
    depth: the last non-null.

    A bar that is written again right after itself, its flow with it, looks as a line of a second chart: its
    sums are then more than its volume, which is told (A07), and no number is made up.
    """

    def __init__(self) -> None:
        self.lines = 0
        self._runs = 0
        self._bar: _Forming | None = None
        self._rows: list[tuple[object, ...]] = []
        self._tables: list[pa.Table] = []

    def take(self, bar: Bar) -> None:
        """The next line."""
        self.lines += 1
        before = self._bar.newest if self._bar else None
        self._runs += before is None or _begins_run(before, bar)
        bar.run = self._runs - 1
        if self._bar is None or (self._bar.newest.run, self._bar.newest.stamp) != (
            bar.run,
            bar.stamp,
        ):
            self._close()
            self._bar = _Forming(bar)
        else:
            self._bar.take(bar)

    def finish(self) -> Merged:
        """All rows, and what was mended on the way."""
        self._close()
        table = pa.concat_tables([*self._tables, self._table()])
        defects: Counter[str] = Counter()
        if table.num_rows < self.lines:
            defects["A04"] = self.lines - table.num_rows
        if self._runs > 1:
            defects["A05"] = self._runs - 1
        return Merged(rows=table, runs=self._runs, defects=defects)

    def _close(self) -> None:
        if self._bar is not None:
            self._rows.append(self._bar.row())
        if len(self._rows) == _ROWS_AT_A_TIME:
            self._tables.append(self._table())
            self._rows = []

    def _table(self) -> pa.Table:
        if not self._rows:
            return _SCHEMA.empty_table()
        columns = dict(zip(_ROW, zip(*self._rows, strict=True), strict=True))
        return pa.table({name: columns[name] for name in _SCHEMA.names}, _SCHEMA)


class _Forming:
    """The bar that the lines of one run and stamp are states of."""

    def __init__(self, first: Bar) -> None:
        self.newest = self._kept = first
        self._lines = 1
        self._sums: list[Sum] = []
        self._last = list(_last(first.fields))

    def take(self, bar: Bar) -> None:
        """Its next state."""
        if self._lines == 1:
            self._sums = [Sum() for _ in _SUMMED]
            self._add(self._kept)
        self._lines += 1
        self.newest = bar
        if _volume(bar) >= _volume(self._kept):
            self._kept = bar
        self._add(bar)
        for at, value in enumerate(_last(bar.fields)):
            if value is not None:
                self._last[at] = value

    def _add(self, bar: Bar) -> None:
        for total, value in zip(self._sums, _summed(bar.fields), strict=True):
            total.add(value)

    def row(self) -> tuple[object, ...]:
        """What becomes of them all: the columns of `_ROW`."""
        kept = self._kept
        sums = [total.nearest for total in self._sums] or _summed(kept.fields)
        regressed = kept is not self.newest
        place = (kept.run, kept.stamp, kept.line, self._lines, regressed)
        return (*_kept(kept.fields), *sums, *self._last, *place)


def _begins_run(before: Bar, bar: Bar) -> bool:
    old, new = before.fields.flush_seq, bar.fields.flush_seq
    reset = old is not None and new is not None and new < old
    return reset or bar.stamp < before.stamp or bar.zone != before.zone


def _volume(bar: Bar) -> float:
    return -1.0 if bar.fields.volume is None else bar.fields.volume
