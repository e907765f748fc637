"""Several tape files of a day -> one tape: repeated trades merged by their id, stably sorted by time.

Two trades may share time, price, size and side; so only an equal, non-null trade_id makes a repetition.
Files that do not overlap in time follow each other as they are; only the others meet in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.parts import Part

_IDENTITY = ["trade_id", "ts", "price", "qty"]

Keep = Callable[[pa.Table], Part]
"""Puts a table aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeFile:
    """The ticks of one file, put aside: first and last instant in us, and whether they need no more work,
    being in order and no trade twice.
    """

    number: int
    part: Part
    first: int
    last: int
    is_ready: bool


def order(table: pa.Table) -> tuple[int, int]:
    """Inversions in file order and the largest step back in microseconds."""
    steps = np.diff(_instants(table))
    return int((steps < 0).sum()), int(-steps.min(initial=0))


def tape_file(number: int, table: pa.Table, keep: Keep) -> TapeFile:
    """Puts the ticks of a file aside; `table` as `clean_ticks`."""
    instants = _instants(table)
    return TapeFile(
        number=number,
        part=keep(table),
        first=int(instants.min(initial=np.iinfo(np.int64).max)),
        last=int(instants.max(initial=np.iinfo(np.int64).min)),
        is_ready=bool((np.diff(instants) >= 0).all()) and _has_rising_ids(table),
    )


def join(files: Sequence[TapeFile], keep: Keep) -> tuple[list[Part], dict[int, int]]:
    """The tape in parts that follow each other in time, and how many ticks of each file were repetitions.

    The first of equal trades stays; equal times keep the order of files and lines. Trades that repeat each
    other have the same time, so a repetition never lies outside the files that overlap.
    """
    parts: list[Part] = []
    lost = {file.number: 0 for file in files}
    for group in _overlapping([file for file in files if file.part.num_rows]):
        if len(group) == 1 and group[0].is_ready:
            parts.append(group[0].part)
            continue
        whole = pa.concat_tables([file.part.read(None) for file in group]).combine_chunks()
        kept = _first_of_each(whole)
        for number in whole["file"].to_numpy()[~kept].tolist():
            lost[number] += 1
        whole = whole.filter(pa.array(kept))
        parts.append(keep(whole.take(pa.array(np.argsort(_instants(whole), kind="stable")))))
    return parts, lost


def _overlapping(files: list[TapeFile]) -> list[list[TapeFile]]:
    """Files in groups that share no instant with each other, in the order of time; each in file order."""
    groups: list[list[TapeFile]] = []
    last = 0
    for file in sorted(files, key=lambda file: (file.first, file.number)):
        if groups and file.first <= last:
            groups[-1].append(file)
            last = max(last, file.last)
        else:
            groups.append([file])
            last = file.last
    return [sorted(group, key=lambda file: file.number) for group in groups]


def _instants(table: pa.Table) -> np.ndarray:
    stamps: np.ndarray = table["ts"].cast(pa.int64()).to_numpy()
    return stamps


def _has_rising_ids(table: pa.Table) -> bool:
    """Whether no trade can stand twice, to be seen without comparing all: no ids, or numbers that rise."""
    ids = table["trade_id"]
    if ids.null_count:
        return bool(ids.null_count == table.num_rows)
    try:
        numbers = ids.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return False
    return bool((np.diff(numbers) > 0).all())


def _first_of_each(table: pa.Table) -> np.ndarray:
    keep = np.ones(table.num_rows, dtype=bool)
    if _has_rising_ids(table):
        return keep
    named = pc.is_valid(table["trade_id"])
    places = pa.array(np.arange(table.num_rows, dtype=np.int64))
    trades = table.select(_IDENTITY).append_column("place", places).filter(named)
    groups = trades.group_by(_IDENTITY, use_threads=False).aggregate([("place", "min")])
    if groups.num_rows < trades.num_rows:
        keep[trades["place"].to_numpy()] = False
        keep[groups["place_min"].to_numpy()] = True
    return keep
