"""A day's tapes proven again, as the step proved them, and the trades that counted.

Belongs here: from prepared files back to tapes and trades. What is told of one minute is `tape_minute.py`'s.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.bars.tape import has_sides
from pipeline.clock import MINUTE_US
from pipeline.errors import RefusedError
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.proof.choice import used
from pipeline.proof.day import mending
from pipeline.proof.mend import Mending, mended
from pipeline.proof.tapes import Given, TapesOfDay, tapes_of_day
from pipeline.settings.config import Kitchen
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools
from pipeline.tables.parts import Parts
from pipeline.tasks import tape_inputs
from pipeline.tasks.job import Job

TRADES = pa.schema(
    [
        pa.field("ts", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("price", pa.float64(), nullable=False),
        pa.field("qty", pa.float64(), nullable=False),
        pa.field("side", pa.int8()),
        pa.field("id", pa.string()),
        pa.field("trades", pa.int64(), nullable=False),
        pa.field("tape", pa.dictionary(pa.int8(), pa.string()), nullable=False),
    ]
)
"""Trades as they counted: `side` +1 the buyer took, -1 the seller, null: not known; `id` of the first of the
`trades` that an aggregate stands for, null where the `tape` has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The trades of a day's minutes, of `TRADES`, by time; and by tape how many minutes are taken from it."""

    trades: pa.Table
    minutes: dict[str, int]


def again(kitchen: Kitchen, symbol: str, day: dt.date) -> tuple[Given, TapesOfDay]:
    """The tapes of the klines' own instrument, and what came of holding them against each other.

    Raises:
        RefusedError: what was prepared of the day is not there.
    """
    kitchen.symbol(symbol)
    node = graph.node(kitchen, Unit("Footprint", day, symbol))
    gone = [edge.place.file for edge in node.edges if not edge.place.exists()]
    if gone or not any(edge.unit.source == "binance_1m" for edge in node.edges):
        raise RefusedError(
            f"{symbol} {day}: its tape is not in hand, {gone[0] if gone else node.folder} is not there or not"
            f" whole; build the day with luigi --module pipeline Snapshot --date {day}, or export where that"
            " was done"
        )
    job = Job(kitchen=kitchen, node=node, reasons=["asked"], code={}, libraries={}, contents={})
    try:
        tapes = tape_inputs.given(job, tape_inputs.ticks(job))
        return tapes, tapes_of_day(tapes)
    except (OSError, ValueError, KeyError) as error:
        raise RefusedError(
            f"{symbol} {day}: what was prepared of its tape cannot be read ({error}); delete {node.folder}"
            f" and build the day again with luigi --module pipeline Snapshot --date {day}"
        ) from error


def orders(tapes: Given, found: TapesOfDay) -> list[tuple[str, str | None, Mending]]:
    """What was mended: an archive, the other one where that is there, and how."""
    archives = [name for name, tape in tapes.tapes.items() if tape.is_archive]
    pairs = [(name, next((one for one in archives if one != name), None)) for name in archives]
    every = ((name, other, mending(found.archived, name, other)) for name, other in pairs)
    return [(name, other, order) for name, other, order in every if order is not None]


def counted_trades(kitchen: Kitchen, symbol: str, day: dt.date) -> Counted:
    """The trades behind the day's footprint, each minute from the tape that it was taken from.

    All of them stand in memory. None where no tape is of the klines' own instrument and unit.

    Raises:
        RefusedError: as `again`.
    """
    tapes, found = again(kitchen, symbol, day)
    place = used(found.proof.candidates)
    kept, minutes = [TRADES.empty_table()], {}
    for position, (name, tape) in enumerate(_as_counted(tapes, found)):
        inside = place == position
        if inside.any():
            minutes[name] = int(inside.sum())
            no_sides = not tapes.tapes[name].is_archive and not has_sides(
                tape, tapes.day.rules.control.flow
            )
            for part in tape.tables():
                rows = _within(part, inside, tapes.opened_us)
                kept.append(_rows(rows, name, no_sides=no_sides))
    trades = pa.concat_tables(kept).unify_dictionaries().combine_chunks()
    order = np.argsort(arrays.ints(trades["ts"]), kind="stable")
    return Counted(trades=trades.take(pa.array(order)), minutes=minutes)


def _as_counted(tapes: Given, found: TapesOfDay) -> Iterator[tuple[str, Parts]]:
    """Each tape in the order of the proof, mended where it was."""
    how = {name: (donor, order) for name, donor, order in orders(tapes, found)}
    for name in found.proof.candidates:
        own = tapes.tapes[name].parts
        if name in how:
            donor, order = how[name]
            other = tapes.tapes[donor].parts if donor else None
            own = mended(own, other, order, tapes.opened_us, tapes.keep)
        yield name, own


def _within(part: pa.Table, inside: Bools, opened_us: int) -> pa.Table:
    minutes = (arrays.ints(part["ts"]) - opened_us) // MINUTE_US
    return part.filter(pa.array(inside[minutes]))


def _rows(rows: pa.Table, tape: str, *, no_sides: bool) -> pa.Table:
    """A tape's rows in the form of `TRADES`."""
    count = rows.num_rows
    first = next(rows[name] for name in ("first_id", "trade_id") if name in rows.column_names)
    fills = pa.repeat(1, count)
    if "last_id" in rows.column_names:
        fills = pa.array(arrays.ints(rows["last_id"]) - arrays.ints(rows["first_id"]) + 1)
    columns = (
        *(rows[name] for name in ("ts", "price", "qty")),
        pa.nulls(count, pa.int8()) if no_sides else rows["side"],
        first.cast(pa.string()),
        fills,
        pa.DictionaryArray.from_arrays(np.zeros(count, dtype=np.int8), [tape]),
    )
    return pa.table(dict(zip(TRADES.names, columns, strict=True)), schema=TRADES)
