"""The defect table: row flags of the bars, lines set aside and lines mended, by code.

Belongs here: counting and quoting. What a defect does to the day is `verdict.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.contracts.ledger import LedgerEntry
from pipeline.contracts.value import Value
from pipeline.free_form import Json
from pipeline.model.feeds import TRADE_TAPES
from pipeline.quality import two_klines
from pipeline.quality.facts import RECORD, DayFacts, edges, mask_of, positions
from pipeline.quality.tapes import faults, in_words

_EXAMPLES = 3
_QUOTE_CHARS = 120
_QUARTER, _HOUR = 15, 60


class Example(Value, frozen=True, kw_only=True):
    """A line set aside: where it stands, why, and its text."""

    at: str
    reason: str
    raw: str


class DefectRow(Value, frozen=True, kw_only=True):
    """A defect code in one place, counted.

    Flags give minute opens as `first` and `last`, lines set aside `file:line`. `what` is the flag's
    description or the first line's reason.
    """

    code: str
    what: str
    where: str
    count: int
    first: str | None
    last: str | None
    examples: tuple[Example, ...] = ()


def defects(facts: DayFacts, flags: list[Json]) -> list[DefectRow]:
    """One entry a code and place, by code."""
    found = [entry for flag in flags if (entry := _flagged(facts, flag))]
    found += _moved(facts)
    found += _of_tapes(facts)
    for source, table in sorted(facts.rejects.items()):
        found += _set_aside(source, table)
    other = "; ".join(each.words for each in two_klines.disagreements(facts))
    for source, entries in sorted(facts.ledgers.items()):
        found += _mended(source, entries, other if source == RECORD else "")
    return sorted(found, key=lambda entry: (entry.code, entry.where))


def _flagged(facts: DayFacts, flag: Json) -> DefectRow | None:
    bits = facts.bars["qc_flags"].to_numpy()
    minutes = positions(facts)[(bits >> flag["bit"]) & 1 == 1]
    if not minutes.size:
        return None
    first, last = edges(facts.day.date, mask_of(minutes.tolist()))
    return DefectRow(
        code=flag["code"],
        what=flag["description"],
        where=f"bars_1m, flag {flag['name']}",
        count=int(np.unique(minutes).size),
        first=first,
        last=last,
    )


def _moved(facts: DayFacts) -> list[DefectRow]:
    """ATAS minutes that the calibration moved: by an edge of the minute, by hours, or by parts of them."""
    calibration = facts.calibration
    if calibration.status not in ("applied", "not_needed"):
        return []
    segments = calibration.segments or (calibration,)
    offsets = sorted({s.offset_minutes for s in segments if s.offset_minutes})
    codes = {code for offset in offsets for code in _codes_of(offset)}
    minutes = positions(facts)[np.asarray(facts.bars["src_atas"].to_numpy(), dtype=np.bool_)]
    first, last = edges(facts.day.date, mask_of(minutes.tolist()))
    off = ", ".join(f"{-offset:+d} min" for offset in offsets)
    skew = calibration.skew_applied_ms
    if skew:
        codes.add("C07")
        off = ", ".join(filter(None, (off, f"{skew:+.0f} ms")))
    return [
        DefectRow(
            code=code,
            what=f"stamps are off by {off}; moved back",
            where="bars_1m, moved by the calibration",
            count=int(minutes.size),
            first=first,
            last=last,
        )
        for code in sorted(codes | ({"A03"} if len(segments) > 1 else set()))
    ]


def _of_tapes(facts: DayFacts) -> list[DefectRow]:
    """Faults of the exchange's trades that the klines show."""
    return [
        DefectRow(
            code=fault.code,
            what=in_words(fault),
            where=f"{TRADE_TAPES[fault.source]}, against the klines",
            count=fault.count,
            first=fault.first,
            last=fault.last,
        )
        for fault in faults(facts)
    ]


def _codes_of(offset: int) -> set[str]:
    """A01 for an edge of the minute, A02 for whole hours, A03 for other quarters of an hour."""
    edge = (offset + _QUARTER // 2) % _QUARTER - _QUARTER // 2
    zone = offset - edge
    return ({"A01"} if edge else set()) | ({"A03" if zone % _HOUR else "A02"} if zone else set())


def _set_aside(source: str, table: pa.Table) -> list[DefectRow]:
    by_code: dict[str, list[Json]] = {}
    for row in table.select(["file", "line", "code", "reason", "raw"]).to_pylist():
        by_code.setdefault(row["code"], []).append(row)
    return [
        DefectRow(
            code=code,
            what=rows[0]["reason"],
            where=f"{source}, set aside",
            count=len(rows),
            first=_place(rows[0]),
            last=_place(rows[-1]),
            examples=tuple(
                Example(at=_place(row), reason=row["reason"], raw=_quote(row["raw"]))
                for row in rows[:_EXAMPLES]
            ),
        )
        for code, rows in sorted(by_code.items())
    ]


def _mended(source: str, entries: Sequence[LedgerEntry], other: str) -> list[DefectRow]:
    """What the adapters mended without loss, by the ledgers' notes; `other` is said of B08 instead."""
    counts: Counter[str] = Counter()
    files: dict[str, list[str]] = {}
    for entry in entries:
        for code, count in entry.notes.get("defects", {}).items():
            counts[code] += count
            files.setdefault(code, []).append(entry.path)
    return [
        DefectRow(
            code=code,
            what=(code == two_klines.CODE and other) or "mended while reading, nothing lost",
            where=f"{source}, mended",
            count=count,
            first=files[code][0],
            last=files[code][-1],
        )
        for code, count in sorted(counts.items())
    ]


def _place(row: Json) -> str:
    return f"{row['file']}:{row['line']}" if row["line"] else f"{row['file']} (whole file)"


def _quote(raw: str) -> str:
    return raw if len(raw) <= _QUOTE_CHARS else f"{raw[:_QUOTE_CHARS]}... ({len(raw)} characters)"
