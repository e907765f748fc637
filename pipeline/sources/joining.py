"""The files of a day -> the tables of a day, each line of each file counted as used or merged.

Belongs here: what several files of one feed mean together. One file alone is `file_read.py`.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, HOUR_US
from pipeline.contracts.schema import conform
from pipeline.sources import tick_tape, trade_tape
from pipeline.sources.atas import part_files
from pipeline.sources.binance import timed_rows
from pipeline.sources.file_read import FileRead
from pipeline.sources.klines import one_day
from pipeline.sources.klines.rows import is_of_many_days
from pipeline.sources.protocol import Feed, Parsed
from pipeline.sources.tick_tape import Keep, Stretch
from pipeline.tables import arrays
from pipeline.tables.parts import Part

_HOUR = re.compile(r"/([0-9]{2})/[^/]+$")


def joined(feed: Feed, reads: list[FileRead]) -> list[pa.Table]:
    """The tables that follow each other in the day's table, with the column `file`; fills the counts.

    Of klines, bars and other archives; ticks are `joined_tape`.
    """
    if feed.kind.joiner == "klines":
        return _klines(feed, reads)
    if feed.kind.joiner == "timed":
        return _timed(feed, reads)
    _merge_copies(reads)
    part_files.settle(reads)
    return _runs(reads)


class Aside:
    """Puts the ticks of the file at a position aside, as they will stand in the day's table."""

    def __init__(self, feed: Feed, number: int, wanted: pa.Schema, keep: Keep) -> None:
        self._number, self._wanted, self._keep = number, wanted, keep
        self._source = feed.source
        self._put_aside = (
            trade_tape.put_aside if feed.kind.joiner == "trades" else tick_tape.put_aside
        )
        self.tape: list[Stretch] = []

    def put(self, rows: pa.Table) -> None:
        """The file's next rows."""
        rows = _numbered(rows, self._number)
        rows = conform(rows, self._wanted, self._source, in_one_piece=False)
        self.tape.append(self._put_aside(self._number, len(self.tape), rows, self._keep))


def joined_tape(feed: Feed, reads: list[FileRead], keep: Keep) -> list[Part]:
    """The day's ticks, repeated trades merged, stably sorted by time, in parts; fills the counts."""
    if feed.kind.joiner == "trades":
        return _trades(reads, keep)
    _merge_copies(reads)
    part_files.settle(reads)
    for read in reads:
        if read.parsed is not None:
            read.parsed.defects["A16"] += _misfiled(feed, read, read.parsed)
            read.parsed.defects["A17"] += int(read.parsed.notes.get("sub_ms") or 0)
    parts, lost = tick_tape.join([stretch for read in reads for stretch in read.tape], keep)
    for number, read in enumerate(reads):
        if read.parsed is not None:
            repeated = lost.get(number, 0)
            read.merged = read.parsed.merged + repeated
            read.used = _ticks(read) - repeated
    return parts


def _trades(reads: list[FileRead], keep: Keep) -> list[Part]:
    """The exchange's trades by time and id, in parts; an id that a file has twice is D06, or B18 of pages."""
    _merge_copies(reads)
    parts, lost = trade_tape.join([stretch for read in reads for stretch in read.tape], keep)
    for number, read in enumerate(reads):
        if read.parsed is not None:
            code = "B18" if "form" in read.parsed.notes else "D06"
            read.parsed.defects[code] += lost.repeated[number]
            read.merged = read.parsed.merged + lost.merged[number]
            read.used = _ticks(read) - lost.merged[number]
    return parts


def _klines(feed: Feed, reads: list[FileRead]) -> list[pa.Table]:
    """The most trusted file's rows, and the others' in its gaps, sorted by time.

    The first of the neighbours' files is no less trusted: it is where the rest of the day lies.
    A minute whose klines contradict each other, and which no other file has, is an empty row.
    """
    tables: list[pa.Table] = []
    known: dict[int, one_day.Values] = {}
    conflicts: dict[int, tuple[int, int]] = {}
    beside = (number for number, read in enumerate(reads) if read.file.neighbour)
    preferred = {0, next(beside, 0)}
    for number, read in enumerate(reads):
        if read.parsed is None:
            continue
        opens = one_day.opens(read.parsed.rows, feed.source).tolist()
        rows = _in_gaps(read, read.parsed, (opens, one_day.VALUES), known)
        read.parsed.defects["B07"] += bool(read.parsed.other_days and not read.parsed.read)
        rows = one_day.flagged(
            rows, feed.source, fallback=number not in preferred, conflicts=conflicts
        )
        tables.append(_numbered(rows, number))
        for opened, line in read.parsed.conflicts.items():
            conflicts.setdefault(opened, (number, line))
    if not tables:
        return []
    day = pa.concat_tables(tables)
    if not feed.kind.is_minutes:
        return [day.sort_by(feed.kind.time_column)]
    day = pa.concat_tables([day, one_day.empty_rows(day, conflicts, feed.source)])
    day = day.sort_by(feed.kind.time_column)
    if feed.record is None:
        return [day]
    silent = one_day.silent_edges(day, feed.record["silent_edge_minutes_min"])
    return [day.append_column("silent_edge", pa.array(silent))]


