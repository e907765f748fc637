"""The exchange's own trades as its klines prove them: checks, and faults in words.

Belongs here: what the proof found, held against CONTROL. What is proven is `proof/`.
"""

from __future__ import annotations

import numpy as np

from pipeline.contracts.tape import TapeFault, TapeFinding
from pipeline.model.feeds import TRADE_TAPES
from pipeline.quality.facts import DayFacts, Minutes, mask_of
from pipeline.quality.oddities import Measure, Oddity, nothing, on_day
from pipeline.tables.arrays import Bools

_READ_ALREADY = ("D05", "D06", "D07")
"""Faults that the defect table has as lines mended while reading."""


def proof_of(facts: DayFacts) -> TapeFinding | None:
    """The proof of a day that has a tape of the exchange."""
    found = facts.tape
    return found if found is not None and found.tapes.keys() & TRADE_TAPES.keys() else None


def faults(facts: DayFacts) -> list[TapeFault]:
    """What is wrong with the exchange's tapes, but for what their reader has counted."""
    found = proof_of(facts)
    return [f for f in found.faults if f.code not in _READ_ALREADY] if found else []


def in_words(fault: TapeFault) -> str:
    """A fault, and what was done about it."""
    if not fault.mended:
        return fault.what
    return f"{fault.what}; {fault.mended} of {fault.minutes} minutes mended from the other archive"


def tape_proven(facts: DayFacts, minutes: Minutes) -> Oddity:
    """D03: the share of the minutes with a tape in which it and the kline agree."""
    if proof_of(facts) is None:
        return _no_trades()
    proven = on_day(facts, "proven")
    taped = np.isfinite(proven)
    if not taped.any():
        return nothing("no minute has a tape")
    return _share(taped, proven == 0, "minutes with a tape are proven")


def tape_coverage(facts: DayFacts, minutes: Minutes) -> Oddity:
    """D02: minutes with a tape / minutes in which the exchange traded."""
    traded = minutes.traded
    if proof_of(facts) is None or not traded.any():
        return _no_trades()
    lost = traded & np.isnan(on_day(facts, "proven"))
    return _share(traded, lost, "traded minutes have a tape")


def _share(counted: Bools, at_fault: Bools, what: str) -> Oddity:
    total = int(counted.sum())
    good = total - int(at_fault.sum())
    return Oddity(measured=good / total, note=f"{good} of {total} {what}", at_fault=at_fault)


def kline_contradicted(facts: DayFacts, minutes: Minutes) -> Oddity:
    """B27: minutes whose kline two agreeing tapes contradict."""
    found = facts.tape
    if found is None or len(found.tapes) < 2:
        return nothing("there are no two tapes")
    wrong = found.wrong_klines
    first = next(iter(found.contradicted), None)
    quoted = (
        f"; the first: {first.column} {first.kline:.12g}, the tapes {first.tapes:.12g}"
        if first
        else ""
    )
    note = f"{len(wrong)} klines are contradicted by two tapes{quoted}"
    return Oddity(measured=float(len(wrong)), note=note, at_fault=mask_of(wrong))


def _no_trades() -> Oddity:
    return nothing("there are no trades of the exchange")


PROOFS: dict[str, Measure] = {
    "tape_proven": tape_proven,
    "tape_coverage": tape_coverage,
    "kline_contradicted": kline_contradicted,
}
"""Check of CONTROL -> what measures it."""
