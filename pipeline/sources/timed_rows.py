"""Rows of a CSV archive that have one instant each, other than klines: funding rates and metrics.

Belongs here: what these archives share, which rows are of the day, which stand twice, how several files make
one day. How a row is written is its adapter's.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.clock import day_of, iso
from pipeline.sources.kline_rows import is_of_many_days
from pipeline.sources.lines import BOM, Block, Seen, read_lines, text_of
from pipeline.sources.protocol import Feed, Parsed, RawText, Reject

if TYPE_CHECKING:
    from pipeline.sources.files import FileRead

KEYS = {"binance_funding": "settled_at", "binance_metrics": "period_open"}
"""Feed -> the column that holds a row's instant."""

Values = tuple[float | None, ...]
Parse = Callable[[list[bytes]], tuple[int, Values]]
"""The fields of a line -> its instant in us, and the other columns' values; ValueError says what is wrong."""


class _Row(NamedTuple):
    values: Values
    block: Block
    place: int


@dataclass(slots=True, kw_only=True)
class TimedFile:
    """Collects the rows of one file.

    A file of one day may not hold rows of another (C10); in one of many days they are counted and left.
    Equal rows of an instant are merged, of different ones none is used (B15).
    """

    feed: Feed
    many_days: bool
    columns: tuple[str, ...]
    rejects: list[Reject] = field(default_factory=list)
    defects: Counter[str] = field(default_factory=Counter)
    read: int = 0
    merged: int = 0
    other_days: int = 0
    torn_tail: dict[str, int] | None = None
    _near: dt.date | None = None
    _rows: dict[int, list[_Row]] = field(default_factory=dict)

    def take(self, block: Block, place: int, parse: Parse, fields: list[bytes]) -> None:
        """Keeps the row at a place of a block, leaves it to its day, or sets it aside."""
        try:
            at, values = parse(fields)
            if fault := self.feed.values.fault(zip(self.columns, values, strict=True)):
                raise ValueError(fault)
            self._near = day_of(at)
        except ValueError as error:
            self._set_broken_aside(block, place, str(error))
            return
        if self._near == self.feed.day:
            self.read += 1
            self._rows.setdefault(at, []).append(_Row(values, block, place))
        elif self.many_days:
            self.other_days += 1
        else:
            self._set_aside(block, place, "C10", f"is of {iso(at)}, not of {self.feed.day}")

    def _set_broken_aside(self, block: Block, place: int, reason: str) -> None:
        """A line without an instant goes with the row before it, in a file of many days."""
        if self.many_days and self._near not in (None, self.feed.day):
            self.other_days += 1
            return
        code = "A13" if block.torn else "B26"
        if block.torn:
            reason = f"torn last line, the file ends inside it ({reason})"
            self.torn_tail = block.place(place)
        self._set_aside(block, place, code, reason)

    def _set_aside(self, block: Block, place: int, code: str, reason: str) -> None:
        self.read += 1
        self.rejects.append(block.reject(place, code, reason))

    def finish(self, notes: dict[str, Any], blank_lines: int) -> Parsed:
        """The file's rows, sorted by time."""
        if self.torn_tail is not None:
            notes = notes | {"torn_tail": self.torn_tail}
        kept = [(at, row) for at in sorted(self._rows) for row in self._settled(at)]
        values = {
            name: pa.array([row.values[n] for _, row in kept], pa.float64())
            for n, name in enumerate(self.columns)
        }
        instants = pa.array(np.array([at for at, _ in kept], dtype=np.int64))
        lines = [row.block.numbers[row.place] for _, row in kept]
        return Parsed(
            rows=pa.table(
                {
                    KEYS[self.feed.source]: instants.cast(pa.timestamp("us", tz="UTC")),
                    **values,
                    "line": pa.array(lines, pa.int64()),
                }
            ),
            rejects=sorted(self.rejects, key=lambda reject: reject.line),
            read=self.read,
            merged=self.merged,
            blank_lines=blank_lines,
            other_days=self.other_days,
            notes=notes,
            defects=+self.defects,
        )

    def _settled(self, at: int) -> list[_Row]:
        """The one row of an instant, or none where its rows contradict each other."""
        first, *others = rows = self._rows[at]
        if all(other.values == first.values for other in others):
            self.merged += len(others)
            self.defects["B15"] += len(others)
            return [first]
        for row in rows:
            self.read -= 1
            reason = f"another row of {iso(at)} has other values; neither is used"
            self._set_aside(row.block, row.place, "B15", reason)
        return []


def parsed(
    text: RawText, feed: Feed, header: tuple[bytes, ...], columns: tuple[str, ...], parse: Parse
) -> Parsed:
    """Reads a whole file, a row a line; `header` is its first line where it has one."""
    many_days = is_of_many_days(feed, text.name)
    file = TimedFile(feed=feed, many_days=many_days, columns=columns)
    seen, blank, headed = Seen(), 0, False
    for block in read_lines(text.name, text.blocks(), seen):
        for place, line in enumerate(block.lines):
            fields = text_of(line).strip().split(b",")
            if fields == [b""]:
                blank += 1
            elif not headed and not file.read and fields[0] == header[0]:
                headed = True
            else:
                file.take(block, place, parse, fields)
    return file.finish({"header": headed, "encoding": "utf-8-sig" if seen.bom else "utf-8"}, blank)


def first_fields(head: bytes) -> list[bytes]:
    """The fields of the first line that is not blank."""
    lines = head.removeprefix(BOM).split(b"\n")
    return next((line.strip() for line in lines if line.strip()), b"").split(b",")


def joined(source: str, reads: list[FileRead]) -> list[pa.Table]:
    """The most trusted file's rows, and the others' of instants that no file before has; fills the counts."""
    tables: list[pa.Table] = []
    known: dict[int, Values] = {}
    for number, read in enumerate(reads):
        if read.parsed is None:
            continue
        rows = read.parsed.rows
        mine = _prints(rows, source)
        fresh = pa.array([at not in known for at in mine], pa.bool_())
        read.parsed.defects["B08"] += sum(
            known.get(at, values) != values for at, values in mine.items()
        )
        known = mine | known
        kept = rows.filter(fresh)
        read.used = kept.num_rows
        read.merged = read.parsed.merged + rows.num_rows - kept.num_rows
        column = pa.array(np.full(kept.num_rows, number, dtype=np.int32))
        tables.append(kept.append_column("file", column))
    return [pa.concat_tables(tables).sort_by(KEYS[source])] if tables else []


def _prints(rows: pa.Table, source: str) -> dict[int, Values]:
    """Instant -> the other values of its row."""
    names = [name for name in rows.column_names if name not in (KEYS[source], "line")]
    instants = rows[KEYS[source]].cast(pa.int64()).to_pylist()
    values = zip(*(rows[name].to_pylist() for name in names), strict=True)
    return dict(zip(instants, values, strict=True))