def _timed(feed: Feed, reads: list[FileRead]) -> list[pa.Table]:
    """The most trusted file's rows, and the others' in its gaps, sorted by time."""
    tables: list[pa.Table] = []
    known: dict[int, one_day.Values] = {}
    time = feed.kind.time_column
    for number, read in enumerate(reads):
        if read.parsed is None:
            continue
        rows = read.parsed.rows
        places = [timed_rows.slot_of(at, feed.source) for at in arrays.ints(rows[time]).tolist()]
        names = [name for name in rows.column_names if name not in (time, "line")]
        rows = _in_gaps(read, read.parsed, (places, names), known)
        tables.append(_numbered(rows, number))
    return [pa.concat_tables(tables).sort_by(time)] if tables else []


def _in_gaps(
    read: FileRead, parsed: Parsed, named: one_day.Named, known: dict[int, one_day.Values]
) -> pa.Table:
    """A file's rows in the gaps of those before it; fills its counts."""
    rows, differing = one_day.fill(parsed.rows, named, known)
    read.used = rows.num_rows
    read.merged = parsed.merged + parsed.rows.num_rows - rows.num_rows
    parsed.defects["B08"] += differing
    return rows


def _runs(reads: list[FileRead]) -> list[pa.Table]:
    """Bars, each file's runs numbered on after those of the file before."""
    tables: list[pa.Table] = []
    first = 0
    for number, read in enumerate(reads):
        if read.parsed is None:
            continue
        rows = read.parsed.rows
        read.used, read.merged = rows.num_rows, read.parsed.merged
        runs = rows["run"].to_numpy() + first
        first = int(runs.max(initial=first - 1)) + 1
        place = rows.column_names.index("run")
        tables.append(_numbered(rows.set_column(place, "run", pa.array(runs, pa.int32())), number))
    return tables


def _misfiled(feed: Feed, read: FileRead, parsed: Parsed) -> int:
    """Ticks that lie under another day or hour than their own; those of other days are read with theirs."""
    if is_of_many_days(feed, read.file.name):
        filed = "date=" in read.file.name
        return _ticks(read) if filed else 0
    hour = _HOUR.search(read.file.name)
    if hour is None:
        return parsed.other_days
    columns = (stretch.part.read(["ts"])["ts"] for stretch in read.tape)
    hours = (arrays.ints(column) % DAY_US // HOUR_US for column in columns)
    return parsed.other_days + sum(int(np.count_nonzero(h != int(hour[1]))) for h in hours)


def _ticks(read: FileRead) -> int:
    return sum(stretch.part.num_rows for stretch in read.tape)


def _merge_copies(reads: list[FileRead]) -> None:
    """A file with the very text of one before it (X.jsonl beside X.jsonl.gz) adds nothing."""
    first: dict[str, str] = {}
    for read in reads:
        if read.parsed is None or read.sealed is None or read.sealed.text_sha256 is None:
            continue
        name = first.setdefault(read.sealed.text_sha256, read.file.name)
        if name != read.file.name:
            read.more_notes["same_text_as"] = name
            read.parsed, read.tape = _as_copy(read.parsed), []


def _as_copy(parsed: Parsed) -> Parsed:
    return Parsed(
        rows=parsed.rows.slice(0, 0),
        rejects=[],
        read=parsed.read,
        merged=parsed.read,
        blank_lines=parsed.blank_lines,
        notes=parsed.notes,
    )


def _numbered(rows: pa.Table, number: int) -> pa.Table:
    return rows.append_column("file", arrays.column(np.full(rows.num_rows, number, dtype=np.int32)))
