"""Which tape a minute is taken from: of the preferred ones the first that is there and believed.

The exchange's own tapes are believed where their minute is proven. A tape that somebody else recorded is
there to be believed, but where it is not proven a later one of the exchange that is goes before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY
from pipeline.proof.minutes import any_of
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Ints
from pipeline.tables.parts import Parts, cut, in_memory

NO_TAPE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A tape in its minutes: `covered`, and of these `proven`. `must_be_proven`: it is the exchange's."""

    covered: Bools
    proven: Bools
    must_be_proven: bool


def believed(tapes: Mapping[str, Candidate]) -> dict[str, Bools]:
    """Each tape's minutes that may be taken from it, the preferred tape first.

    Minutes of several tapes overlap: which is taken is the order's.
    """
    found: dict[str, Bools] = {}
    proven_later = np.zeros(MINUTES_PER_DAY, dtype=np.bool_)
    for name, tape in reversed(list(tapes.items())):
        proven = tape.covered & tape.proven
        found[name] = proven if tape.must_be_proven else proven | (tape.covered & ~proven_later)
        proven_later = proven_later | (proven & tape.must_be_proven)
    return {name: found[name] for name in tapes}


def used(tapes: Mapping[str, Candidate]) -> Ints:
    """By minute the position of the tape that it is taken from, `NO_TAPE` where of none."""
    place = np.full(MINUTES_PER_DAY, NO_TAPE, dtype=np.int64)
    for position, minutes in reversed(list(enumerate(believed(tapes).values()))):
        place[minutes] = position
    return place


def asked(tapes: Mapping[str, Candidate]) -> Ints:
    """As `used`, and where tapes are there and none is used, the first of them."""
    place = used(tapes)
    for position, tape in enumerate(tapes.values()):
        place[(place == NO_TAPE) & tape.covered] = position
    return place


def proven(tapes: Mapping[str, Candidate]) -> pa.Array:
    """By minute whether its tape and the kline agree; null where no tape is there."""
    place = asked(tapes)
    agrees = any_of((place == at) & tape.proven for at, tape in enumerate(tapes.values()))
    return pa.array(agrees, mask=place == NO_TAPE)


def taken(tables: Mapping[str, Parts], tapes: Mapping[str, Candidate], opened_us: int) -> Parts:
    """Of each tape's table (`footprint`, `minute_stats`) the rows of the minutes taken from it, by minute.

    Rows of several tapes stand in memory; those of one are as they were put aside.

    Args:
        tables: by tape, of one schema, each sorted by `minute_open`.
        tapes: the preferred first.
        opened_us: 00:00 UTC of the day.
    """
    place = used(tapes)
    rows = {
        name: _within(tables[name], place == position, opened_us)
        for position, name in enumerate(tapes)
    }
    used_tapes = [parts for parts in rows.values() if parts.num_rows]
    if len(used_tapes) < 2:
        return used_tapes[0] if used_tapes else next(iter(rows.values()))
    whole = pa.concat_tables([parts.whole() for parts in used_tapes]).combine_chunks()
    order = np.argsort(_minutes(whole, opened_us), kind="stable")
    return cut(whole.take(pa.array(order)))


def _within(table: Parts, minutes: Bools, opened_us: int) -> Parts:
    """The rows of some minutes of the day."""
    kept = []
    for part in table.parts:
        inside = minutes[_minutes(part.read(["minute_open"]), opened_us)]
        if inside.all():
            kept.append(part)
        elif inside.any():
            kept.append(in_memory(part.read(None).filter(pa.array(inside))))
    return Parts(schema=table.schema, parts=tuple(kept))


def _minutes(table: pa.Table, opened_us: int) -> Ints:
    return (arrays.ints(table["minute_open"]) - opened_us) // MINUTE_US
