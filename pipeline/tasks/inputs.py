"""What a unit reads: the files behind its inputs, as tables and documents.

Belongs here: from the graph's edges to values, one small function a kind of input. Does not belong here:
what is done with them (`recipes.py`), and which inputs there are (`stages.py`). Loads the heavy libraries.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import pyarrow as pa
from msgspec import structs

from pipeline import storage
from pipeline.alignment.feeds import TICKS
from pipeline.alignment.neighbours import AFTER, BEFORE, Rows, WithNeighbours, in_file
from pipeline.contracts import features_schema, ledger, manifest, outages, profiles, verdict
from pipeline.contracts import rules as rules_in_force
from pipeline.contracts import tape as tape_document
from pipeline.contracts.correction import Correction, from_json
from pipeline.contracts.day import Day
from pipeline.contracts.features_schema import FeaturesSchema
from pipeline.contracts.ledger import LedgerEntry, MovedEntry, SlowEntry
from pipeline.contracts.manifest import DayCondition
from pipeline.contracts.rules import Rules
from pipeline.contracts.tape import TapeFinding
from pipeline.contracts.value import read_as
from pipeline.contracts.verdict import Verdict
from pipeline.errors import PendingError
from pipeline.freshness import graph
from pipeline.freshness.graph import label
from pipeline.model.feeds import TRADE_FEEDS
from pipeline.packs import Stored
from pipeline.publishing.assemble import SymbolDay
from pipeline.stages import MACRO_LOOK_BACK_DAYS
from pipeline.tables import parquet
from pipeline.tables.parts import Parts
from pipeline.tasks.job import Job


def table(job: Job, stage: str, output: str) -> pa.Table:
    """As `optional`, where at least one day must have it.

    Raises:
        PendingError: none has.
    """
    found = optional(job, stage, output)
    if found is None:
        raise PendingError(
            f"{job.unit}: no raw file gives it {stage}'s {output}; bring the export first"
        )
    return found


def optional(job: Job, stage: str, output: str) -> pa.Table | None:
    """The tables of an input, earlier days first, as one; None where no day has it."""
    tables = [parquet.read(edge.place) for edge in job.edges(stage, output)]
    return pa.concat_tables(tables) if tables else None


def history(job: Job) -> list[pa.Table]:
    """The daily statistics of completed days, oldest first."""
    return [
        _day_of_history(edge.place, job.contents[label(edge)])
        for edge in job.edges("DailyStats", "daily_stats")
    ]


@lru_cache(maxsize=2 * MACRO_LOOK_BACK_DAYS)
def _day_of_history(place: Stored, content: str) -> pa.Table:
    """A row that hundreds of days look back on is read once a process, as long as its content is the same."""
    return parquet.read(place)


def document(job: Job, stage: str, output: str) -> Any:
    """The JSON of an input that there is once."""
    (edge,) = job.edges(stage, output)
    return storage.json_in(edge.place)


def documents(job: Job, stage: str, output: str) -> dict[str, Any]:
    """Symbol -> the JSON of an input that there is once a symbol."""
    return {str(edge.unit.symbol): storage.json_in(edge.place) for edge in job.edges(stage, output)}


def feeds(job: Job, output: str) -> dict[str, pa.Table]:
    """Feed -> its table, of every feed of its own symbol and day that the unit reads; a tape is `tape`."""
    return {
        source: parquet.read(place)
        for source, place in _own(job, output).items()
        if output != "clean" or source not in (TICKS, *TRADE_FEEDS)
    }


def klines(job: Job) -> pa.Table:
    """The day's klines as stamped."""
    return parquet.read(_own(job, "clean")["binance_1m"])


def tape(job: Job, feed: str = TICKS) -> Parts | None:
    """The day's ticks or trades as stamped, read part by part; None where the unit reads none."""
    place = _own(job, "clean").get(feed)
    return None if place is None else parquet.in_parts(place)


def _own(job: Job, output: str) -> dict[str, Stored]:
    """Feed -> where the output lies, of its own symbol and day."""
    return {
        str(edge.unit.source): edge.place
        for edge in job.edges("CleanFeed", output)
        if edge.unit.symbol == job.unit.symbol and not edge.beside
    }


def against(job: Job, output: str) -> pa.Table | None:
    """The table of the symbol that the unit's own is held against; None where there is none."""
    edges = [e for e in job.edges("CleanFeed", output) if e.unit.symbol != job.unit.symbol]
    return parquet.read(edges[0].place) if edges else None


def neighbours(job: Job) -> dict[str, dict[str, Rows]]:
    """Feed -> side -> the rows of that neighbour day's file, read when they are asked for."""
    found: dict[str, dict[str, Rows]] = {}
    for edge in job.edges("CleanFeed", "clean"):
        if edge.beside:
            side = BEFORE if edge.unit.day < job.unit.day else AFTER
            found.setdefault(str(edge.unit.source), {})[side] = partial(in_file, edge.place)
    return found


