"""A damaged tape mended from the other archive: whatever was lost, its minutes are the other's again."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kit.shipped import RULES
from pipeline.bars.footprint import footprint
from pipeline.clock import MINUTE_US
from pipeline.proof.mend import Mending, mended
from pipeline.tables.parts import Parts, in_memory, single

OPENED = 1_735_776_000_000_000
EVERY, NONE = np.ones(1440, dtype=np.bool_), np.zeros(1440, dtype=np.bool_)
COMPARED = ("minute_open", "open", "high", "low", "close", "volume", "trades", "vbuy", "vsell")


class Row(NamedTuple):
    """Trades first to last: all of one minute, price and side; `parts` are their sizes in lots."""

    minute: int
    price: int
    side: int
    parts: tuple[int, ...]


ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from((0, 1, 9, 10, 30)),
        st.integers(1, 5),
        st.sampled_from((1, -1)),
        st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=15,
).map(lambda rows: sorted(rows, key=lambda row: row.minute))


def both_archives(rows: list[Row]) -> tuple[pa.Table, pa.Table]:
    """The rows as single trades, and as aggregates."""
    singles: list[dict[str, Any]] = []
    groups: list[dict[str, Any]] = []
    number = 0
    for place, row in enumerate(rows):
        common = {
            "ts": OPENED + row.minute * MINUTE_US + place * 1000,
            "price": float(row.price),
            "side": row.side,
            "file": 0,
            "line": place + 1,
        }
        last = number + len(row.parts) - 1
        ids = {"agg_id": place, "first_id": number, "last_id": last}
        groups.append({**common, **ids, "qty": sum(row.parts) / 100})
        singles += [
            {
                **common,
                "trade_id": number + at,
                "qty": lots / 100,
                "quote_qty": None,
                "base_qty": None,
            }
            for at, lots in enumerate(row.parts)
        ]
        number = last + 1
    schemas = [RULES.schema.table(name) for name in ("clean_trades", "clean_agg_trades")]
    trades, aggregates = (
        pa.Table.from_pylist(made, schema)
        for made, schema in zip((singles, groups), schemas, strict=True)
    )
    return trades, aggregates


def minutes(tape: Parts) -> pa.Table:
    """What the klines tell too, made of a tape."""
    _, stats = footprint("X", tape, RULES, judge_sides=False)
    return stats.select(COMPARED)


def in_parts(table: pa.Table, size: int) -> Parts:
    """A table cut into parts of so many rows."""
    cuts = range(0, table.num_rows, size)
    return Parts(schema=table.schema, parts=tuple(in_memory(table.slice(c, size)) for c in cuts))


def damaged(table: pa.Table, kinds: list[str]) -> pa.Table:
    """Each row lost, of another size, price or side, or twice, as its kind says; or as it is."""
    rows = []
    for row, kind in zip(table.to_pylist(), kinds, strict=False):
        change = {
            "size": {"qty": 0.005},
            "price": {"price": 7.0},
            "side": {"side": -row["side"]},
            "no side": {"side": None},
        }.get(kind, {})
        rows += [] if kind == "lost" else [row | change]
        rows += [row | {"qty": 0.01}] if kind == "twice" else []
    return pa.Table.from_pylist(rows, table.schema)


KINDS = ("", "lost", "size", "price", "side", "no side", "twice")
DAMAGE = st.lists(st.sampled_from(KINDS), min_size=45, max_size=45)


def mend(tape: Parts, other: Parts | None, **orders: Any) -> Parts:
    given = {"minutes": EVERY, "no_sides": frozenset(), "sides_wrong": NONE} | orders
    return mended(tape, other, Mending(**given), OPENED, in_memory)


@given(rows=ROWS, kinds=DAMAGE, swapped=st.booleans(), cut=st.integers(1, 7))
def test_a_mended_tape_has_the_other_ones_minutes(
    rows: list[Row], kinds: list[str], swapped: bool, cut: int
) -> None:
    """Whatever the damage, whichever archive has it, and wherever the tapes are cut into parts."""
    trades, groups = both_archives(rows)
    ours, theirs = (groups, trades) if swapped else (trades, groups)

    assert minutes(mend(in_parts(damaged(ours, kinds), cut), in_parts(theirs, cut + 1))).equals(
        minutes(single(theirs))
    )


@given(rows=ROWS, swapped=st.booleans())
def test_a_whole_tape_stays_row_by_row(rows: list[Row], swapped: bool) -> None:
    """Nothing is lent where the other archive has the very same trades."""
    trades, groups = both_archives(rows)
    ours, theirs = (groups, trades) if swapped else (trades, groups)
    found = mend(single(ours), single(theirs)).whole()

    assert not any(found["from_other"].to_pylist())
    for name in ("ts", "price", "qty", "side", "file", "line"):
        assert found[name].to_pylist() == ours[name].to_pylist()


@given(rows=ROWS, kinds=DAMAGE)
def test_other_minutes_are_left_alone(rows: list[Row], kinds: list[str]) -> None:
    """A minute that is not to be mended keeps its rows, right or wrong."""
    trades, groups = both_archives(rows)
    broken = damaged(trades, kinds)
    only_first = NONE.copy()
    only_first[0] = True
    found = mend(single(broken), single(groups), minutes=only_first).whole()
    opened = pa.scalar(OPENED + MINUTE_US, pa.int64()).cast(found["ts"].type)
    later = [row for row in found.to_pylist() if row["ts"] >= opened.as_py()]
    wanted = [row for row in broken.to_pylist() if row["ts"] >= opened.as_py()]

    assert [row["from_other"] for row in later] == [False] * len(wanted)
    assert sorted((row["line"], row["qty"]) for row in later) == sorted(
        (row["line"], row["qty"]) for row in wanted
    )


def test_one_lost_trade_of_an_aggregate_comes_with_the_whole_of_it() -> None:
    """The sizes of trades that one archive alone has together are not divided."""
    trades, groups = both_archives([Row(0, 1, 1, (2, 3)), Row(0, 2, -1, (4,))])
    found = mend(single(trades.slice(1)), single(groups)).whole()
    names = ("first_id", "last_id", "qty", "side", "from_other")

    assert [tuple(row[name] for name in names) for row in found.to_pylist()] == [
        (0, 1, 0.05, 1, True),
        (2, 2, 0.04, -1, False),
    ]


def test_sides_that_say_nothing_become_null_in_their_files_and_minutes() -> None:
    """Without another archive: of the file named, in the minutes named."""
    trades, _ = both_archives([Row(minute, 1, 1, (1,)) for minute in (0, 1, 9)])
    files = pa.array([0, 1, 0], pa.int32())
    trades = trades.set_column(trades.column_names.index("file"), trades.field("file"), files)
    wrong = NONE.copy()
    wrong[:2] = True
    found = mend(single(trades), None, minutes=NONE, no_sides=frozenset({0}), sides_wrong=wrong)

    assert found.whole()["side"].to_pylist() == [None, 1, 1]
