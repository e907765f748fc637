"""`dataset_manifest.json`: what a day's snapshot is, the same on every machine.

Belongs here: content only. When, why and by whom a revision was published is `publication.json`
(`seal.py`). No clock, host, run or absolute path may enter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import clock, storage
from pipeline.contracts.calibration import DayFinding, Finding, to_json
from pipeline.contracts.control import Control, Threshold
from pipeline.contracts.ledger import LedgerEntry, MovedEntry
from pipeline.contracts.manifest import (
    Code,
    Column,
    Contract,
    DayCondition,
    FileEntry,
    InputEntry,
    Manifest,
    Measure,
    TapeEntry,
    Window,
)
from pipeline.contracts.tape import TapeFinding
from pipeline.contracts.value import changed
from pipeline.errors import StageError
from pipeline.free_form import Json
from pipeline.packs import Stored
from pipeline.publishing import ranges, sums
from pipeline.tables import parquet
from pipeline.tables.parts import Parts, as_parts

PRODUCER = "central-data-kitchen"
DATASET = "market-minutes"

APPLIED = ("status", "offset_minutes", "skew_applied_ms", "volume_unit", "volume_factor")
"""What of a finding changes rows, beside its segments' offsets; all else is evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestInput:
    """All that a manifest is made of.

    `tables` maps a file's name to the table in it, `files` every published file's relative name to where
    it lies now, `contents` a table's to the digest of its content as assembled (where absent, the
    table is read for it), `ledgers` a symbol to what was read of each raw file, `moved` a symbol to the
    same of each neighbour day's file with rows of this day, `code` a stage to its code digest,
    `accepted` a stage to the digests of other code that computed accepted results, `measured` a symbol to
    the value of each check (None: not measured), `tapes` a symbol with a tape to its proof.
    """

    day: dt.date
    simulated: bool
    version: str
    condition: DayCondition
    tables: dict[str, pa.Table | Parts]
    files: dict[str, Stored]
    calibrations: dict[str, DayFinding]
    ledgers: Mapping[str, Sequence[LedgerEntry]]
    control: Control
    contract: Contract
    code: dict[str, str]
    moved: Mapping[str, Sequence[MovedEntry]] = field(default_factory=dict)
    accepted: dict[str, list[str]] = field(default_factory=dict)
    measured: dict[str, dict[str, float | None]] = field(default_factory=dict)
    tapes: Mapping[str, TapeFinding] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)


def manifest(given: ManifestInput) -> Manifest:
    """The content of `dataset_manifest.json`.

    Raises:
        StageError: a table with rows has no file, or lines of a raw file are not accounted for.
    """
    lost = sorted(n for n, t in given.tables.items() if t.num_rows and n not in given.files)
    if lost:
        raise StageError(f"manifest {given.day}: {', '.join(lost)} has rows and no file")
    files = {
        name: file_entry(place, given.tables.get(name), given.contents.get(name))
        for name, place in given.files.items()
    }
    return Manifest(
        producer=PRODUCER,
        dataset=DATASET,
        date=given.day,
        version=given.version,
        simulated=given.simulated,
        condition=given.condition,
        files=files,
        inputs={
            symbol: _with_moved(_inputs(symbol, found), given.moved.get(symbol, ()))
            for symbol, found in given.ledgers.items()
        },
        calibration={symbol: to_json(found) for symbol, found in given.calibrations.items()},
        tape={symbol: TapeEntry.of(found) for symbol, found in given.tapes.items()},
        quality={t.name: _measure(t, given) for t in given.control.thresholds},
        contract=given.contract,
        code=Code(package=given.version, stages=given.code, accepted=given.accepted),
        data_manifest_hash=data_manifest_hash(given.day, given.condition, files),
        calibration_hash=calibration_hash(given.calibrations),
    )


def data_manifest_hash(
    day: dt.date, condition: DayCondition, files: Mapping[str, FileEntry]
) -> str:
    """SHA-256 of the canonical JSON of `date`, `condition` and each table's name and content_hash.

    Files that are no tables (the QC reports) have no content_hash and do not enter: a report that is
    drawn otherwise is the same data.
    """
    hashes = {name: f.content_hash for name, f in files.items() if f.content_hash is not None}
    return storage.digest(
        {"date": day.isoformat(), "condition": to_json(condition), "files": hashes}
    )


