"""Where a tape and the klines of its day agree: its minutes proven, or not, or without it.

Belongs here: one tape against the klines, and two tapes against a kline. What is wrong with an archive is
`faults.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.alignment.grid import span
from pipeline.proof.ids import IdGaps
from pipeline.proof.minutes import COLUMNS, Minutes, agreeing, any_of, differing
from pipeline.tables.arrays import Bools

SIDES = "taker_buy_volume"
"""The column that a wrong flag of the side makes wrong, and no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A tape against the klines, on the day's minutes.

    `covered`: between its first and last trade, and quiet minutes beside these; elsewhere there is no tape.
    `proven`: of these, the columns that both have agree, and neither has a trade that the other has not.
    `lost`: the klines traded and the tape did not. `differing`: by column, where both know it.
    """

    covered: Bools
    proven: Bools
    lost: Bools
    differing: dict[str, Bools]

    @property
    def counts(self) -> dict[str, int]:
        """Column -> covered minutes in which it differs, where there are any."""
        return counted(self.differing, self.covered)


def agreement(tape: Minutes, klines: Minutes, outage: Bools) -> Agreement:
    """A tape held against the klines; `outage` are minutes in which the exchange is known to have stood."""
    quiet = (klines.known & ~klines.traded) | (outage & ~klines.known)
    covered = span(tape.traded, quiet)
    apart = differing(tape, klines)
    agrees = ~any_of(apart.values()) & (tape.traded == klines.traded)
    return Agreement(
        covered=covered,
        proven=covered & agrees,
        lost=klines.traded & ~tape.traded,
        differing=apart,
    )


def counted(masks: dict[str, Bools], within: Bools) -> dict[str, int]:
    """Column -> minutes, where there are any."""
    counts = {name: int(np.count_nonzero(masks[name] & within)) for name in COLUMNS}
    return {name: count for name, count in counts.items() if count}


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A tape that may speak against a kline.

    `gaps` of an archive of the exchange; another recorder's tape has none. `has_wrong_sides`: its sides were
    found to be worth nothing.
    """

    minutes: Minutes
    agreement: Agreement
    gaps: IdGaps | None
    has_wrong_sides: bool = False


def contradicted(klines: Minutes, one: Witness, other: Witness) -> Bools:
    """Minutes whose kline is wrong (B27): two tapes agree with each other, and neither with it.

    Both archives of the exchange come from one store, and may lack the same trades: they speak against a
    kline only where no id can be missing. A tape that somebody else recorded speaks where it has a trade.
    """
    witnesses = (one, other)
    but = (SIDES,) if any(witness.has_wrong_sides for witness in witnesses) else ()
    are_sure = ~any_of(witness.gaps.near for witness in witnesses if witness.gaps is not None)
    if any(witness.gaps is None for witness in witnesses):
        are_sure |= one.minutes.traded & other.minutes.traded
    minutes: Bools = klines.known & are_sure & agreeing(one.minutes, other.minutes, but)
    for witness in witnesses:
        masks = witness.agreement.differing.items()
        minutes &= any_of(mask for name, mask in masks if name not in but)
    return minutes
