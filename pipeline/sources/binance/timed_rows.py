"""Rows of a file that have one instant each, other than klines: funding rates and metrics.

Belongs here: what these files share, which rows are of the day, which stand twice. Which column is
what is `timed_columns.py`; what a row means is its adapter's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, day_open_us, iso
from pipeline.free_form import Json
from pipeline.model.feeds import FEEDS
from pipeline.sources.binance.timed_columns import (
    Columns,
    Fields,
    Form,
    Values,
    columns_of,
    refused,
)
from pipeline.sources.klines.rows import is_of_many_days
from pipeline.sources.protocol import Feed, Parsed, RawText, Reject
from pipeline.sources.tally import Tally
from pipeline.sources.text.json_array import elements, is_array
from pipeline.sources.text.lines import Block, Seen, read_lines, text_of

_REMEMBERED = 4096
"""So many lines are known again without being read."""


@dataclass(slots=True)
class _Slot:
    """The first row of a place on the grid, ready to be set aside should another contradict it."""

    at: int
    values: Values
    line: int
    aside: Reject
    contradicted: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """A line: its instant, its place on the grid, its other values; of another symbol, that one's name."""

    at: int = 0
    slot: int = 0
    values: Values = ()
    other: str | None = None


@dataclass(kw_only=True)
class TimedFile(Tally):
    """Collects the rows of one file: as many as the day has places on the grid, whatever the file's length.

    Rows of other days and of other symbols are counted and left. Rows that repeat the first one of their
    place are merged with it; of different ones none is used (B15).
    """

    columns: Columns
    first: int | None = None
    last: int | None = None
    _above: int = field(init=False)
    _near: int | None = None
    _known: dict[bytes, _Row] = field(default_factory=dict)
    _slots: dict[int, _Slot] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._above = self.columns.before

    def take(self, block: Block, place: int) -> None:
        """The line at a place of a block: blank, a header, text above it, or a row."""
        line = block.lines[place]
        row = self._known.get(line)
        if row is None:
            bare = text_of(line).strip()
            if not bare:
                self.blank_lines += 1
                return
            if bare == self.columns.header:
                self._above = 0
                return
            if self._above:
                self.ignored += 1
                self._above -= 1
                return
            try:
                row = self._row(bare)
            except ValueError as error:
                self._set_broken_aside(block, place, str(error))
                return
            if len(self._known) < _REMEMBERED:
                self._known[line] = row
        self._take(row, block, place)

    def finish(self, notes: Json) -> Parsed:
        """The file's rows, sorted by time.

        Raises:
            SourceError: all its rows are of other symbols.
        """
        if self.other_symbols and self.first is None:
            raise self.all_others()
        if not is_of_many_days(self.feed, self.name):
            self.defects["C10"] += self.other_days
        kept = list(self._settled())
        if self.rejects and not kept:
            first = min(self.rejects, key=lambda reject: reject.line)
            notes = notes | {"no_usable_line": f"line {first.line}: {first.reason}"}
        return self.parsed(self._table(kept), notes)

    def _row(self, line: bytes) -> _Row:
        fields = self.columns.fields(line)
        other = self._other(fields)
        if other is not None:
            return _Row(other=other)
        at, values = self.columns.form.parse(fields)
        fault = self.feed.values.fault(zip(self.columns.form.columns, values, strict=True))
        if fault is not None:
            raise ValueError(fault)
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)
        return _Row(at, slot_of(at, self.feed.source), values)

    def _other(self, fields: Fields) -> str | None:
        """The symbol that a row names, where it is not the file's own."""
        text = fields.get("symbol")
        if text is None:
            return None
        symbol = text.decode("utf-8", "replace").upper()
        return None if symbol == self.feed.vendor_symbol.upper() else symbol[:40]

    def _is_ours(self, slot: int) -> bool:
        since = slot - day_open_us(self.feed.day)
        return 0 <= since < DAY_US or (since == DAY_US and self.feed.kind.both_ends)

    def _take(self, row: _Row, block: Block, place: int) -> None:
        if row.other is not None:
            self.other_symbols[row.other] += 1
            return
        self._near = row.slot
        if not self._is_ours(row.slot):
            self.other_days += 1
            return
        self.read += 1
        known = self._slots.get(row.slot)
        if known is None:
            reason = f"another row of {iso(row.slot)} has other values; neither is used"
            aside = block.reject(place, "B15", reason)
            self._slots[row.slot] = _Slot(row.at, row.values, block.numbers[place], aside)
        elif known.values == row.values:
            self.merged += 1
            self.defects["B15"] += 1
        else:
            known.contradicted = True
            self.rejects.append(block.reject(place, "B15", known.aside.reason))

    def _set_broken_aside(self, block: Block, place: int, reason: str) -> None:
        """A line without an instant goes with the row before it."""
        if self._near is not None and not self._is_ours(self._near):
            self.other_days += 1
            return
        self.read += 1
        self.set_aside(block, place, "B26", reason)

    def _settled(self) -> Iterator[_Slot]:
        """The one row of each place, without those whose rows contradict each other."""
        for _, known in sorted(self._slots.items()):
            if known.contradicted:
                self.rejects.append(known.aside)
            else:
                yield known

    def _table(self, kept: list[_Slot]) -> pa.Table:
        instants = pa.array(np.array([row.at for row in kept], dtype=np.int64))
        values = {
            name: pa.array([row.values[n] for row in kept], pa.float64())
            for n, name in enumerate(self.columns.form.columns)
        }
        return pa.table(
            {
                self.feed.kind.time_column: instants.cast(pa.timestamp("us", tz="UTC")),
                **values,
                "line": pa.array([row.line for row in kept], pa.int64()),
            }
        )


def slot_of(at: int, source: str) -> int:
    """The nearest place on the feed's grid."""
    step = FEEDS[source].step()
    return (at + step // 2) // step * step


def parsed(text: RawText, feed: Feed, form: Form) -> Parsed:
    """Reads a whole file, a row a line or a JSON object. The note `stamps` has the file's first and last.

    Raises:
        SourceError: its header names another table, or all its rows are of other symbols.
    """
    columns = columns_of(text.head, form)
    if columns is None:
        raise refused(text.name, form)
    file, seen = TimedFile(feed=feed, name=text.name, columns=columns), Seen()
    for block in _blocks(text, seen):
        for place in range(block.count):
            file.take(block, place)
    notes: Json = {
        "header": columns.header is not None,
        "encoding": "utf-8-sig" if seen.bom else "utf-8",
    }
    if columns.ignored:
        notes["ignored_columns"] = list(columns.ignored)
    if file.first is not None and file.last is not None:
        notes["stamps"] = [file.first, file.last]
    return file.finish(notes)


def _blocks(text: RawText, seen: Seen) -> Iterator[Block]:
    if is_array(text.head):
        return elements(text.name, text.blocks())
    return read_lines(text.name, text.blocks(), seen)
