"""Files of the exchange's trades -> one tape: in the order of time and id, no trade twice.

An id names one trade, or one aggregate of trades; the exchange's order is that of its ids. Of rows that say
the same the first stays; rows of one id that differ stay both, for nobody here knows which is true.

A file is put aside in stretches (`tick_tape.py`). Those that do not overlap follow each other as they are;
only the others meet in memory, a span of time at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from pipeline.sources.tick_tape import Keep, Stretch, overlapping
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats, Ints
from pipeline.tables.parts import Part

_ID_BITS = 63
_AT_ONCE = 500_000
"""About so many rows are sorted at once."""

_SAMPLED = 100
_ORDER = ("ts", "id", "first_id", "last_id", "price", "qty", "side", "file", "line")
_IDENTITY = _ORDER[:7]


@dataclass(slots=True)
class Lost:
    """Of each file: rows merged, and rows whose id stands twice in that file."""

    merged: Counter[int] = field(default_factory=Counter)
    repeated: Counter[int] = field(default_factory=Counter)


def put_aside(number: int, place: int, table: pa.Table, keep: Keep) -> Stretch:
    """Puts successive rows of a file aside; `table` as `clean_trades` or `clean_agg_trades`."""
    ids, ts = arrays.ints(table[_id_column(table)]), arrays.ints(table["ts"])
    is_ready = bool((np.diff(ids) > 0).all() and (np.diff(ts) >= 0).all())
    first, last = _ends(ts, ids, in_order=is_ready)
    return Stretch(
        number=number,
        place=place,
        part=keep(table),
        first=first,
        last=last,
        is_ready=is_ready,
    )


def join(tape: Sequence[Stretch], keep: Keep) -> tuple[list[Part], Lost]:
    """The tape in parts that follow each other in time and id, and what became of rows that stand twice."""
    parts: list[Part] = []
    lost = Lost()
    for group in overlapping([stretch for stretch in tape if stretch.part.num_rows]):
        if len(group) == 1 and group[0].is_ready:
            parts.append(group[0].part)
            continue
        for piece in _pieces(group):
            parts.append(keep(_sorted(piece, lost)))
    return parts, lost


def _pieces(group: Sequence[Stretch]) -> Iterator[pa.Table]:
    """The rows of stretches that overlap, by spans of time that follow each other and fit in memory."""
    sample = np.concatenate([_stamps(stretch)[::_SAMPLED] for stretch in group])
    rows = sum(stretch.part.num_rows for stretch in group)
    inner = np.quantile(
        sample, np.arange(1, -(-rows // _AT_ONCE)) * _AT_ONCE / rows, method="lower"
    )
    edges = [-(1 << 63), *np.unique(inner).tolist(), (1 << 63) - 1]
    for start, end in pairwise(edges):
        found = []
        for stretch in group:
            stamps = _stamps(stretch)
            inside = (stamps >= start) & (stamps < end)
            if inside.any():
                found.append(stretch.part.read(None).filter(pa.array(inside)))
        if found:
            yield pa.concat_tables(found).combine_chunks()


def _stamps(stretch: Stretch) -> Ints:
    return arrays.ints(stretch.part.read(["ts"])["ts"])


def _sorted(whole: pa.Table, lost: Lost) -> pa.Table:
    """In order, the first of equal rows alone."""
    columns = _columns(whole)
    order = np.lexsort([columns[name] for name in reversed(_ORDER) if name in columns])
    same = {name: _as_before(column[order]) for name, column in columns.items()}
    of_id = same["ts"] & same["id"] & same["file"]
    twice = np.logical_and.reduce([same[name] for name in _IDENTITY if name in same])
    files = columns["file"][order]
    lost.merged.update(files[twice].tolist())
    lost.repeated.update(files[of_id].tolist())
    return whole.take(pa.array(order[~twice]))


def _columns(whole: pa.Table) -> dict[str, Floats | Ints]:
    """What decides of order and identity; an unknown side is 0."""
    found: dict[str, Floats | Ints] = {
        "id": arrays.ints(whole[_id_column(whole)]),
        "side": np.nan_to_num(arrays.floats(whole["side"])),
    }
    for name in ("price", "qty"):
        found[name] = arrays.floats(whole[name])
    for name in ("ts", "first_id", "last_id", "file", "line"):
        if name in whole.column_names:
            found[name] = arrays.ints(whole[name])
    return found


def _as_before(column: Floats | Ints) -> Bools:
    same = np.zeros(len(column), dtype=np.bool_)
    same[1:] = column[1:] == column[:-1]
    return same


def _ends(ts: Ints, ids: Ints, *, in_order: bool) -> tuple[int, int]:
    """The first and last place in the order of time and id, each as one number; of no rows none."""
    if not len(ts):
        return 1, 0
    if in_order:
        first, last = 0, len(ts) - 1
    else:
        order = np.lexsort([ids, ts])
        first, last = int(order[0]), int(order[-1])
    return tuple((int(ts[at]) << _ID_BITS) + int(ids[at]) for at in (first, last))  # type: ignore[return-value]


def _id_column(table: pa.Table) -> str:
    return "trade_id" if "trade_id" in table.column_names else "agg_id"
