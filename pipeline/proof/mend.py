"""A tape mended from the exchange's other archive, trade by trade.

The two archives tell of the same trades: one by one, or those together that one order took at one price.
Where one contradicts the klines and the other agrees with them, what that one says of an id stands: its side,
its size, that it was at all. Nothing is guessed: a minute of which neither agrees stays as it is.

Belongs here: rows of two archives laid over each other. Which minutes are mended is `day.py`'s; that the tape
then agrees is proven again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats, Ints
from pipeline.tables.exact import decimal_places, to_units
from pipeline.tables.parts import Part, Parts

Keep = Callable[[pa.Table], Part]
"""Puts a table aside."""

_SPAN_MINUTES = 10
"""So much of both tapes stands in memory at once."""

_SINGLE, _GROUPED = ("trade_id", "trade_id"), ("first_id", "last_id")
_OTHERS = ("ts", "price", "qty", "side", "file", "line")
_FROM_OTHER = pa.field("from_other", pa.bool_(), nullable=False)
_ORDER = [("ts", "ascending"), ("first_id", "ascending")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """What is done to a tape.

    Args:
        minutes: Of the day, which the other archive has right and this one has not.
        no_sides: Files, by position in the tape's ledger, whose sides say nothing.
        sides_wrong: Minutes in which theirs become null, where they are not mended.
    """

    minutes: Bools
    no_sides: frozenset[int]
    sides_wrong: Bools


def mended(tape: Parts, other: Parts | None, mending: Mending, opened_us: int, keep: Keep) -> Parts:
    """The tape with some minutes mended.

    In such a minute a row stays where the other archive has its very trades, of the same price and size, and
    takes their side from there; all other rows are the other archive's.

    Args:
        tape: schema `clean_trades` or `clean_agg_trades`, sorted by time and id.
        other: the other one of these, None where there is none.
        mending: what is done.
        opened_us: 00:00 UTC of the day.
        keep: puts rows aside; those of some minutes stand in memory at once.

    Returns:
        Columns ts, price, qty, side, file, line, first_id, last_id (of a single trade its own id), and
        `from_other`, which is true where file and line are in the ledger of the other archive.
    """
    edges = opened_us + np.arange(0, MINUTES_PER_DAY + 1, _SPAN_MINUTES) * MINUTE_US
    are_groups = "first_id" in tape.schema.names
    donor = other or Parts(schema=tape.schema, parts=())
    parts: list[Part] = []
    for ours, theirs in zip(_spans(tape, edges), _spans(donor, edges), strict=True):
        if not ours.num_rows and not theirs.num_rows:
            continue
        stays, bad = _split(ours, mending.minutes, opened_us)
        stays = _without_sides(stays, mending, opened_us)
        _, good = _split(theirs, mending.minutes, opened_us)
        mixed = (_mixed_groups if are_groups else _mixed_trades)(bad, good)
        parts.append(keep(pa.concat_tables([stays, *mixed]).sort_by(_ORDER)))
    schema = _named(tape.schema.empty_table()).schema
    return Parts(schema=schema, parts=tuple(part for part in parts if part.num_rows))


def _mixed_trades(ours: pa.Table, theirs: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Our single trades, with the sides of their groups, and the groups that are not whole with us."""
    match = _match(ours, theirs)
    stays = np.append(match.is_whole, False)[match.group]
    sides = np.append(arrays.floats(theirs["side"]), np.nan)[match.group]
    return (
        _with_sides(ours, sides).filter(pa.array(stays)),
        _lent(theirs.filter(pa.array(~match.is_whole))),
    )


