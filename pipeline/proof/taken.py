"""A day's tapes -> one footprint, statistics and order flow, each minute from the tape that is believed.

Belongs here: what the steps after the proof read. What is believed is `choice.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.alignment.feeds import TICKS as TICKS_FEED
from pipeline.alignment.flow import Sides, in_base
from pipeline.alignment.grid import on_grid
from pipeline.alignment.identity import BASE, CONTRACTS, SAME
from pipeline.alignment.tape_minutes import tape_minutes
from pipeline.bars import footprint
from pipeline.contracts.correction import Correction
from pipeline.contracts.day import Day
from pipeline.contracts.tape import TapeFinding
from pipeline.model.feeds import TRADE_TAPES
from pipeline.proof.choice import believed, proven, taken
from pipeline.proof.tapes import Given, TapeGiven, TapesOfDay, tapes_of_day
from pipeline.tables import trim_memory
from pipeline.tables.parts import Parts, single

TICKS = "ticks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Tables of a symbol's day.

    `footprint`: schema `footprint`, of the minutes that a tape is taken for.
    `tape_stats`: the same minutes' `minute_stats`, and `is_archive`: whether the tape is the exchange's.
    `minute_stats`: ATAS's tape alone. `tape_minutes`: see `alignment/tape_minutes.py`.
    """

    footprint: Parts
    tape_stats: pa.Table
    minute_stats: pa.Table
    tape_minutes: pa.Table
    finding: TapeFinding


def held_against_klines(
    day: Day,
    ticks: Parts,
    correction: Correction,
    archives: Mapping[str, TapeGiven],
    prefer: Sequence[str],
) -> dict[str, TapeGiven]:
    """The tapes that may be, the preferred first: the exchange's, and ATAS's ticks where they are of the
    klines' instrument and count what its trades count.

    Args:
        day: The symbol's day.
        ticks: Schema `clean_ticks`, in true time.
        correction: `Calibration.correction`.
        archives: The exchange's tapes by name.
        prefer: Sources of delta, the preferred first; tapes that it does not name come last.
    """
    found, tapes = correction.feeds.get(TICKS_FEED), dict(archives)
    in_contracts = day.market == "futures_cm"
    same = (SAME, CONTRACTS if in_contracts else BASE)
    if found is not None and found.stands and (found.identity, found.volume_unit) == same:
        size = found.volume_factor if in_contracts else None
        tapes[TICKS] = TapeGiven(parts=ticks, is_archive=False, contract=size)
    names = dict.fromkeys((*prefer, TICKS, *TRADE_TAPES))
    return {name: tapes[name] for name in names if name in tapes}


def tapes_taken(given: Given, beside: Parts) -> Taken:
    """The day's tapes proven, and what is taken from them.

    Args:
        given: the tapes of the klines' own instrument.
        beside: ATAS's ticks where they are none of these: of another instrument, or in another unit. They
            are taken where no other tape is there.
    """
    trim_memory.reuse()
    found = tapes_of_day(given)
    if TICKS in given.tapes:
        levels, own = found.levels[TICKS], found.stats[TICKS]
    else:
        levels, own = footprint.put_aside(
            given.day.symbol, beside, given.day.rules, given.keep, judge_sides=True
        )
    stats = _marked(own, is_archive=False)
    if given.tapes:
        opened, tapes = given.opened_us, found.proof.candidates
        levels = taken(found.levels, tapes, opened)
        marked = {
            name: single(_marked(table, is_archive=given.tapes[name].is_archive))
            for name, table in found.stats.items()
        }
        stats = taken(marked, tapes, opened).whole()
    return Taken(
        footprint=levels,
        tape_stats=stats,
        minute_stats=own,
        tape_minutes=_minutes(given, found),
        finding=found.finding,
    )


def _marked(stats: pa.Table, *, is_archive: bool) -> pa.Table:
    return stats.append_column("is_archive", pa.repeat(is_archive, stats.num_rows))


def _minutes(given: Given, found: TapesOfDay) -> pa.Table:
    minutes = believed(found.proof.candidates)
    return tape_minutes(
        given.opened_us,
        proven(found.proof.candidates),
        minutes.get(TICKS),
        {
            name: _sides(given, found, name).within(minutes[name])
            for name in TRADE_TAPES
            if name in minutes
        },
    )


def _sides(given: Given, found: TapesOfDay, name: str) -> Sides:
    """What was bought and sold in base units, in minutes in which the side of every trade is known."""
    grid = on_grid(found.stats[name], given.opened_us)
    sides = Sides(buy=grid.floats("vbuy"), sell=grid.floats("vsell"))
    size, klines = given.tapes[name].contract, found.proof.klines.values
    unit = BASE if size is None else CONTRACTS
    whole = np.isfinite(found.proof.tapes[name].minutes.values["taker_buy_volume"])
    in_units = in_base(sides, unit, size or 1, klines["volume"], klines["quote_volume"])
    return in_units.within(whole)
