"""A day's tapes and klines all held against each other: what is proven, wrong, and to be mended.

Belongs here: the day as a whole, in the order of its findings. How two witnesses are compared, what a fault
is and how a tape is mended stand in the modules beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from pipeline.clock import MINUTES_PER_DAY
from pipeline.proof.agreement import Agreement, Witness, agreement, contradicted
from pipeline.proof.choice import Candidate
from pipeline.proof.faults import Fault, Files, Limits, faults, one_sided
from pipeline.proof.ids import IdGaps
from pipeline.proof.mend import Mending
from pipeline.proof.minutes import Minutes, any_of
from pipeline.tables.arrays import Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """One tape of the day. `gaps` and `files` are of the exchange's archives; others have none."""

    minutes: Minutes
    gaps: IdGaps | None = None
    files: Files = field(default_factory=Files)

    @property
    def is_archive(self) -> bool:
        """Whether the exchange made it."""
        return self.gaps is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayProof:
    """The day's tapes, the preferred first, and what came of holding them against the klines.

    Of each tape `agreements` and, of the exchange's, `faults` and `no_sides`, the positions of files whose
    sides say nothing. `wrong_klines`: by pair of tapes, the minutes whose kline both contradict.
    """

    klines: Minutes
    tapes: Mapping[str, Tape]
    agreements: Mapping[str, Agreement]
    no_sides: Mapping[str, frozenset[int]]
    wrong_klines: Mapping[tuple[str, str], Bools]
    faults: Mapping[str, list[Fault]]

    @property
    def klines_contradicted(self) -> Bools:
        """Minutes whose kline any two tapes contradict (B27)."""
        return any_of(self.wrong_klines.values())

    @property
    def candidates(self) -> dict[str, Candidate]:
        """The tapes to choose from, in order."""
        return {
            name: Candidate(
                covered=found.covered,
                proven=found.proven,
                must_be_proven=self.tapes[name].is_archive,
            )
            for name, found in self.agreements.items()
        }


def prove(
    klines: Minutes, tapes: Mapping[str, Tape], outages: frozenset[int], limits: Limits
) -> DayProof:
    """Holds each tape against the klines, and each two against each other.

    Args:
        klines: the exchange of record's minutes.
        tapes: by name, the preferred first; of this very instrument.
        outages: minutes, 0..1439, in a known outage of the exchange.
        limits: CONTROL's.
    """
    outage = np.zeros(MINUTES_PER_DAY, dtype=np.bool_)
    outage[sorted(outages)] = True
    found = {name: agreement(tape.minutes, klines, outage) for name, tape in tapes.items()}
    no_sides = {
        name: one_sided(tape.files, found[name], limits)
        for name, tape in tapes.items()
        if tape.is_archive
    }
    witnesses = {
        name: Witness(
            minutes=tape.minutes,
            agreement=found[name],
            gaps=tape.gaps,
            has_wrong_sides=bool(no_sides.get(name)),
        )
        for name, tape in tapes.items()
    }
    wrong = {
        (one, other): contradicted(klines, witnesses[one], witnesses[other])
        for one, other in combinations(tapes, 2)
    }
    right = ~any_of(wrong.values())
    return DayProof(
        klines=klines,
        tapes=tapes,
        agreements=found,
        no_sides=no_sides,
        wrong_klines={pair: minutes for pair, minutes in wrong.items() if minutes.any()},
        faults={
            name: faults(
                tape.minutes, klines, _within(found[name], right), tape.files, tape.gaps, limits
            )
            for name, tape in tapes.items()
            if tape.gaps is not None
        },
    )


def _within(found: Agreement, minutes: Bools) -> Agreement:
    """What differs in these minutes alone."""
    return replace(
        found,
        lost=found.lost & minutes,
        differing={name: mask & minutes for name, mask in found.differing.items()},
    )


def mending(proof: DayProof, tape: str, other: str | None) -> Mending | None:
    """What is to be mended of an archive from the exchange's other one, if it is there; None: nothing is."""
    ours, no_sides = proof.agreements[tape].proven, proof.no_sides[tape]
    theirs = any_of([proof.agreements[other].proven] if other else [])
    if not (no_sides or (theirs & ~ours).any()):
        return None
    return Mending(minutes=theirs & ~ours, no_sides=no_sides, sides_wrong=~ours)