def moved_from(job: Job, found: WithNeighbours) -> list[MovedEntry]:
    """The neighbours' raw files with rows of the day: their ledger's entry, and how many rows.

    The ledger lies beside the clean table, of the same unit; what the table says already decides.
    """
    moved: list[MovedEntry] = []
    for edge in job.edges("CleanFeed", "clean"):
        side = BEFORE if edge.unit.day < job.unit.day else AFTER
        taken = found.lines_of(str(edge.unit.source), side) if edge.beside else {}
        place = graph.stored(job.kitchen, edge.unit, "ledger")
        entries = ledger.from_json(storage.json_in(place)) if taken else []
        moved += [
            MovedEntry(**structs.asdict(entries[file]), moved_rows=rows)
            for file, rows in sorted(taken.items())
        ]
    return moved


def moved_entries(job: Job) -> dict[str, list[MovedEntry]]:
    """Symbol -> what `moved_from` told."""
    found = documents(job, "Calibration", "moved_from")
    return {
        symbol: read_as(list[MovedEntry], value, "moved_from.json", "Calibration")
        for symbol, value in found.items()
    }


def ledgers(job: Job) -> dict[str, list[LedgerEntry]]:
    """Symbol -> the ledger entries of all its feeds, in the graph's order, then of its slow features."""
    found: dict[str, list[LedgerEntry]] = {}
    for edge in job.edges("CleanFeed", "ledger"):
        entries = ledger.from_json(storage.json_in(edge.place))
        found.setdefault(str(edge.unit.symbol), []).extend(entries)
    for symbol, value in documents(job, "MacroFeatures", "derived_from").items():
        slow = read_as(list[SlowEntry], value, "derived_from.json", "MacroFeatures")
        found.setdefault(symbol, []).extend(entry.as_input() for entry in slow)
    return found


def ledgers_by_feed(job: Job) -> dict[str, list[LedgerEntry]]:
    """Feed -> the ledger entries of its own symbol and day."""
    own = _own(job, "ledger")
    return {feed: ledger.from_json(storage.json_in(place)) for feed, place in own.items()}


def tape_findings(job: Job) -> dict[str, TapeFinding]:
    """Symbol -> the proof of its tapes, of those that have one."""
    found = documents(job, "Footprint", "tape")
    return {symbol: tape_document.from_json(value) for symbol, value in found.items()}


def slow_ledgers(job: Job) -> dict[str, list[LedgerEntry]]:
    """Feed -> the entries of the files behind its slow features."""
    found = document(job, "MacroFeatures", "slow_ledgers")
    return {feed: ledger.from_json(entries) for feed, entries in found.items()}


def symbol_days(job: Job) -> list[SymbolDay]:
    """Everything that each symbol gives to the day's files; its tables are read when they are needed."""
    judged = verdicts(job)
    return [_symbol_day(job, name, judged[name]) for name in symbols(job)]


def _symbol_day(job: Job, name: str, judged: Verdict) -> SymbolDay:
    def tables(stage: str, output: str) -> list[Parts]:
        edges = [edge for edge in job.edges(stage, output) if edge.unit.symbol == name]
        return [parquet.in_parts(edge.place) for edge in edges]

    return SymbolDay(
        symbol=name,
        bars=tables("AlignedBars", "bars_1m")[0],
        micro=tables("MicroFeatures", "features_micro")[0],
        macro=tables("MacroFeatures", "macro_slow")[0],
        footprint=next(iter(tables("Footprint", "footprint")), None),
        rejects=tables("CleanFeed", "rejects"),
        verdict=judged,
    )


def assembled_contents(job: Job) -> dict[str, str]:
    """File in the snapshot -> the digest of its content, of what was assembled."""
    return {
        edge.unit.declared.outputs[edge.output]: job.contents[label(edge)]
        for edge in job.node.edges
        if edge.unit.stage == "Assemble"
    }


def condition(job: Job) -> DayCondition:
    """The day's condition and each symbol's."""
    return manifest.from_json(document(job, "Assemble", "condition"))


def correction(job: Job) -> Correction:
    """What the calibration of its symbol and day found to be done."""
    return from_json(document(job, "Calibration", "correction"))


def verdicts(job: Job) -> dict[str, Verdict]:
    """Symbol -> its verdict."""
    found = documents(job, "Verdict", "verdict")
    return {symbol: verdict.from_json(value) for symbol, value in found.items()}


def symbols(job: Job) -> list[str]:
    """The symbols that are expected on the day."""
    return [symbol.name for symbol in job.node.symbols]


def rules(job: Job) -> Rules:
    """CONTROL and the schemas of the tables, in force."""
    return rules_in_force.load(job.kitchen.governance)


def features(job: Job) -> FeaturesSchema:
    """The schema of the features in force."""
    return features_schema.load(job.kitchen.governance)


def day(job: Job) -> Day:
    """The unit's symbol and day, and the rules that it is measured by."""
    symbol, date, governance = job.symbol, job.unit.day, job.kitchen.governance
    return Day(
        symbol=symbol.name,
        market=symbol.market,
        date=date,
        rules=rules(job),
        outages=outages.outage_minutes(governance, symbol.market, symbol.name, date),
        prefer=job.kitchen.prefer_atas,
    )


def approved(job: Job) -> dict[str, tuple[int, ...]]:
    """Feed -> offsets in minutes that its profile allows on the day."""
    found = profiles.in_force(job.kitchen.governance, str(job.unit.symbol), job.unit.day)
    return {feed: profile.offsets(job.unit.day) for feed, profile in found.items()}


def no_ticks(job: Job) -> pa.Table:
    """A tape without a trade."""
    return rules(job).schema.table("clean_ticks").empty_table()
