"""What the picture of a symbol's day shows: its published rows, why it is as it is, and the lines behind it.

Belongs here: gathering it all as one value that a page carries with it. The page is `day_page.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from pipeline import clock
from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.contracts import features_schema, schema, verdict
from pipeline.contracts.manifest import Manifest
from pipeline.errors import ParameterError
from pipeline.free_form import Json
from pipeline.locations import GOVERNANCE
from pipeline.pages import reports
from pipeline.pages.day_cells import Cells, cells
from pipeline.pages.day_lines import DayLines, day_lines
from pipeline.plain_text import meant
from pipeline.provenance import raw_text
from pipeline.provenance.prepared_day import prepared
from pipeline.publishing import revisions
from pipeline.publishing.store import Store
from pipeline.quality.catalogue import DEFECTS
from pipeline.reader.loading import CONDITIONS, load
from pipeline.settings.config import Kitchen
from pipeline.tables import arrays

MOST_REJECTS = 2_000
"""So many lines set aside are listed; `rejects_total` counts all."""

_KEYS = ("symbol", "ts", "minute_open", "minute_close", "available_at")
"""Columns of the bars that say which minute a row is of."""


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """A bit of `qc_flags`, the defect that it marks, and what it means."""

    bit: int
    name: str
    code: str
    words: str


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a day is no better: the code, what it means, what was counted and noted, and in which minutes.

    `first` and `last` count from 00:00 UTC; None of what no minute can be named of.
    """

    code: str
    words: str
    count: int
    note: str
    first: int | None
    last: int | None


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """A minute in which the feeds' prices lie far from each other, and how far."""

    minute: int
    distance_bps: float


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """A raw line set aside. `minute` is that of its own stamp, before any correction; None without one."""

    minute: int | None
    source: str
    file: str
    line: int
    code: str
    reason: str
    raw: str | None


