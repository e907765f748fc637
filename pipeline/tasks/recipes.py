"""One function a step: hand its inputs to the pure function that does the work.

A recipe reads tables, calls, and returns its outputs by name. It decides nothing. Its name is the
step's in snake case. This module loads the heavy libraries; import it only when there is work.
"""

from __future__ import annotations

import gc
import uuid
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import storage
from pipeline.alignment.align import AlignInput, align
from pipeline.alignment.calibrate import CalibrationInput
from pipeline.alignment.neighbours import calibrate_among
from pipeline.alignment.record_clock import clock_of
from pipeline.alignment.true_time import with_moved
from pipeline.contracts import calibration as calibration_document
from pipeline.contracts import governed
from pipeline.contracts import manifest as manifest_document
from pipeline.contracts.value import to_json
from pipeline.features.daily import daily_stats as daily_stats_of
from pipeline.features.derivatives import Derivatives, as_ledgers, with_derivatives
from pipeline.features.macro import derived_from, macro
from pipeline.features.micro import LEVEL_COLUMNS, levels_from_us, micro
from pipeline.free_form import Json
from pipeline.freshness import acceptance, graph, release
from pipeline.freshness.receipt import RawState
from pipeline.packs import Stored
from pipeline.proof.taken import tapes_taken
from pipeline.publishing import revisions, signing
from pipeline.publishing.assemble import assemble as assemble_of
from pipeline.publishing.changes import changes
from pipeline.publishing.epochs import Publisher
from pipeline.publishing.manifest import ManifestInput
from pipeline.publishing.manifest import manifest as manifest_of
from pipeline.publishing.opening import open_store
from pipeline.publishing.seal import Draft, publish
from pipeline.quality.checks import DayFacts
from pipeline.quality.report import html, markdown, report
from pipeline.quality.verdict import verdict as verdict_of
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed
from pipeline.tables import parquet
from pipeline.tables.no_pandas import leave_pandas_alone
from pipeline.tasks import inputs, tape_inputs
from pipeline.tasks.job import Job

Products = dict[str, Any]

leave_pandas_alone()  # no step uses it, and each forked task would pay for loading it
gc.freeze()  # what is loaded by now stays: to look through it for what may go is a twentieth of the work


def clean_feed(job: Job) -> Products:
    """Vendor files -> clean table, rejects, ledger."""
    symbol, source = job.symbol, str(job.unit.source)
    feed = Feed(
        symbol=symbol.name,
        market=symbol.market,
        source=source,
        vendor_symbol=symbol.vendor_name(source),
        day=job.unit.day,
        **asdict(symbol.stamps[source]),
    )
    files = [file for file in job.node.raw if not file.is_checksum]
    found = read_feed(feed, files, inputs.rules(job), job.kitchen.limits, job.node.folder)
    job.raw = {name: RawState(stat, found.digests[name]) for name, stat in found.stats.items()}
    job.facts = {"rows": found.parts.num_rows, "rejects": found.rejects.num_rows}
    return {
        "clean": found.parts,
        "rejects": found.rejects,
        "ledger": [to_json(entry) for entry in found.ledger],
    }


def calibration(job: Job) -> Products:
    """Both vendors' minutes -> what the vendor's minute means, with evidence; and the correction."""
    feeds = inputs.feeds(job, "clean")
    given = CalibrationInput(
        day=inputs.day(job),
        klines=feeds.pop("binance_1m"),
        ticks=inputs.tape(job),
        bars=feeds,
        clock=clock_of(inputs.ledgers_by_feed(job)["binance_1m"]),
        approved=inputs.approved(job),
    )
    found = calibrate_among(given, inputs.neighbours(job))
    job.facts = {"status": found.found.calibration.status}
    job.windows = {
        feed: {side: list(window) for side, window in sides.items()}
        for feed, sides in found.windows.items()
    }
    ticks = found.moved("atas_ticks")
    moved = {feed: found.moved(feed) for feed in sorted(found.beside) if feed != "atas_ticks"}
    bars = [
        table.append_column("feed", pa.repeat(feed, table.num_rows))
        for feed, table in moved.items()
        if table is not None
    ]
    columns = given.day.rules.schema.table("clean_bars")
    named = columns.append(pa.field("feed", pa.string()))
    return {
        "calibration": to_json(found.found.calibration),
        "correction": to_json(found.found.correction),
        "moved_bars": pa.concat_tables([named.empty_table(), *bars]),
        "moved_ticks": inputs.no_ticks(job) if ticks is None else ticks,
        "moved_from": [to_json(entry) for entry in inputs.moved_from(job, found)],
    }


