"""The clock of the exchange of record, where its files do not say it and ATAS stands beside them.

Belongs here: what is known of the klines' zone and edge, what ATAS says of it, and when neither clock can
be believed. Does not belong here: finding ATAS's offset (`calibrate.py`), reading stamps (`sources/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.alignment.evidence import QUARTER_HOUR
from pipeline.clock import DAY_US, MINUTE_US
from pipeline.contracts.correction import Correction
from pipeline.contracts.ledger import LedgerEntry
from pipeline.tables import arrays

AS_CLOSES_MINUTES = -1
"""Stamps that were read as opens are closes: each bar opened a minute earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordClock:
    """How the stamps of the file that most of a day's klines come from were read.

    `by_ends`: the first or last stamp of the file told their edge. `by_nobody`: nothing did, and they were
    read as opens. `without_zone`: they are text without a zone, read as UTC. `against`: what the file says
    against the edge that the configuration states, empty where it does not.
    """

    file: str
    column: str
    label: str
    by_ends: bool
    by_nobody: bool
    without_zone: bool
    against: str = ""


def clock_of(ledger: Sequence[LedgerEntry]) -> RecordClock | None:
    """The clock by the ledger of the klines' feed; None without a line in use."""
    entry = max(ledger, key=lambda entry: entry.lines.used, default=None)
    if entry is None or not entry.lines.used:
        return None
    label, _, how = str(entry.inferred.get("label", "open, by its name")).partition(", ")
    return RecordClock(
        file=entry.path,
        column=str(entry.inferred.get("time_from", "open_time")),
        label=label,
        by_ends=how.startswith("inferred"),
        by_nobody=how.startswith("assumed"),
        without_zone=any("read as UTC" in unit for unit in entry.notes.get("units", ())),
        against=how.partition("against the file: ")[2],
    )


def in_true_time(klines: pa.Table, correction: Correction) -> pa.Table:
    """The klines, moved where ATAS has told that their stamps are closes."""
    return moved(klines, correction.record_shift_minutes)


def moved(klines: pa.Table, minutes: int) -> pa.Table:
    """The klines with another `minute_open`."""
    if not minutes:
        return klines
    at = klines.column_names.index("minute_open")
    opened = arrays.ints(klines["minute_open"]) + minutes * MINUTE_US
    field = klines.schema.field("minute_open")
    return klines.set_column(at, field, pa.array(opened).cast(field.type))


def of_day(klines: pa.Table, opened_us: int) -> pa.Table:
    """The klines of the day that opens then: a table may also have the minute beside its first or last."""
    opened = arrays.ints(klines["minute_open"])
    inside = (opened >= opened_us) & (opened < opened_us + DAY_US)
    return klines if inside.all() else klines.filter(pa.array(inside))


def lies_right(offsets: Mapping[str, int], approved: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether there are feeds, and each lies where it should: as approved, else at offset 0."""
    return bool(offsets) and all(o in approved.get(feed, (0,)) for feed, o in offsets.items())


def in_doubt(
    clock: RecordClock | None, offsets: Mapping[str, int], approved: Mapping[str, tuple[int, ...]]
) -> tuple[str, str] | None:
    """Why it is not known whose clock is wrong: key of CONTROL's refusals and a note; None where it is.

    Args:
        clock: of the klines.
        offsets: ATAS feed -> its offset in minutes by these klines; the feeds whose finding stands.
        approved: feed -> offsets of its approved profile, which says whose clock is right.
    """
    if clock is None or not offsets or approved.keys() & offsets.keys():
        return None
    feed, offset = next(iter(offsets.items()))
    lies = f"{feed} lies {offset:+d} min from them"
    if clock.without_zone and all(_zone(o) for o in offsets.values()):
        east = _zone(offset)
        return "zone_in_doubt", (
            f"the stamps of {clock.file} name no zone and were read as UTC, and {lies}: either they are"
            f" {abs(east)} min {'east' if east > 0 else 'west'} of UTC (sources.binance_1m.zone: their IANA"
            " zone), or ATAS's clock is off (sources.binance_1m.zone: UTC, or approve a profile)"
        )
    if not all(_edge(o) for o in offsets.values()):
        return None
    if clock.against:
        return "label_in_doubt", (
            f"sources.binance_1m.label says that {clock.column} of {clock.file} is the {clock.label}; but"
            f" {clock.against}, and {lies}: take the label out, or approve a profile, if ATAS's clock is off"
        )
    if clock.by_ends:
        other = {"open": "close", "close": "open"}[clock.label]
        return "label_in_doubt", (
            f"{clock.column} of {clock.file} was read as the {clock.label} by the ends of the file, and"
            f" {lies}: either it is the {other} (sources.binance_1m.label: {other}), or ATAS's clock is off"
            f" (sources.binance_1m.label: {clock.label}, or approve a profile)"
        )
    return None


def read_as_closes(clock: RecordClock) -> str:
    """In words, that ATAS has told the edge."""
    return (
        f"{clock.column} of {clock.file} does not say which edge of its bar it is; read as the close, for so"
        " ATAS lies at offset 0"
    )


def _edge(offset: int) -> int:
    """The part of an offset that is an edge of the minute: -1, 0 or 1."""
    return (offset + QUARTER_HOUR // 2) % QUARTER_HOUR - QUARTER_HOUR // 2


def _zone(offset: int) -> int:
    """The rest of it: quarters of an hour."""
    return offset - _edge(offset)