def calibration_hash(calibrations: dict[str, DayFinding]) -> str:
    """SHA-256 of the canonical JSON of each symbol's applied correction, without its evidence."""
    return storage.digest(
        {
            symbol: _applied(found, found.feed)
            | {"feeds": {name: _applied(feed) for name, feed in found.feeds.items()}}
            for symbol, found in calibrations.items()
        }
    )


def _applied(found: Finding, feed: str | None = None) -> Json:
    """What of a finding changes rows, in the form that every revision's hash has."""
    return {
        **{name: getattr(found, name) for name in APPLIED},
        "segments": [segment.offset_minutes for segment in found.segments],
        "feed": feed,
        "feeds": {},
    }


def file_entry(
    place: Stored, table: pa.Table | Parts | None, content: str | None = None
) -> FileEntry:
    """What a manifest says of a file, and of the table in it, whose content may be known."""
    with place.open() as file:
        facts = sums.drain(file)
    entry = FileEntry(bytes=facts.bytes, md5=facts.md5, sha256=facts.sha256)
    if table is None:
        return entry
    described = changed(
        entry,
        rows=table.num_rows,
        content_hash=content or parquet.content_hash(table),
        columns=tuple(_column(field) for field in table.schema),
        window=_window(table),
    )
    return ranges.with_row_groups(described, place)


def _column(field: pa.Field) -> Column:
    unit = (field.metadata or {}).get(b"unit", b"").decode()
    return Column(name=field.name, type=str(field.type), unit=unit)


def _window(table: pa.Table | Parts) -> Window | None:
    """First and last instant of `ts`, or of `minute_open`; None without such a column or rows."""
    name = next((n for n in ("ts", "minute_open") if n in table.schema.names), None)
    if name is None or table.num_rows == 0:
        return None
    edges = [pc.min_max(part[name].cast(pa.int64())) for part in as_parts(table).tables([name])]
    first, last = (
        pc.min_max(pa.array([e[at].as_py() for e in edges]))[at] for at in ("min", "max")
    )
    return Window(first=clock.iso(first.as_py()), last=clock.iso(last.as_py()))


def _inputs(symbol: str, ledger: Sequence[LedgerEntry]) -> dict[str, InputEntry]:
    """Raw name -> what was read of it, once lines read = used + merged + rejected."""
    inputs: dict[str, InputEntry] = {}
    for entry in ledger:
        name, lines = entry.path, entry.lines
        if not lines.balanced or name in inputs:
            raise StageError(
                f"manifest {symbol}: {name} has {lines.read} lines read and {lines.accounted} accounted for"
                f"{', and is listed twice' if name in inputs else ''}; wanted the same, once"
            )
        inputs[name] = _input(entry)
    return inputs


def _input(entry: LedgerEntry) -> InputEntry:
    return InputEntry(
        bytes=entry.bytes,
        sha256=entry.sha256,
        lines=entry.lines,
        inferred=entry.inferred,
        other_days=entry.other_days,
        other_symbols=entry.other_symbols,
        ignored=entry.ignored,
    )


def _with_moved(
    inputs: dict[str, InputEntry], moved: Sequence[MovedEntry]
) -> dict[str, InputEntry]:
    """With the neighbour days' files."""
    found = dict(inputs)
    for entry in moved:
        known = found.get(entry.path, _input(entry))
        found[entry.path] = changed(known, moved_rows=entry.moved_rows)
    return found


def _measure(threshold: Threshold, given: ManifestInput) -> Measure:
    """A check's limit, what each symbol measured, and where a waiver lowers its consequence."""
    kind = "at_most" if threshold.at_least is None else "at_least"
    in_force = {
        symbol: given.control.consequence(threshold.code, threshold.consequence, symbol, given.day)
        for symbol in given.condition.symbols
    }
    return Measure(
        **{kind: threshold.limit},
        unit=threshold.unit,
        code=threshold.code,
        consequence=threshold.consequence,
        waived={s: c for s, c in in_force.items() if c != threshold.consequence},
        measured={s: values.get(threshold.name) for s, values in given.measured.items()},
    )
