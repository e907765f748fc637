"""Lines of one ATAS bar file -> export runs -> one row a run and stamp.

A live exporter writes a line per trade of the forming bar, and all of its history again after a reload.
So lines are first cut into runs; within a run, lines of one stamp are states of one bar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.sources.bar_lines import Bar

_EXACT = Context(prec=800)
"""The shortest decimals of any float64s span fewer than 700 digits: sums under this are exact."""

_KEPT = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "volume",
    "cvd_export": "cvd",
    "poc": "poc",
    "vah": "vah",
    "val": "val",
    "bar_vpo_price": "bar_vpo_price",
    "bar_vpo_vol": "bar_vpo_vol",
    "bar_vpo_loc": "bar_vpo_loc",
    "bar_vpo_side": "bar_vpo_side",
    "absorption_detected": "absorption_detected",
    "absorption_strength": "absorption_strength",
    "absorption_side": "absorption_side",
}
"""Column -> field of the kept line."""

_LAST = ("oi", "cum_bid_depth", "cum_ask_depth")
_SUMMED = ("vbuy", "vsell")
_TYPES: dict[str, pa.DataType] = {
    "bar_vpo_side": pa.string(),
    "absorption_side": pa.string(),
    "absorption_detected": pa.bool_(),
    "volume_regressed": pa.bool_(),
    "run": pa.int32(),
    "lines": pa.int32(),
    "line": pa.int64(),
}
_COLUMNS = ("run", *_KEPT, *_SUMMED, *_LAST, "lines", "line", "volume_regressed")


@dataclass(slots=True, kw_only=True)
class Merged:
    """The rows of a file, how many runs they come from, and what was mended on the way."""

    rows: pa.Table
    runs: int
    defects: Counter[str] = field(default_factory=Counter)


class Merging:
    """Takes a file's bars in order, and has no more of them in memory than the lines of one bar.

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
        self._bar: list[Bar] = []
        self._rows: list[dict[str, Any]] = []

    def take(self, bar: Bar) -> None:
        """The next line."""
        self.lines += 1
        before = self._bar[-1] if self._bar else None
        self._runs += before is None or _begins_run(before, bar)
        bar.run = self._runs - 1
        if before is not None and (before.run, before.stamp) != (bar.run, bar.stamp):
            self._close()
        self._bar.append(bar)

    def finish(self) -> Merged:
        """All rows, and what was mended on the way."""
        if self._bar:
            self._close()
        columns = {
            name: pa.array([row[name] for row in self._rows], _TYPES.get(name, pa.float64()))
            for name in _COLUMNS
        }
        stamps = pa.array(np.array([row["stamp"] for row in self._rows], dtype=np.int64))
        defects: Counter[str] = Counter()
        if len(self._rows) < self.lines:
            defects["A04"] = self.lines - len(self._rows)
        if self._runs > 1:
            defects["A05"] = self._runs - 1
        table = pa.table({"stamp": stamps.cast(pa.timestamp("us", tz="UTC")), **columns})
        return Merged(rows=table, runs=self._runs, defects=defects)

    def _close(self) -> None:
        self._rows.append(_row(self._bar))
        self._bar = []


def _begins_run(before: Bar, bar: Bar) -> bool:
    old, new = before.fields.flush_seq, bar.fields.flush_seq
    reset = old is not None and new is not None and new < old
    return reset or bar.stamp < before.stamp or bar.zone != before.zone


def _row(bars: list[Bar]) -> dict[str, Any]:
    kept = bars[-1]
    for bar in reversed(bars):
        if _volume(bar) > _volume(kept):
            kept = bar
    row: dict[str, Any] = {name: getattr(kept.fields, source) for name, source in _KEPT.items()}
    row.update({name: exact_sum(_values(bars, name)) for name in _SUMMED})
    row.update({name: next(_values(bars[::-1], name), None) for name in _LAST})
    return {
        **row,
        "run": kept.run,
        "stamp": kept.stamp,
        "line": kept.line,
        "lines": len(bars),
        "volume_regressed": kept is not bars[-1],
    }


def _volume(bar: Bar) -> float:
    return -1.0 if bar.fields.volume is None else bar.fields.volume


def _values(bars: list[Bar], name: str) -> Iterator[float]:
    return (v for bar in bars if (v := getattr(bar.fields, name)) is not None)


def exact_sum(values: Iterator[float]) -> float | None:
    """The float64 nearest to the exact sum of the decimals as written; None of none."""
    found = list(values)
    if len(found) < 2:
        return found[0] if found else None
    total = Decimal(0)
    for value in found:
        total = _EXACT.add(total, Decimal(repr(value)))
    return float(total)