def _mixed_groups(ours: pa.Table, theirs: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Our groups, with the sides of their trades, and the trades that no whole group of ours has."""
    match = _match(theirs, ours)
    stays = match.is_whole & match.is_one_sided
    told = np.append(stays, False)[match.group]
    return (
        _with_sides(ours, match.side).filter(pa.array(stays)),
        _lent(theirs.filter(pa.array(~told))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """By single trade: `group`, its place among the groups, -1 where none has its id.

    By group: whether its trades are all there, once, at its price, and add up to its size; whether they are
    of one side, and that, NaN where it is not known.
    """

    group: Ints
    is_whole: Bools
    is_one_sided: Bools
    side: Floats


def _match(single: pa.Table, grouped: pa.Table) -> _Match:
    groups = grouped.num_rows
    group = _groups_of(single, grouped)
    found = np.flatnonzero(group >= 0)
    of = group[found]

    def count(where: Bools) -> Ints:
        return np.bincount(of[where], minlength=groups)

    ids, price = arrays.ints(single["first_id"])[found], arrays.floats(single["price"])[found]
    side = arrays.floats(single["side"])[found]
    once = np.isin(np.arange(len(ids)), np.unique(ids, return_index=True)[1])
    fits = once & (price == arrays.floats(grouped["price"])[of])
    fills = arrays.ints(grouped["last_id"]) - arrays.ints(grouped["first_id"]) + 1
    bought, sold, unknown = (count(where) for where in (side > 0, side < 0, np.isnan(side)))
    return _Match(
        group=group,
        is_whole=(count(fits) == fills) & (count(~fits) == 0) & _adds_up(single, grouped, group),
        is_one_sided=(bought == 0) | (sold == 0),
        side=np.where(unknown > 0, np.nan, np.where(bought > 0, 1.0, -1.0)),
    )


def _groups_of(single: pa.Table, grouped: pa.Table) -> Ints:
    ids, first, last = (
        arrays.ints(column)
        for column in (single["first_id"], grouped["first_id"], grouped["last_id"])
    )
    order = np.argsort(first, kind="stable")
    at = np.searchsorted(first[order], ids, side="right") - 1
    group = np.append(order, -1)[at]
    inside = (at >= 0) & (ids <= np.append(last, -1)[group])
    return np.where(inside, group, -1)


def _adds_up(single: pa.Table, grouped: pa.Table, group: Ints) -> Bools:
    sizes = [arrays.floats(table["qty"]) for table in (single, grouped)]
    places = decimal_places(*sizes)
    parts, wholes = (to_units(size, places) for size in sizes)
    found = group >= 0
    total = np.zeros(len(wholes), dtype=parts.dtype)
    np.add.at(total, group[found], parts[found])
    adds_up: Bools = np.asarray(total == wholes, dtype=np.bool_)
    return adds_up


def _spans(tape: Parts, edges: Ints) -> Iterator[pa.Table]:
    """The tape's rows between successive edges, read part by part."""
    ids = _GROUPED if "first_id" in tape.schema.names else _SINGLE
    tables = tape.tables([*_OTHERS, *dict.fromkeys(ids)])
    held, following = _named(tape.schema.empty_table()), next(tables, None)
    for end in edges[1:].tolist():
        while following is not None and not (held.num_rows and held["ts"][-1].value >= end):
            held = pa.concat_tables([held, _named(following)]).combine_chunks()
            following = next(tables, None)
        cut = int(np.searchsorted(arrays.ints(held["ts"]), end))
        yield held.slice(0, cut)
        held = held.slice(cut)


def _named(table: pa.Table) -> pa.Table:
    """Rows with first and last id, none of the other archive."""
    ids = _GROUPED if "first_id" in table.column_names else _SINGLE
    named = table.select(_OTHERS)
    for name, column in zip(_GROUPED, ids, strict=True):
        named = named.append_column(pa.field(name, pa.int64(), nullable=False), table[column])
    return named.append_column(_FROM_OTHER, pa.repeat(False, table.num_rows))


def _lent(table: pa.Table) -> pa.Table:
    return table.set_column(table.num_columns - 1, _FROM_OTHER, pa.repeat(True, table.num_rows))


def _split(table: pa.Table, minutes: Bools, opened_us: int) -> tuple[pa.Table, pa.Table]:
    """The rows outside these minutes, and those in them."""
    inside = minutes[(arrays.ints(table["ts"]) - opened_us) // MINUTE_US]
    return table.filter(pa.array(~inside)), table.filter(pa.array(inside))


def _without_sides(table: pa.Table, mending: Mending, opened_us: int) -> pa.Table:
    """Rows of which the side is null where it says nothing."""
    minutes = (arrays.ints(table["ts"]) - opened_us) // MINUTE_US
    wrong = mending.sides_wrong[minutes]
    wrong &= np.isin(arrays.ints(table["file"]), sorted(mending.no_sides))
    return _with_sides(table, np.where(wrong, np.nan, arrays.floats(table["side"])))


def _with_sides(table: pa.Table, sides: Floats) -> pa.Table:
    unknown = np.isnan(sides)
    column = arrays.column(np.where(unknown, 0, sides).astype(np.int8), unknown)
    return table.set_column(table.column_names.index("side"), table.field("side"), column)