class DayView(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol's day as published.

    Attributes:
        columns: Column of `bars_1m` -> a value a minute from 00:00 UTC; None where there is no row or value.
        skew: How late the tape's stamps were at the day's begin and end, in ms, by its fitted drift; None
            where it was not measured.
        cells: The footprint; None without ticks or trades.
        lines: The raw lines behind each minute; None where what was prepared is not here.
        facts: (what, figure) for people: clock, basis, proof.
        worst: The minutes in which the feeds lie farthest apart, by its report.
    """

    symbol: str
    market: str
    date: str
    revision: int
    simulated: bool
    condition: str
    reasons: list[Reason]
    facts: list[tuple[str, str]]
    worst: list[Apart]
    flags: list[Flag]
    imbalance_ratio: float
    columns: dict[str, list[Any]]
    skew: tuple[float, float] | None
    cells: Cells | None
    lines: DayLines | None
    rejects: list[Reject]
    rejects_total: int


def day_view(kitchen: Kitchen | None, store: Store, day: dt.date, symbol: str) -> DayView:
    """The current revision's day of a symbol.

    Args:
        kitchen: The configuration whose prepared folder has the lines behind it; None where only the store is
            at hand.
        store: The store.
        day: The UTC date.
        symbol: Its name.

    Raises:
        ParameterError: the day is not published, or has no such symbol; says what there is.
        SnapshotCorruptError: its bytes are not those of its manifest.
    """
    sealed = revisions.wanted(store, day, None)
    manifest = revisions.read_manifest(sealed)
    known = manifest.condition.symbols
    if symbol not in known:
        raise ParameterError(
            f"{symbol} {day}: the day was published with {', '.join(sorted(known))}{meant(symbol, known)}"
        )
    condition = known[symbol]

    def table(name: str) -> pa.Table:
        return load(name, day, day, [symbol], allow=CONDITIONS, root=store.name)

    rejects = table("rejects")
    configured = kitchen.symbols.get(symbol) if kitchen is not None else None
    governance = GOVERNANCE if kitchen is None else kitchen.governance
    return DayView(
        symbol=symbol,
        market="" if configured is None else configured.market,
        date=day.isoformat(),
        revision=sealed.revision,
        simulated=manifest.simulated,
        condition=condition.condition,
        reasons=[_reason(it, day) for it in condition.reasons],
        facts=_facts(manifest, symbol),
        worst=_worst(reports.report(store, day, sealed.revision, symbol), day),
        flags=_flags(schema.load(governance).flags),
        imbalance_ratio=features_schema.load(governance).rules.imbalance_ratio,
        columns=_columns(table("bars_1m"), day),
        skew=_skew(manifest.calibration.get(symbol, {})),
        cells=cells(table("footprint"), day),
        lines=None if kitchen is None else _lines(kitchen, symbol, day),
        rejects=_rejects(rejects, day),
        rejects_total=rejects.num_rows,
    )


def _reason(found: verdict.Reason, day: dt.date) -> Reason:
    return Reason(
        code=found.code,
        words=_words(found.code),
        count=found.count,
        note=found.note or "",
        first=_minute(found.first, day),
        last=_minute(found.last, day),
    )


def _words(code: str) -> str:
    return DEFECTS[code].what if code in DEFECTS else ""


def _minute(instant: str | None, day: dt.date) -> int | None:
    """The minute of an instant as papers write it; None without one, or of another day."""
    try:
        stamp, _ = clock.parse_instant(instant or "")
    except ValueError:
        return None
    return _within(stamp, day)


def _within(stamp: int, day: dt.date) -> int | None:
    """The minute of the day that an instant lies in, in us."""
    at = (stamp - day_open_us(day)) // MINUTE_US
    return at if 0 <= at < MINUTES_PER_DAY else None


def _worst(report: reports.Report, day: dt.date) -> list[Apart]:
    return [
        Apart(minute=minute, distance_bps=it.distance_bps)
        for it in report.worst_minutes
        if (minute := _minute(it.minute_open, day)) is not None
    ]


def _flags(listed: Sequence[Json]) -> list[Flag]:
    return [
        Flag(bit=it["bit"], name=it["name"], code=it["code"], words=it["description"])
        for it in listed
    ]


def _facts(manifest: Manifest, symbol: str) -> list[tuple[str, str]]:
    """Of the calibration and the proof, what a person asks first."""
    found, tape = manifest.calibration.get(symbol, {}), manifest.tape.get(symbol)
    facts = [("Correction", str(found.get("status", "not measured")).replace("_", " "))]
    if found.get("offset_minutes") is not None:
        facts.append(("Offset", f"{found['offset_minutes']} min"))
    if found.get("skew_ms") is not None:
        facts.append(("Skew", f"{found['skew_ms']:g} ms"))
    if found.get("basis_bps_median") is not None:
        facts.append(("Basis, median", f"{found['basis_bps_median']:g} bps"))
    if tape is not None and tape.minutes:
        facts.append(("Proven minutes", f"{tape.proven} of {tape.minutes}"))
    return facts


def _skew(found: Json) -> tuple[float, float] | None:
    """Of the feed whose skew is the day's; the fit is a line through the day's middle."""
    for feed in found.get("feeds", {}).values():
        fitted = (feed.get("figures") or {}).get("skew")
        if fitted and feed.get("skew_ms") is not None:
            half = (fitted.get("drift_ms_per_day") or 0.0) / 2
            return feed["skew_ms"] - half, feed["skew_ms"] + half
    return None


def _columns(bars: pa.Table, day: dt.date) -> dict[str, list[Any]]:
    """Every column but the keys, on the day's 1440 minutes; one that never has a value is left out."""
    at = (arrays.ints(bars["minute_open"]) - day_open_us(day)) // MINUTE_US
    found: dict[str, list[Any]] = {}
    for name in bars.column_names:
        if name in _KEYS or bars[name].null_count == bars.num_rows:
            continue
        values: list[Any] = [None] * MINUTES_PER_DAY
        for minute, value in zip(at.tolist(), bars[name].to_pylist(), strict=True):
            values[minute] = value
        found[name] = values
    return found


def _lines(kitchen: Kitchen, symbol: str, day: dt.date) -> DayLines | None:
    try:
        return day_lines(prepared(kitchen, symbol, day))
    except ParameterError:  # the symbol is of another kitchen, or nothing of it is prepared here
        return None


def _rejects(rows: pa.Table, day: dt.date) -> list[Reject]:
    def minute(raw: str | None) -> int | None:
        stamp = raw_text.stamp_of(raw.encode()) if raw else None
        return None if stamp is None else _within(stamp, day)

    return [
        Reject(
            minute=minute(row["raw"]),
            source=row["source"],
            file=row["file"],
            line=row["line"],
            code=row["code"],
            reason=row["reason"],
            raw=row["raw"] and row["raw"][: raw_text.QUOTE_BYTES],
        )
        for row in rows.slice(0, MOST_REJECTS).to_pylist()
    ]
