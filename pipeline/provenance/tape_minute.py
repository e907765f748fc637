"""Which tape a minute was taken from, and what was mended of one from the exchange's other archive.

Belongs here: the rows of one minute behind the proof that `tapes_again.py` makes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US, day_open_us
from pipeline.free_form import Json
from pipeline.model.feeds import TRADE_FEEDS, TRADE_TAPES
from pipeline.proof.choice import NO_TAPE, proven, used
from pipeline.proof.mend import Mending, mended
from pipeline.proof.tapes import Given, TapesOfDay
from pipeline.provenance import raw_text
from pipeline.provenance.prepared_day import Prepared, Rows
from pipeline.provenance.tapes_again import again, orders
from pipeline.tables import arrays
from pipeline.tables.parts import Parts, in_memory, single

Lines = frozenset[tuple[str, int]]
"""File and line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """A minute of one archive mended from the other one.

    `lent`: the other's lines of the minute, which say what was traded. `replaced`: its own lines that do not
    count, since the other has other trades. `proven`: whether the minute agrees with its kline since.
    """

    tape: str
    other: str
    lent: Lines
    replaced: Lines
    proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeMinute:
    """The tape that a minute is taken from, None: none; whether it is proven, None where no tape is there."""

    counted: str | None
    proven: bool | None
    mended: tuple[Mended, ...]


def told(given: Prepared, minute: int) -> Json | None:
    """Which tape `counted` in a minute of the day, 0..1439, whether it is `proven`, and what was `mended`.

    Each mended archive with the lines of the other one, by file, that tell its minute, and with its own that
    were `replaced`. None on a day without an archive of the exchange's trades.
    """
    found = _minute(given, minute)
    if found is None:
        return None
    mended = [
        {
            "tape": one.tape,
            "from": one.other,
            "proven": one.proven,
            "lines": _by_file(one.lent),
            "replaced": _by_file(one.replaced),
        }
        for one in found.mended
    ]
    return {"counted": found.counted, "proven": found.proven, "mended": mended}


def taken_as(given: Prepared, rows: Rows, at: int) -> Json:
    """What became of a trade in its minute: replaced, mending the other archive, or which tape counts."""
    minute = (int(rows.minutes[at]) - day_open_us(given.day)) // MINUTE_US
    found = _minute(given, minute)
    if found is None:
        return {}
    row = rows.table.slice(at, 1).to_pylist()[0]
    place = (rows.path(row), row["line"])
    for one in found.mended:
        if place in one.replaced:
            return {"why": f"replaced: {one.tape} is mended from {one.other} here"}
        if place in one.lent:
            return {"why": f"{one.tape} is mended from it here"}
    return {"why": f"the minute is taken from {found.counted or 'no tape'}"}


def _by_file(lines: Lines) -> dict[str, str]:
    files = sorted({file for file, _ in lines})
    return {file: raw_text.ranges({n for name, n in lines if name == file}) for file in files}


@lru_cache(maxsize=256)
def _minute(given: Prepared, minute: int) -> TapeMinute | None:
    if not given.ledgers.keys() & set(TRADE_FEEDS):
        return None
    tapes, found = _proof(given)
    candidates = found.proof.candidates
    place = int(used(candidates)[minute])
    return TapeMinute(
        counted=None if place == NO_TAPE else list(candidates)[place],
        proven=proven(candidates)[minute].as_py(),
        mended=tuple(
            _mended(given, (tapes, found), (name, other), order, minute)
            for name, other, order in orders(tapes, found)
            if other is not None and order.minutes[minute]
        ),
    )


@lru_cache(maxsize=1)
def _proof(given: Prepared) -> tuple[Given, TapesOfDay]:
    return again(given.kitchen, given.symbol, given.day)


def _mended(
    given: Prepared,
    day: tuple[Given, TapesOfDay],
    names: tuple[str, str],
    order: Mending,
    minute: int,
) -> Mended:
    tapes, found = day
    opened = tapes.opened_us
    ours, theirs = (_within(tapes.tapes[name].parts, opened, minute) for name in names)
    made = mended(single(ours), single(theirs), order, opened, in_memory).whole()
    stays = made.filter(pa.compute.invert(made["from_other"]))
    own, other = (given.ledgers[TRADE_TAPES[name]] for name in names)
    return Mended(
        tape=names[0],
        other=names[1],
        lent=_lines(theirs, [entry.path for entry in other]),
        replaced=_lines(ours, [e.path for e in own]) - _lines(stays, [e.path for e in own]),
        proven=bool(found.proof.agreements[names[0]].proven[minute]),
    )


def _within(parts: Parts, opened_us: int, minute: int) -> pa.Table:
    """A tape's rows of the minute."""
    tables = [parts.schema.empty_table()]
    for table in parts.tables():
        inside = (arrays.ints(table["ts"]) - opened_us) // MINUTE_US == minute
        tables.append(table.filter(pa.array(np.asarray(inside))))
    return pa.concat_tables(tables).combine_chunks()


def _lines(rows: pa.Table, paths: list[str]) -> Lines:
    pairs = zip(rows["file"].to_pylist(), rows["line"].to_pylist(), strict=True)
    return frozenset((paths[file], line) for file, line in pairs)