def footprint(job: Job) -> Products:
    """Tapes in true time and klines -> what is proven; volume by minute and price, minute statistics."""
    ticks = tape_inputs.ticks(job)
    found = tapes_taken(tape_inputs.given(job, ticks), ticks)
    job.facts = {"rows": found.footprint.num_rows, "proven": found.finding.proven}
    return {
        "footprint": found.footprint,
        "minute_stats": found.minute_stats,
        "tape_stats": found.tape_stats,
        "tape_minutes": found.tape_minutes,
        "tape": to_json(found.finding),
    }


def aligned_bars(job: Job) -> Products:
    """Both vendors' minutes and the correction -> the day's 1440 rows."""
    feeds = inputs.feeds(job, "clean")
    moved = inputs.table(job, "Calibration", "moved_bars")
    for feed in pc.unique(moved["feed"]).to_pylist():
        rows = moved.filter(pc.equal(moved["feed"], feed)).drop_columns(["feed"])
        feeds[feed] = with_moved(feeds.get(feed), rows)
    given = AlignInput(
        day=inputs.day(job),
        klines=feeds.pop("binance_1m"),
        bars=feeds,
        minute_stats=inputs.optional(job, "Footprint", "minute_stats"),
        tape_minutes=inputs.optional(job, "Footprint", "tape_minutes"),
        correction=inputs.correction(job),
        prefer_delta=job.kitchen.prefer_delta,
        prefer_fields=job.kitchen.prefer_fields,
        latency_seconds=job.kitchen.latency_seconds,
    )
    bars, flow = align(given)
    job.facts = {"rows": bars.num_rows}
    return {"bars_1m": bars, "flow": flow}


def verdict(job: Job) -> Products:
    """Bars, evidence and rules -> condition with reasons, and the report in three forms."""
    facts = DayFacts(
        day=inputs.day(job),
        bars=inputs.table(job, "AlignedBars", "bars_1m"),
        calibration=calibration_document.from_json(
            inputs.document(job, "Calibration", "calibration")
        ),
        ledgers=inputs.ledgers_by_feed(job) | inputs.slow_ledgers(job),
        rejects=inputs.feeds(job, "rejects"),
        atas_expected=job.symbol.atas == "expected",
        simulated=job.kitchen.simulated,
        flow=inputs.document(job, "AlignedBars", "flow"),
        tape=inputs.tape_findings(job).get(job.symbol.name),
    )
    found = verdict_of(facts)
    page = report(facts, found)
    job.facts = {"condition": found.condition}
    return {
        "verdict": to_json(found),
        "report_json": _compact(page),
        "report_md": markdown(page),
        "report_html": html(page, facts.bars),
    }


def micro_features(job: Job) -> Products:
    """Bars of the day and the day before -> micro features of the day."""
    since = levels_from_us(job.unit.day)
    levels = [
        parquet.read_from(edge.place, LEVEL_COLUMNS, "minute_open", since)
        for edge in job.edges("Footprint", "footprint")
    ]
    table = micro(
        job.unit.day,
        inputs.table(job, "AlignedBars", "bars_1m"),
        inputs.optional(job, "Footprint", "tape_stats"),
        inputs.features(job),
        pa.concat_tables(levels) if levels else None,
    )
    job.facts = {"rows": table.num_rows}
    return {"features_micro": table}


def daily_stats(job: Job) -> Products:
    """The exchange's minutes, or its daily kline -> one row of the day; with funding and open interest."""
    feeds, rules = inputs.feeds(job, "clean"), inputs.rules(job)
    share_min = inputs.features(job).rules.daily_minutes_share_min
    table = daily_stats_of(
        job.unit.day,
        feeds.get("binance_1m"),
        feeds.get("binance_1d"),
        rules.schema.table("daily_stats"),
        share_min,
        inputs.against(job, "clean"),
    )
    more = Derivatives(
        funding=feeds.get("binance_funding"),
        metrics=feeds.get("binance_metrics"),
        minutes=feeds.get("binance_1m"),
        ledgers=inputs.ledgers_by_feed(job),
    )
    table = with_derivatives(table, job.unit.day, more, share_min, rules.control.metrics)
    job.facts = {"rows": table.num_rows}
    return {"daily_stats": table}


