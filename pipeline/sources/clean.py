"""The step CleanFeed: the raw files of one feed and day -> clean table, rejects, ledger.

Belongs here: which files are read, how they make one table, and that no line is lost on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.clock import day_of
from pipeline.contracts.ledger import LedgerEntry, Lines, to_json
from pipeline.contracts.rules import Rules
from pipeline.contracts.schema import DataSchema, conform, empty
from pipeline.errors import SourceError
from pipeline.model.limits import Limits
from pipeline.model.raw_names import RawPath, is_undated
from pipeline.sources.file_read import FileRead, holds_day, read_file
from pipeline.sources.joining import Aside, joined, joined_tape
from pipeline.sources.klines import one_day
from pipeline.sources.klines.rows import is_of_many_days
from pipeline.sources.protocol import Feed, Put, Reject
from pipeline.sources.rawfile import NO_MORE_THAN, Sealed
from pipeline.sources.tick_tape import Keep
from pipeline.tables import trim_memory
from pipeline.tables.parts import FEW_ROWS, Parts, Spill, at_hand, in_memory, single
from pipeline.tables.prefetch import ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanFeed:
    """One feed's day. `parts` as its `FeedKind.table`, `rejects` as `rejects` of `SCHEMA_data.json`.

    `ledger` has one entry a file read, in order. `stats` maps a path to the [size, mtime_ns, inode, ctime_ns]
    of the very bytes that were read, `digests` to their SHA-256: of the files in the ledger, of their
    checksum files, and of files that were looked into and hold nothing of the day.
    """

    parts: Parts
    rejects: pa.Table
    ledger: list[LedgerEntry]
    stats: dict[str, list[int]]
    digests: dict[str, str]

    @property
    def table(self) -> pa.Table:
        """All parts as one table."""
        return self.parts.whole()


def read_feed(
    feed: Feed,
    files: Sequence[RawPath],
    rules: Rules,
    limits: Limits = NO_MORE_THAN,
    spill: Path | None = None,
) -> CleanFeed:
    """Reads a feed's files of a day, the most trusted first.

    Klines: a further file fills the rows that are missing, and is compared in the others. ATAS: all
    files are read, and one with the text of a file before is merged into it. A neighbour's file counts only
    where it holds a stamp of the day. Trades: all files of the day, a month's only where those have none. No
    files: an empty table. Ticks and trades are put aside file by file in a folder (`spill`), if one is given;
    else they stand in memory.

    Raises:
        UnstableInputError: a file changed, grew or vanished while it was read.
        SourceError: lines were lost on the way (a fault of this program).
    """
    feed = replace(feed, values=rules.control.values, record=rules.control.record)
    seen: dict[str, Sealed] = {}
    ordered = sorted(files, key=lambda file: (file.rank, file.name))
    ordered = [replace(file, alone=len(ordered) == 1) for file in ordered]
    wanted = rules.schema.table(feed.kind.table)
    is_tape = feed.kind.joiner in ("tape", "trades")
    if is_tape:
        trim_memory.reuse()
    keep = Spill(spill).put if is_tape and spill is not None else in_memory
    of_day = _of_day(feed, ordered, limits, seen)
    aside = partial(Aside, feed, wanted=wanted, keep=keep)
    if feed.kind.joiner == "trades":
        reads = _read_trades(feed, ordered, limits, aside)
    elif is_tape:
        reads = list(_read_tapes(feed, of_day, limits, aside))
    else:
        reads = list(_read_files(feed, of_day, limits))
    for read in reads:
        _remember(read, seen)
    reads = [read for read in reads if not _is_of_its_day_alone(feed, read)]
    parts = _parts(feed, reads, rules.schema, keep)
    if is_tape and parts.num_rows > FEW_ROWS:
        trim_memory.give_back()
    return CleanFeed(
        parts=parts,
        rejects=_rejects(feed, reads, rules.schema.table("rejects")),
        ledger=[_entry(read) for read in reads],
        stats={name: sealed.stats for name, sealed in seen.items()},
        digests={name: sealed.sha256 for name, sealed in seen.items()},
    )


def _parts(feed: Feed, reads: list[FileRead], schema: DataSchema, keep: Keep) -> Parts:
    wanted = schema.table(feed.kind.table)
    if feed.kind.joiner in ("tape", "trades"):
        return at_hand(Parts(schema=wanted, parts=tuple(joined_tape(feed, reads, keep))))
    tables = [_with_flags(table, wanted, schema.flag_masks) for table in joined(feed, reads)]
    whole = pa.concat_tables(tables) if tables else empty(wanted)
    return single(conform(whole, wanted, feed.kind.table))


def _of_day(
    feed: Feed, files: list[RawPath], limits: Limits, seen: dict[str, Sealed]
) -> Iterator[RawPath]:
    """All but the neighbours' files without a stamp of the day; of klines the rows tell it, once read."""
    for file in files:
        if file.neighbour and feed.kind.joiner != "klines":
            has_rows, sealed = holds_day(feed, file, limits)
            if not has_rows:
                seen.update({file.name: sealed} if sealed else {})
                continue
        yield file


def _read_trades(
    feed: Feed, files: list[RawPath], limits: Limits, aside: Callable[[int], Aside]
) -> list[FileRead]:
    """Files of the day, and one of its month only where none of those has a row that can be used."""
    monthly = [file for file in files if is_of_many_days(feed, file.name)]
    daily = [file for file in files if file not in monthly]
    reads = list(_read_tapes(feed, iter(daily), limits, aside))
    for file in monthly:
        if any(stretch.part.num_rows for read in reads for stretch in read.tape):
            break
        reads.extend(_read_tapes(feed, iter([file]), limits, aside, first=len(reads)))
    return reads


