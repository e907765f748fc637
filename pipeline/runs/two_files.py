"""Two files in, aligned bars and a report out: the whole way of a symbol's day without any store.

For a first look at an export. It calls the same functions as the daily steps, so it finds the same.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline import asked, storage, symbols
from pipeline.alignment.align import AlignInput, align
from pipeline.alignment.calibrate import CalibrationInput, calibrate
from pipeline.alignment.record_clock import clock_of, in_true_time
from pipeline.alignment.true_time import tape_in_true_time
from pipeline.contracts import outages, rules
from pipeline.contracts.correction import Correction
from pipeline.contracts.day import Day
from pipeline.contracts.verdict import Verdict
from pipeline.errors import ParameterError, SourceError
from pipeline.model.feeds import ATAS_FEEDS, DELTA_SOURCES, MARKETS
from pipeline.model.raw_names import RawPath
from pipeline.proof.taken import Taken, held_against_klines, tapes_taken
from pipeline.proof.tapes import Given
from pipeline.quality.checks import DayFacts
from pipeline.quality.report import html, markdown, report
from pipeline.quality.verdict import verdict
from pipeline.quality.wording import Report
from pipeline.settings.config import governance_in_force
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.protocol import Feed
from pipeline.sources.rawfile import open_raw
from pipeline.sources.registry import claimant
from pipeline.tables import parquet
from pipeline.tables.parts import in_memory, single

_DATE = re.compile(r"(?<![0-9])([0-9]{4}-[0-9]{2}-[0-9]{2})(?![0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What to align: two files, and what their names do not tell."""

    atas: Path
    binance: Path
    symbol: str | None = None
    day: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aligned:
    """What came out: the bars, both feeds as read, the verdict and the report."""

    day: dt.date
    bars: pa.Table
    feeds: dict[str, CleanFeed]
    verdict: Verdict
    report: Report


def align_files(pair: Pair) -> Aligned:
    """Reads, calibrates, aligns and judges one day, by the rules in force.

    Raises:
        ParameterError: the date or the symbol is neither given nor in the files' names.
        SourceError: a file is of no known format, or of the other vendor.
    """
    day = _day(pair)
    feeds = dict([_read(day, pair.binance, "binance"), _read(day, pair.atas, "atas")])
    tables = {source: feed.table for source, feed in feeds.items()}
    klines, ticks = tables.pop("binance_1m"), tables.pop("atas_ticks", None)
    clock = clock_of(feeds["binance_1m"].ledger)
    found = calibrate(
        CalibrationInput(day=day, klines=klines, bars=tables, ticks=ticks, clock=clock)
    )
    tapes = None if ticks is None else _taken(day, klines, ticks, found.correction)
    bars, flow = align(
        AlignInput(
            day=day,
            klines=klines,
            bars=tables,
            minute_stats=tapes.minute_stats if tapes else None,
            tape_minutes=tapes.tape_minutes if tapes else None,
            correction=found.correction,
        )
    )
    facts = DayFacts(
        day=day,
        bars=bars,
        calibration=found.calibration,
        ledgers={source: feed.ledger for source, feed in feeds.items()},
        rejects={source: feed.rejects for source, feed in feeds.items()},
        atas_expected=True,
        simulated=False,
        flow=flow,
        tape=tapes.finding if tapes else None,
    )
    judged = verdict(facts)
    return Aligned(
        day=day.date, bars=bars, feeds=feeds, verdict=judged, report=report(facts, judged)
    )


def _read(day: Day, path: Path, vendor: str) -> tuple[str, CleanFeed]:
    source = _source(path, vendor)
    feed = Feed(
        symbol=day.symbol,
        market=day.market,
        source=source,
        vendor_symbol=day.symbol,
        day=day.date,
    )
    return source, read_feed(feed, [RawPath(path, path.name, 0)], day.rules)


def _taken(day: Day, klines: pa.Table, ticks: pa.Table, correction: Correction) -> Taken:
    """The tape in true time, held against the klines."""
    tape = single(tape_in_true_time(ticks, None, correction, day.date))
    given = Given(
        day=day,
        klines=in_true_time(klines, correction),
        tapes=held_against_klines(day, tape, correction, {}, DELTA_SOURCES),
        keep=in_memory,
    )
    return tapes_taken(given, tape)


def write(aligned: Aligned, out: Path) -> list[Path]:
    """Puts the bars, the rejects and the report in three forms into a folder, and returns the files."""
    rejects = pa.concat_tables([found.rejects for found in aligned.feeds.values()])
    parquet.write(out / "bars_1m.parquet", aligned.bars)
    parquet.write(out / "rejects.parquet", rejects)
    storage.write_bytes(out / "calibration_report.json", storage.canonical_json(aligned.report))
    storage.write_bytes(out / "calibration_report.md", markdown(aligned.report).encode())
    storage.write_bytes(
        out / "calibration_report.html", html(aligned.report, aligned.bars).encode()
    )
    return sorted(out.glob("calibration_report.*")) + sorted(out.glob("*.parquet"))


def _day(pair: Pair) -> Day:
    """What the pair is of."""
    symbol, date, governance = _symbol(pair), _date(pair), governance_in_force()
    market = next((part for part in pair.binance.parts if part in MARKETS), "spot")
    return Day(
        symbol=symbol,
        market=market,
        date=date,
        rules=rules.load(governance),
        outages=outages.outage_minutes(governance, market, symbol, date),
        prefer=ATAS_FEEDS,
    )


def _date(pair: Pair) -> dt.date:
    """The date that was given, or that the names of the files tell."""
    named = _DATE.search(pair.binance.name) or _DATE.search(str(pair.atas))
    text = pair.day or (named.group(1) if named else None)
    if text is None:
        raise ParameterError(
            f"no date in the names of {pair.binance.name} and {pair.atas}; give --date 2025-01-02"
        )
    return asked.day(text, "--date")


def _symbol(pair: Pair) -> str:
    named = re.split("[-_]", pair.binance.name, maxsplit=1)[0]
    if pair.symbol or (named != pair.binance.name and symbols.is_symbol(named)):
        return asked.symbol(pair.symbol or named, "--symbol")
    raise ParameterError(f"no symbol in the name of {pair.binance.name}; give --symbol BTCUSDT")


def _source(path: Path, vendor: str) -> str:
    """The feed whose format the file has."""
    with open_raw(RawPath(path, path.name, 0)) as raw:
        adapter = claimant(path.name, raw.head)
    if adapter is None or not adapter.sources[0].startswith(vendor):
        got = adapter.name if adapter else "no known format"
        raise SourceError(f"{path}: got {got}, wanted an export of {vendor}; name such a file")
    return "binance_1m" if vendor == "binance" else adapter.sources[0]