def macro_features(job: Job) -> Products:
    """Daily rows of completed days -> the macro features known on the day."""
    rows = inputs.history(job)
    columns = inputs.rules(job).schema.table("daily_stats")
    history = pa.concat_tables([columns.empty_table(), *rows])
    latency = job.kitchen.latency_seconds["binance"]
    table = macro(job.symbol.name, job.unit.day, history, latency, inputs.features(job))
    job.facts = {"days": history.num_rows}
    files = derived_from(job.unit.day, history)
    return {
        "macro_slow": table,
        "derived_from": [to_json(file) for file in files],
        "slow_ledgers": {
            feed: [to_json(entry) for entry in entries]
            for feed, entries in as_ledgers(files).items()
        },
    }


def assemble(job: Job) -> Products:
    """All symbols' outputs -> one table a dataset, and the day's condition."""
    schema = inputs.rules(job).schema
    products: Products = assemble_of(job.unit.day, inputs.symbol_days(job), schema)
    job.facts = {"rows": products["bars_1m"].num_rows, "condition": products["condition"]["day"]}
    return products | {"datapackage": _compact(products["datapackage"])}


def _compact(value: Json) -> str:
    """JSON for programs, which is published by the thousand: without blanks."""
    return storage.canonical_json(value).decode()


def manifest(job: Job) -> Products:
    """The assembled files and what made them -> the manifest."""
    files = published_files(job)
    found = manifest_of(
        ManifestInput(
            day=job.unit.day,
            simulated=job.kitchen.simulated,
            version=version("central-data-kitchen"),
            condition=inputs.condition(job),
            tables={
                name: parquet.unread(place)
                for name, place in files.items()
                if name.endswith(".parquet")
            },
            files=files,
            calibrations={
                symbol: calibration_document.from_json(found)
                for symbol, found in inputs.documents(job, "Calibration", "calibration").items()
            },
            ledgers=inputs.ledgers(job),
            moved=inputs.moved_entries(job),
            control=inputs.rules(job).control,
            contract=governed.contract(job.kitchen.governance),
            code=job.code,
            accepted=acceptance.computed_by(job.kitchen, job.unit),
            measured={symbol: found.measured for symbol, found in inputs.verdicts(job).items()},
            tapes=inputs.tape_findings(job),
            contents=inputs.assembled_contents(job),
        )
    )
    return {"manifest": manifest_document.to_json(found)}


def snapshot(job: Job) -> Products:
    """The manifest and the files that it names -> a sealed revision, and the links."""
    # Looked at before what is to be published, so that a run that stood still meanwhile follows no later one.
    store = open_store(job.kitchen.snapshots).look((job.unit.day, job.unit.day))
    taken, parent = store.numbers(job.unit.day), revisions.current(store, job.unit.day)
    found = manifest_document.read(inputs.document(job, "Manifest", "manifest"))
    key = signing.key_file(job.kitchen)
    sealed = publish(
        Draft(
            day=job.unit.day,
            files=published_files(job),
            manifest=found,
            reason=changes(revisions.read_manifest(parent) if parent else None, found),
            run=uuid.uuid4().hex,
            key=None if key is None else signing.load(key, job.kitchen),
            by=Publisher(
                release.of_parts(job.kitchen, job.code, job.libraries), adopts=job.kitchen.adopts
            ),
            after=max(taken, default=0),
        ),
        store,
    )
    job.facts = {
        "published": f"r{sealed.revision} {sealed.note}".rstrip(),
        "condition": found.condition.day,
        "rows": found.files["bars_1m.parquet"].rows,
    }
    return {}


def published_files(job: Job) -> dict[str, Stored]:
    """Name in the snapshot -> where it is prepared; reports below qc/, a footprint only with rows."""
    day = graph.Unit("Assemble", job.unit.day)
    files = {}
    for output, name in day.declared.outputs.items():
        place = graph.stored(job.kitchen, day, output)
        if output != "condition" and (output != "footprint" or parquet.rows(place)):
            files[name] = place
    for symbol in job.node.symbols:
        unit = graph.Unit("Verdict", job.unit.day, symbol.name)
        for output in ("report_json", "report_md", "report_html"):
            place = graph.stored(job.kitchen, unit, output)
            files[f"qc/{symbol.name}/{place.member}"] = place
    return files