def _read_tapes(
    feed: Feed,
    files: Iterator[RawPath],
    limits: Limits,
    aside: Callable[[int], Aside],
    first: int = 0,
) -> Iterator[FileRead]:
    """Files of ticks, some at once; `aside` has room for the ticks of the one at a position, from `first`."""

    def read(numbered: tuple[int, RawPath]) -> FileRead:
        number, file = numbered
        room = aside(number)
        found = _read(feed, file, limits, room.put)
        if found.parsed is not None:
            found.tape = room.tape
        return found

    return (found for _, found in ahead(read, enumerate(files, first)))


def _read_files(feed: Feed, files: Iterator[RawPath], limits: Limits) -> Iterator[FileRead]:
    """Files of bars or klines, one after the other; once no row of the day is missing, a further file of
    klines is only compared.
    """
    minutes: set[int] = set()
    for file in files:
        read = _read(feed, file, limits)
        if len(minutes) == feed.kind.rows_of_day:
            _only_compare(read)
        yield read
        if feed.kind.joiner == "klines" and read.parsed is not None:
            opens = one_day.opens(read.parsed.rows, feed.source).tolist()
            minutes.update(at for at in opens if day_of(at) == feed.day)


def _read(feed: Feed, file: RawPath, limits: Limits, put: Put | None = None) -> FileRead:
    read = read_file(feed, file, limits, put)
    if file.neighbour and feed.kind.joiner != "klines" and not is_undated(file.name):
        _leave_to_its_day(read)
    return read


def _is_of_its_day_alone(feed: Feed, read: FileRead) -> bool:
    """Whether a neighbour's file of klines has no row of this day; why it has none, its own day says."""
    is_beside = read.file.neighbour and feed.kind.joiner == "klines"
    return is_beside and (read.parsed is None or not read.parsed.read)


def _only_compare(read: FileRead) -> None:
    """Of a file that the day does not need, broken rows cost nothing; their number is noted."""
    if read.parsed is not None and read.parsed.rejects:
        read.more_notes["not_needed"] = f"{len(read.parsed.rejects)} rows that could not be used"
        read.parsed.read -= len(read.parsed.rejects)
        read.parsed.rejects.clear()
        read.parsed.conflicts.clear()


def _leave_to_its_day(read: FileRead) -> None:
    """Of a neighbour's file only the rows of this day count; its other lines are its own day's."""
    if read.parsed is not None:
        read.parsed.read -= len(read.parsed.rejects)
        read.parsed.other_days += len(read.parsed.rejects)
        read.parsed.rejects.clear()
        read.parsed.defects.clear()


def _remember(read: FileRead, seen: dict[str, Sealed]) -> None:
    """What was read of a file and of its checksum file."""
    sealed = read.sealed
    if sealed is None:
        return
    seen[read.file.name] = sealed
    if sealed.checksum_sha256 is not None and sealed.checksum_stats is not None:
        seen[f"{read.file.name}.CHECKSUM"] = replace(
            sealed, sha256=sealed.checksum_sha256, stats=sealed.checksum_stats
        )


def _with_flags(table: pa.Table, wanted: pa.Schema, masks: dict[str, int]) -> pa.Table:
    """Boolean columns that are named as flags become bits of `flags`."""
    if "flags" not in wanted.names:
        return table
    flags = np.zeros(table.num_rows, dtype=np.int64)
    for name in [name for name in table.column_names if name in masks]:
        flags |= table[name].to_numpy().astype(np.int64) * masks[name]
        table = table.drop_columns([name])
    return table.append_column("flags", pa.array(flags))


def _rejects(feed: Feed, reads: list[FileRead], wanted: pa.Schema) -> pa.Table:
    found = [sorted(read.rejects(), key=lambda r: r.line) for read in reads]
    count = sum(map(len, found))
    files = zip(reads, found, strict=True)
    columns: dict[str, list[Any]] = {
        "symbol": [feed.symbol] * count,
        "source": [feed.source] * count,
        "file": [read.file.name for read, lines in files for _ in lines],
    }
    for name in (field.name for field in fields(Reject)):
        columns[name] = [getattr(line, name) for lines in found for line in lines]
    arrays = {name: pa.array(columns[name], wanted.field(name).type) for name in wanted.names}
    return conform(pa.table(arrays), wanted, "rejects")


def _entry(read: FileRead) -> LedgerEntry:
    """The file's line in the ledger, once every line of it is accounted for."""
    parsed = read.parsed
    lines = Lines(
        read=parsed.read if parsed else 0,
        used=read.used,
        merged=read.merged,
        rejected=len(parsed.rejects) if parsed else 0,
    )
    if not lines.balanced:
        raise SourceError(
            f"{read.file.name}: {to_json(lines)} do not add up; wanted read = used + merged + rejected; this"
            " is a fault of the adapter, report it with the file"
        )
    return LedgerEntry(
        path=read.file.name,
        bytes=read.sealed.bytes if read.sealed else 0,
        sha256=read.sealed.sha256 if read.sealed else "",
        adapter=read.adapter,
        lines=lines,
        blank_lines=parsed.blank_lines if parsed else 0,
        other_days=parsed.other_days if parsed else 0,
        other_symbols=parsed.other_symbols if parsed else 0,
        ignored=parsed.ignored if parsed else 0,
        notes=read.notes(),
        inferred=read.inferred(),
    )
