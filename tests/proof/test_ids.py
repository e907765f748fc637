"""Gaps in the ids of a tape: how many are missing before a trade, and in which minutes some may lie."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import MINUTE_US
from pipeline.proof.ids import IdGaps, id_gaps
from pipeline.tables.parts import Parts, in_memory

OPENED = 1_735_776_000_000_000
SCHEMA = pa.schema(
    [("ts", pa.timestamp("us", tz="UTC")), ("first_id", pa.int64()), ("last_id", pa.int64())]
)
Rows = list[tuple[int, int, int]]


def gaps(rows: Rows, size: int = 100) -> IdGaps:
    """Of rows (minute, first id, last id), in parts of so many."""
    table = pa.table(
        {
            "ts": pa.array([OPENED + minute * MINUTE_US for minute, _, _ in rows], SCHEMA[0].type),
            "first_id": pa.array([first for _, first, _ in rows], pa.int64()),
            "last_id": pa.array([last for _, _, last in rows], pa.int64()),
        }
    )
    cuts = range(0, len(rows), size)
    parts = tuple(in_memory(table.slice(cut, size)) for cut in cuts)
    return id_gaps(Parts(schema=SCHEMA, parts=parts), OPENED)


def minutes(mask: np.ndarray) -> set[int]:
    return set(np.flatnonzero(mask).tolist())


def test_a_gap_lies_between_two_trades() -> None:
    """Ids 7 and 8 are missing from minute 5 to 8, and nobody knows of what is before and after the tape."""
    found = gaps([(3, 1, 2), (5, 3, 6), (8, 9, 9), (20, 10, 12)])

    assert minutes(found.missing) == {8}
    assert found.missing[8] == 2
    assert minutes(found.near) == {*range(4), 5, 6, 7, 8, *range(20, 1440)}


def test_no_trade_tells_of_no_minute() -> None:
    """An empty tape may miss anything, anywhere."""
    found = gaps([])

    assert minutes(found.near) == set(range(1440))
    assert not found.missing.any()


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=20
    ),
    size=st.integers(1, 7),
)
def test_where_a_tape_is_cut_does_not_show(steps: Rows, size: int) -> None:
    """And every id is found or missing: those found and those missing are all from the first to the last."""
    rows: Rows = []
    minute, last = 0, 0
    for later, skipped, more in steps:
        minute, first = minute + later, last + 1 + skipped
        last = first + more
        rows.append((minute, first, last))
    whole, cut = gaps(rows), gaps(rows, size)
    held = sum(last - first + 1 for _, first, last in rows)

    assert (whole.missing == cut.missing).all()
    assert (whole.near == cut.near).all()
    assert held + whole.missing.sum() == rows[-1][2] - rows[0][1] + 1
