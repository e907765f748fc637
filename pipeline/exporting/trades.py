"""The trades of a symbol's published days, held against the footprint that was published of them.

A snapshot has no tape. What is prepared of one is taken only where it still gives, minute by minute and price
by price, the very volumes and counts that the snapshot has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.clock import MINUTE_US, SECOND_US
from pipeline.contracts.value import changed
from pipeline.errors import RefusedError
from pipeline.exporting.receipt import SymbolEntry
from pipeline.exporting.tool import Work
from pipeline.model.feeds import TRADE_TAPES
from pipeline.provenance.tapes_again import counted_trades
from pipeline.reader.resolved import Resolved
from pipeline.tables import arrays
from pipeline.tables.arrays import Ints
from pipeline.tables.exact import decimal_places, from_units, to_units

_LEVELS = ("minute_open", "price", "buy", "sell", "volume", "trades")
_ORDER = [("minute_open", "ascending"), ("price", "ascending")]


@dataclass(slots=True, kw_only=True)
class Told:
    """What was met on the way, for the receipt."""

    rows: int = 0
    sides_unknown: int = 0
    first_us: int | None = None
    last_us: int | None = None
    minutes: Counter[str] = field(default_factory=Counter)
    absent: dict[str, str] = field(default_factory=dict)

    def entry(self, work: Work) -> SymbolEntry:
        """The receipt's entry of the symbol."""
        made = work.entry(self.rows, self.first_us, self.last_us)
        return changed(
            made,
            sides_unknown=self.sides_unknown,
            minutes=dict(sorted(self.minutes.items())),
            absent=dict(sorted({**made.absent, **self.absent}.items())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTrades:
    """The trades of a date, `TRADES` of `provenance`; and by trade when it is known, in us."""

    day: Resolved
    trades: pa.Table
    known_us: Ints


def days_of(work: Work, told: Told) -> Iterator[DayTrades]:
    """A symbol's dates with a tape, oldest first; one date stands in memory.

    Raises:
        RefusedError: a tape is not in hand, or not the one of the snapshot.
    """
    for day in work.chosen.days:
        if not work.chosen.has(day, work.symbol):
            continue
        levels = work.chosen.footprint(day, work.symbol)
        if not levels.num_rows:
            told.absent[day.day.isoformat()] = "no tape"
            continue
        found = counted_trades(work.chosen.kitchen, work.symbol, day.day)
        if not found.minutes:
            told.absent[day.day.isoformat()] = "its tape is of another instrument or unit"
            continue
        _hold(work, day, levels, found.trades)
        _tell(told, found.trades)
        told.minutes.update(found.minutes)
        yield DayTrades(day=day, trades=found.trades, known_us=_known(work, found.trades))


def _tell(told: Told, trades: pa.Table) -> None:
    stamps = arrays.ints(trades["ts"])
    told.rows += trades.num_rows
    told.sides_unknown += trades["side"].null_count
    told.first_us = int(stamps[0]) if told.first_us is None else told.first_us
    told.last_us = int(stamps[-1])


def _known(work: Work, trades: pa.Table) -> Ints:
    """When each trade is known: its instant and the configured latency of its tape's vendor; never earlier
    than one before it.
    """
    latency = work.chosen.kitchen.latency_seconds
    tapes = trades["tape"].combine_chunks()
    by_tape = [
        round(latency["binance" if tape in TRADE_TAPES else "atas"] * SECOND_US)
        for tape in tapes.dictionary.to_pylist()
    ]
    own = np.array(by_tape, dtype=np.int64)[arrays.ints(tapes.indices)]
    known: Ints = np.maximum.accumulate(arrays.ints(trades["ts"]) + own)
    return known


def _hold(work: Work, day: Resolved, published: pa.Table, trades: pa.Table) -> None:
    """Refuses trades whose footprint is not the published one."""
    ours, theirs = levels_of(trades), published.select(_LEVELS).sort_by(_ORDER).combine_chunks()
    if ours.num_rows == theirs.num_rows and all(
        ours[name].combine_chunks().equals(theirs[name].combine_chunks()) for name in _LEVELS
    ):
        return
    raise RefusedError(
        f"{work.symbol} {day.day}: the tape prepared in {work.chosen.kitchen.prepared} is not the one of"
        f" r{day.number} ({ours.num_rows} price levels, published are {theirs.num_rows}); build the day"
        f" again with luigi --module pipeline Snapshot --date {day.day}, or leave it out"
    )


def levels_of(trades: pa.Table) -> pa.Table:
    """Trades by minute and price: `buy`, `sell` (null where no side is known), `volume`, `trades`."""
    qty, side = arrays.floats(trades["qty"]), arrays.floats(trades["side"])
    places = decimal_places(qty)
    units = to_units(qty, places).astype(np.int64)
    minute = arrays.ints(trades["ts"]) // MINUTE_US * MINUTE_US
    sums = pa.table(
        {
            "minute_open": pa.array(minute).cast(pa.timestamp("us", tz="UTC")),
            "price": trades["price"],
            "buy": pa.array(np.where(side > 0, units, 0), mask=np.isnan(side)),
            "sell": pa.array(np.where(side < 0, units, 0), mask=np.isnan(side)),
            "volume": pa.array(units),
            "trades": trades["trades"],
        }
    )
    names = ("buy", "sell", "volume", "trades")
    found = sums.group_by(["minute_open", "price"]).aggregate([(name, "sum") for name in names])
    found = found.rename_columns([name.removesuffix("_sum") for name in found.column_names])
    for name in names[:-1]:
        column = found[name]
        floats = pa.array(
            from_units(arrays.ints(column.fill_null(0)), places),
            mask=np.asarray(pc.is_null(column).to_numpy()),
        )
        found = found.set_column(found.column_names.index(name), name, floats)
    return found.select(_LEVELS).sort_by(_ORDER).combine_chunks()
