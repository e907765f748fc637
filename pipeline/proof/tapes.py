"""A day's tapes -> footprints and minutes of each, proven, mended and proven again.

Belongs here: the work of a step on tapes, which stand in memory part by part. What is proven is `day.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from pipeline.bars import footprint
from pipeline.clock import day_open_us
from pipeline.contracts.day import Day
from pipeline.contracts.ledger import LedgerEntry
from pipeline.contracts.tape import TapeFinding
from pipeline.proof.day import DayProof, Tape, mending, prove
from pipeline.proof.faults import Limits, files_of
from pipeline.proof.ids import id_gaps
from pipeline.proof.mend import Keep, Mending, mended
from pipeline.proof.minutes import of_klines, of_tape
from pipeline.proof.telling import finding
from pipeline.tables.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeGiven:
    """A tape as it was read, in true time.

    Args:
        parts: `clean_trades` or `clean_agg_trades` of the exchange's archives, else `clean_ticks`.
        is_archive: Whether the exchange made it.
        ledger: What became of the lines of an archive.
        contract: What one unit of size is worth in quote currency, where sizes are contracts.
    """

    parts: Parts
    is_archive: bool
    ledger: Sequence[LedgerEntry] = ()
    contract: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A symbol's day as its klines and tapes tell it.

    Args:
        day: The symbol's day.
        klines: Schema `clean_klines`, in true time.
        tapes: By name, the preferred first; those of the klines' own instrument.
        keep: Puts rows aside.
    """

    day: Day
    klines: pa.Table
    tapes: Mapping[str, TapeGiven]
    keep: Keep

    @property
    def opened_us(self) -> int:
        """00:00 UTC."""
        return day_open_us(self.day.date)


@dataclass(frozen=True, slots=True, kw_only=True)
class TapesOfDay:
    """By tape `footprint` and `minute_stats`, of those that were mended as they are now; and the proofs."""

    levels: Mapping[str, Parts]
    stats: Mapping[str, pa.Table]
    archived: DayProof
    proof: DayProof
    finding: TapeFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    levels: Parts
    stats: pa.Table
    tape: Tape


def tapes_of_day(given: Given) -> TapesOfDay:
    """Every tape of the day, mended where the exchange's other archive agrees with the klines."""
    klines = of_klines(given.klines, given.opened_us)
    limits = Limits.of(given.day.rules.control)
    made = {name: _made(given, tape) for name, tape in given.tapes.items()}
    archived = prove(klines, _tapes(made), given.day.outages, limits)
    orders = {name: mending(archived, name, other) for name, other in _others(given).items()}
    mends = {name: order for name, order in orders.items() if order is not None}
    again = {name: _made(given, _mended(given, name, order)) for name, order in mends.items()}
    made |= again
    proof = prove(klines, _tapes(made), given.day.outages, limits) if again else archived
    return TapesOfDay(
        levels={name: one.levels for name, one in made.items()},
        stats={name: one.stats for name, one in made.items()},
        archived=archived,
        proof=proof,
        finding=finding(
            given.day.date, archived, proof, {name: order.minutes for name, order in mends.items()}
        ),
    )


def _made(given: Given, tape: TapeGiven) -> _Made:
    levels, stats = footprint.put_aside(
        given.day.symbol,
        tape.parts,
        given.day.rules,
        given.keep,
        judge_sides=not tape.is_archive,
    )
    opened = given.opened_us
    return _Made(
        levels=levels,
        stats=stats,
        tape=Tape(
            minutes=of_tape(levels, stats, opened, tape.contract),
            gaps=id_gaps(tape.parts, opened) if tape.is_archive else None,
            files=files_of(tape.ledger),
        ),
    )


def _tapes(made: Mapping[str, _Made]) -> dict[str, Tape]:
    return {name: one.tape for name, one in made.items()}


def _others(given: Given) -> dict[str, str | None]:
    """Each of the exchange's archives, and its other one if that is there."""
    archives = [name for name, tape in given.tapes.items() if tape.is_archive]
    return {name: next((one for one in archives if one != name), None) for name in archives}


def _mended(given: Given, name: str, mending: Mending) -> TapeGiven:
    """The archive, mended from the other one; what was wrong with its files is told already."""
    other = _others(given)[name]
    tape = given.tapes[name]
    parts = mended(
        tape.parts,
        given.tapes[other].parts if other else None,
        mending,
        given.opened_us,
        given.keep,
    )
    return replace(tape, parts=parts, ledger=())
