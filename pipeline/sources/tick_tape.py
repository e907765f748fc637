"""Several tape files of a day -> one tape: repeated trades merged by their id, stably sorted by time.

Two trades may share time, price, size and side; so only an equal, non-null trade_id makes a repetition.
A file is put aside in stretches. Those that do not overlap in time follow each other as they are; only the
others meet in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from pipeline.tables import arrays
from pipeline.tables.parts import Part

_IDENTITY = ["trade_id", "ts", "price", "qty"]

_STRETCH = 250_000
"""So many ticks of a file stand in memory before they are put aside."""

Keep = Callable[[pa.Table], Part]
"""Puts a table aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Successive ticks of the file `number`, put aside; `place` counts a file's stretches.

    `first` and `last` instant in us, or another place in the tape's order; `is_ready`: they need no more
    work, being in order and no trade twice.
    """

    number: int
    place: int
    part: Part
    first: int
    last: int
    is_ready: bool


class Order:
    """How often a whole-number column of a file steps back, whose tables are seen in order, and how far."""

    def __init__(self, column: str) -> None:
        self._column = column
        self.inversions = self._largest = 0
        self._last = np.empty(0, dtype=np.int64)

    def see(self, table: pa.Table) -> None:
        """The next rows of the file."""
        values = np.concatenate([self._last, arrays.ints(table[self._column])])
        steps = np.diff(values)
        self.inversions += int(np.count_nonzero(steps < 0))
        self._largest = max(self._largest, int(-steps.min(initial=0)))
        self._last = values[-1:].copy()

    def notes(self) -> dict[str, int]:
        """For the ledger, of a column of instants."""
        return {"inversions": self.inversions, "largest_step_back_us": self._largest}


def stretches(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The tables in fewer, each in one piece and with enough rows to be put aside."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(one.num_rows for one in held) >= _STRETCH:
            whole, held = pa.concat_tables(held).combine_chunks(), []
            yield whole
    if held:
        yield pa.concat_tables(held).combine_chunks()


def put_aside(number: int, place: int, table: pa.Table, keep: Keep) -> Stretch:
    """Puts successive ticks of a file aside; `table` as `clean_ticks`."""
    instants = arrays.ints(table["ts"])
    return Stretch(
        number=number,
        place=place,
        part=keep(table),
        first=int(instants.min(initial=np.iinfo(np.int64).max)),
        last=int(instants.max(initial=np.iinfo(np.int64).min)),
        is_ready=bool((np.diff(instants) >= 0).all()) and _has_rising_ids(table),
    )


def join(tape: Sequence[Stretch], keep: Keep) -> tuple[list[Part], dict[int, int]]:
    """The tape in parts that follow each other in time, and how many ticks of each file were repetitions.

    The first of equal trades stays; equal times keep the order of files and lines. Trades that repeat each
    other have the same time, so a repetition never lies outside the stretches that overlap.
    """
    parts: list[Part] = []
    lost = {stretch.number: 0 for stretch in tape}
    for group in overlapping([stretch for stretch in tape if stretch.part.num_rows]):
        if len(group) == 1 and group[0].is_ready:
            parts.append(group[0].part)
            continue
        whole = pa.concat_tables([stretch.part.read(None) for stretch in group]).combine_chunks()
        kept = _first_of_each(whole)
        for number in whole["file"].to_numpy()[~kept].tolist():
            lost[number] += 1
        whole = whole.filter(pa.array(kept))
        parts.append(
            keep(whole.take(pa.array(np.argsort(arrays.ints(whole["ts"]), kind="stable"))))
        )
    return parts, lost


def overlapping(tape: list[Stretch]) -> list[list[Stretch]]:
    """In groups that share no instant with each other, in the order of time; each in file order."""
    groups: list[list[Stretch]] = []
    last = 0
    for stretch in sorted(tape, key=lambda one: (one.first, one.number, one.place)):
        if groups and stretch.first <= last:
            groups[-1].append(stretch)
            last = max(last, stretch.last)
        else:
            groups.append([stretch])
            last = stretch.last
    return [sorted(group, key=lambda one: (one.number, one.place)) for group in groups]


def _has_rising_ids(table: pa.Table) -> bool:
    """Whether no trade can stand twice, to be seen without comparing all: no ids, or ids that rise."""
    ids = arrays.one(table["trade_id"])
    if ids.null_count:
        return bool(ids.null_count == table.num_rows)
    return _rise(ids)


def _rise(texts: pa.Array) -> bool:
    """Whether each text is above the one before, as numbers are: longer, or as long and above."""
    ends = arrays.text_ends(texts).astype(np.int64)
    length = np.diff(ends)
    if (length == 0).any() or (np.diff(length) < 0).any():
        return False
    begins = np.flatnonzero(np.diff(length, prepend=0)).tolist()
    for first, end in pairwise([*begins, len(length)]):
        run = np.frombuffer(texts.buffers()[2], f"S{length[first]}", end - first, int(ends[first]))
        if (run[1:] <= run[:-1]).any():
            return False
    return True


def _first_of_each(table: pa.Table) -> np.ndarray:
    keep = np.ones(table.num_rows, dtype=bool)
    if _has_rising_ids(table):
        return keep
    named = table["trade_id"].is_valid()
    places = pa.array(np.arange(table.num_rows, dtype=np.int64))
    trades = table.select(_IDENTITY).append_column("place", places).filter(named)
    groups = trades.group_by(_IDENTITY, use_threads=False).aggregate([("place", "min")])
    if groups.num_rows < trades.num_rows:
        keep[trades["place"].to_numpy()] = False
        keep[groups["place_min"].to_numpy()] = True
    return keep
