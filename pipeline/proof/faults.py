"""Faults of the exchange's archives of trades, D01 to D09, as its own klines show them.

Belongs here: what a disagreement is called. Rows out of order, repeated, or in two units (D05 to D07) the
reader has counted. What follows from a fault is CONTROL's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.clock import MINUTES_PER_DAY
from pipeline.contracts.control import Control
from pipeline.contracts.ledger import LedgerEntry
from pipeline.proof.agreement import SIDES, Agreement
from pipeline.proof.ids import IdGaps
from pipeline.proof.minutes import Minutes, any_of
from pipeline.tables.arrays import Bools, Ints

_MONTHLY = re.compile(r"-2[0-9]{3}-[0-9]{2}\.")

READ = {
    "D05": "rows out of the order of their ids, or of days that the file is not of",
    "D06": "rows whose id stands twice",
    "D07": "stamps in another unit than the file's usual one",
}
"""What the reader counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """CONTROL's: of what share of one side, and from how many rows on, a file has no sides; how many traded
    minutes in a row make a standstill.
    """

    one_sided_share_max: float
    one_sided_trades_min: float
    still_minutes_min: float

    @classmethod
    def of(cls, control: Control) -> Limits:
        """Those in force."""
        return cls(
            one_sided_share_max=control.flow["one_sided_share_max"],
            one_sided_trades_min=control.flow["one_sided_trades_min"],
            still_minutes_min=control.tape["still_minutes_min"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What the ledger tells of a tape's files.

    `sides`: by position, rows by side. `without_quantity`: by minute of the day, rows set aside for a
    quantity of 0. `counted`: by code, rows that were mended in reading.
    """

    sides: tuple[Mapping[str, int], ...] = ()
    without_quantity: Ints = field(default_factory=lambda: np.zeros(MINUTES_PER_DAY, np.int64))
    counted: Mapping[str, int] = field(default_factory=dict)
    are_monthly: bool = False


def files_of(ledger: Sequence[LedgerEntry]) -> Files:
    """The files of one feed."""
    without, counted = np.zeros(MINUTES_PER_DAY, dtype=np.int64), Counter[str]()
    for entry in ledger:
        counted.update(entry.notes.get("defects", {}))
        for minute, rows in entry.notes.get("without_quantity", {}).items():
            without[int(minute)] += rows
    return Files(
        sides=tuple(entry.notes.get("sides", {}) for entry in ledger),
        without_quantity=without,
        counted=counted,
        are_monthly=bool(ledger) and all(_MONTHLY.search(entry.path) for entry in ledger),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A code, what it is here, of how many rows or trades, and in which minutes; none where it costs none."""

    code: str
    what: str
    count: int
    minutes: Bools


def one_sided(files: Files, found: Agreement, limits: Limits) -> frozenset[int]:
    """Positions of the files whose flag of the side says nothing (D01).

    Nearly every row has one side, and in some minute the klines say otherwise and agree in all else: a thin
    day may truly have one side.
    """
    others = any_of(mask for name, mask in found.differing.items() if name != SIDES)
    if not (found.differing[SIDES] & ~others).any():
        return frozenset()
    constant = set()
    for position, sides in enumerate(files.sides):
        known = sides.get("buy", 0) + sides.get("sell", 0)
        most = max(sides.get("buy", 0), sides.get("sell", 0))
        if known >= limits.one_sided_trades_min and most > limits.one_sided_share_max * known:
            constant.add(position)
    return frozenset(constant)


def faults(
    tape: Minutes,
    klines: Minutes,
    found: Agreement,
    files: Files,
    gaps: IdGaps,
    limits: Limits,
) -> list[Fault]:
    """The faults of one archive's day, by code; none where nothing is wrong.

    Args:
        tape: its minutes.
        klines: the exchange's.
        found: how they agree.
        files: what was read.
        gaps: in its ids.
        limits: CONTROL's.
    """
    made = [
        _no_sides(files, found, limits),
        *_cut_short(tape, found, files),
        _standstill(found, tape, files, limits),
        _missing_inside(tape, klines, found, files, gaps, limits),
        _no_quantity(tape, klines, found, files),
        *_counted_in_reading(files),
    ]
    return sorted((fault for fault in made if fault.count), key=lambda fault: fault.code)


def _no_sides(files: Files, found: Agreement, limits: Limits) -> Fault:
    positions = one_sided(files, found, limits)
    rows = sum(sum(files.sides[at].values()) for at in positions)
    what = "the flag of the side is one and the same, and the klines know both sides"
    return _fault("D01", what, rows, found.differing[SIDES])


def _cut_short(tape: Minutes, found: Agreement, files: Files) -> list[Fault]:
    minutes = found.lost & ~found.covered & (files.without_quantity == 0)
    if files.are_monthly and not tape.traded.any():
        return [_fault("D08", "the month's file has nothing of the day", None, minutes)]
    return [
        _fault("D02", "no trade to one end of the day, and the klines have some", None, minutes)
    ]


def _standstill(found: Agreement, tape: Minutes, files: Files, limits: Limits) -> Fault:
    what = "the tape stands still, and the klines trade"
    return _fault("D09", what, None, _still(found, tape, files, limits))


def _still(found: Agreement, tape: Minutes, files: Files, limits: Limits) -> Bools:
    """Lost minutes between two trades of the tape, of which so many are lost in all; rows without a
    quantity are no standstill.
    """
    number = np.cumsum(tape.traded)
    lost: Bools = found.lost & found.covered & (files.without_quantity == 0)
    in_all = np.bincount(number[lost], minlength=int(number[-1]) + 1)
    still: Bools = lost & (in_all[number] >= limits.still_minutes_min)
    return still


def _missing_inside(
    tape: Minutes,
    klines: Minutes,
    found: Agreement,
    files: Files,
    gaps: IdGaps,
    limits: Limits,
) -> Fault:
    """Trades that the klines count and the tape has not; a gap in a minute that agrees is no loss."""
    minutes = found.covered & _falls_short("trades", tape, klines, found)
    minutes &= ~_still(found, tape, files, limits) & (files.without_quantity == 0)
    lacking = np.where(minutes, klines.values["trades"] - tape.values["trades"], 0).sum()
    ids = int(gaps.missing[minutes].sum())
    what = f"trades missing inside; {ids} ids before trades of these minutes"
    return _fault("D03", what, int(lacking), minutes)


def _no_quantity(tape: Minutes, klines: Minutes, found: Agreement, files: Files) -> Fault:
    rounded = found.covered & _falls_short("volume", tape, klines, found)
    rounded &= ~found.differing["trades"]
    zero = files.without_quantity > 0
    rows = int(files.without_quantity.sum() + (rounded & ~zero).sum())
    return _fault("D04", "a quantity of 0, or rounded to nearly 0", rows, zero | rounded)


def _counted_in_reading(files: Files) -> list[Fault]:
    nowhere = np.zeros(MINUTES_PER_DAY, dtype=np.bool_)
    return [_fault(code, what, files.counted.get(code, 0), nowhere) for code, what in READ.items()]


def _falls_short(name: str, tape: Minutes, klines: Minutes, found: Agreement) -> Bools:
    less: Bools = found.differing[name] & (tape.values[name] < klines.values[name])
    return less


def _fault(code: str, what: str, count: int | None, minutes: Bools) -> Fault:
    """A fault; without a count of its own it counts minutes."""
    found = int(np.count_nonzero(minutes)) if count is None else count
    return Fault(code=code, what=what, count=found, minutes=minutes)
