"""The proof of a day as its document tells it.

Belongs here: counting and quoting. What is proven is `day.py`'s.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from itertools import combinations

import numpy as np

from pipeline.clock import MINUTE_US, day_open_us, iso
from pipeline.contracts.tape import Contradiction, TapeFault, TapeFinding, TapeProof
from pipeline.proof.agreement import Agreement, counted
from pipeline.proof.choice import NO_TAPE, asked, used
from pipeline.proof.day import DayProof
from pipeline.proof.minutes import COLUMNS, any_of, differing
from pipeline.tables.arrays import Bools

_QUOTED = 20
"""So many values of klines that tapes contradict stand in the document."""


def finding(
    day: dt.date, archived: DayProof, proof: DayProof, mended: Mapping[str, Bools]
) -> TapeFinding:
    """What the day's documents tell.

    Args:
        day: the UTC date.
        archived: the proof of the tapes as they were read.
        proof: that of the tapes after mending; the same where nothing was mended.
        mended: by tape, the minutes that were mended from the other archive.
    """
    names, place = list(proof.tapes), used(proof.candidates)
    of_minute = asked(proof.candidates)
    here = {name: of_minute == position for position, name in enumerate(names)}
    apart = {
        column: any_of(here[name] & archived.agreements[name].differing[column] for name in names)
        for column in COLUMNS
    }
    agrees = any_of(here[name] & proof.agreements[name].proven for name in names)
    again = {
        name: minutes & proof.agreements[name].proven & ~archived.agreements[name].proven
        for name, minutes in mended.items()
    }
    return TapeFinding(
        sources={name: _count(place == position) for position, name in enumerate(names)},
        minutes=_count(of_minute != NO_TAPE),
        proven=_count(agrees),
        differing=counted(apart, of_minute != NO_TAPE),
        tapes={name: _tape(archived.agreements[name], again.get(name)) for name in names},
        pairs=_pairs(archived),
        faults=_faults(day, archived, again),
        contradicted=_contradictions(day, archived),
        wrong_klines=tuple(np.flatnonzero(archived.klines_contradicted).tolist()),
    )


def _tape(found: Agreement, mended: Bools | None) -> TapeProof:
    return TapeProof(
        covered=_count(found.covered),
        proven=_count(found.proven),
        lost=_count(found.lost),
        differing=found.counts,
        mended=0 if mended is None else _count(mended),
    )


def _pairs(archived: DayProof) -> dict[str, dict[str, int]]:
    """Each two tapes, in the minutes that both cover."""
    found = {}
    for one, other in combinations(archived.tapes, 2):
        apart = differing(archived.tapes[one].minutes, archived.tapes[other].minutes)
        both = archived.agreements[one].covered & archived.agreements[other].covered
        found[f"{one}, {other}"] = counted(apart, both)
    return found


def _faults(day: dt.date, archived: DayProof, mended: Mapping[str, Bools]) -> tuple[TapeFault, ...]:
    told = []
    for name, faults in archived.faults.items():
        for fault in faults:
            first, last = _edges(day, fault.minutes)
            told.append(
                TapeFault(
                    code=fault.code,
                    source=name,
                    what=fault.what,
                    count=fault.count,
                    minutes=_count(fault.minutes),
                    mended=_count(fault.minutes & mended[name]) if name in mended else 0,
                    first=first,
                    last=last,
                )
            )
    return tuple(told)


def _contradictions(day: dt.date, archived: DayProof) -> tuple[Contradiction, ...]:
    """The first values of klines that two tapes contradict, each once."""
    told: dict[tuple[int, str], Contradiction] = {}
    for (one, other), minutes in archived.wrong_klines.items():
        values = archived.tapes[one].minutes.values
        apart = archived.agreements[one].differing
        for column in COLUMNS:
            for minute in np.flatnonzero(minutes & apart[column]).tolist():
                kline = float(archived.klines.values[column][minute])
                value = float(values[column][minute])
                told.setdefault(
                    (minute, column),
                    Contradiction(
                        minute=_instant(day, minute),
                        column=column,
                        kline=kline,
                        tapes=value,
                        by=(one, other),
                    ),
                )
    return tuple(told[key] for key in sorted(told)[:_QUOTED])


def _edges(day: dt.date, mask: Bools) -> tuple[str | None, str | None]:
    found = np.flatnonzero(mask)
    if not found.size:
        return None, None
    return _instant(day, int(found[0])), _instant(day, int(found[-1]))


def _instant(day: dt.date, minute: int) -> str:
    return iso(day_open_us(day) + minute * MINUTE_US)


def _count(mask: Bools) -> int:
    return int(np.count_nonzero(mask))
