"""Two files in, aligned bars and a report out: the whole way of a symbol's day without any store.

For a first look at an export. It calls the same functions as the daily steps, so it finds the same.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline import parquet, storage
from pipeline.alignment.align import AlignInput, align
from pipeline.alignment.calibrate import CalibrationInput, calibrate
from pipeline.bars.footprint import footprint
from pipeline.clock import parse_day
from pipeline.config import ATAS_FEEDS, MARKETS
from pipeline.contracts import control, outages
from pipeline.errors import ParameterError, SourceError
from pipeline.layout import RawPath
from pipeline.quality.checks import DayFacts
from pipeline.quality.report import html, markdown, report
from pipeline.quality.verdict import verdict
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.protocol import Feed
from pipeline.sources.rawfile import open_raw
from pipeline.sources.registry import claimant

_DATE = re.compile(r"(?<![0-9])([0-9]{4}-[0-9]{2}-[0-9]{2})(?![0-9])")
_SYMBOL = re.compile(r"([A-Z0-9][A-Z0-9.]{2,31})[-_]")
DELTA = ("ticks", "atas_bars", "klines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What to align: two files, and what their names do not tell."""

    atas: Path
    binance: Path
    symbol: str | None = None
    day: str | None = None
    governance: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Aligned:
    """What came out: the bars, both feeds as read, the verdict and the report."""

    day: dt.date
    bars: pa.Table
    feeds: dict[str, CleanFeed]
    verdict: dict[str, Any]
    report: dict[str, Any]


def align_files(pair: Pair) -> Aligned:
    """Reads, calibrates, aligns and judges one day.

    Raises:
        ParameterError: the date or the symbol is neither given nor in the files' names.
        SourceError: a file is of no known format, or of the other vendor.
    """
    rules = control.load(pair.governance)
    day, symbol = _day(pair), _symbol(pair)
    market = next((part for part in pair.binance.parts if part in MARKETS), "spot")
    feeds = {}
    for path, vendor in ((pair.binance, "binance"), (pair.atas, "atas")):
        source = _source(path, vendor)
        feed = Feed(symbol=symbol, market=market, source=source, vendor_symbol=symbol, day=day)
        feeds[source] = read_feed(feed, [RawPath(path, path.name, 0)], pair.governance)
    tables = {source: found.table for source, found in feeds.items()}
    klines, ticks = tables.pop("binance_1m"), tables.pop("atas_ticks", None)
    minutes = footprint(symbol, ticks, rules, pair.governance)[1] if ticks is not None else None
    found = calibrate(
        CalibrationInput(
            symbol=symbol,
            market=market,
            day=day,
            klines=klines,
            bars=tables,
            minute_stats=minutes,
            prefer=ATAS_FEEDS,
        ),
        rules,
    )
    closed = outages.outage_minutes(pair.governance, market, symbol, day)
    bars = align(
        AlignInput(
            symbol=symbol,
            market=market,
            day=day,
            klines=klines,
            bars=tables,
            minute_stats=minutes,
            correction=found.correction,
            outages=closed,
            prefer_atas=ATAS_FEEDS,
            prefer_delta=DELTA,
            latency_seconds={"binance": 0, "atas": 0},
        ),
        rules,
        pair.governance,
    )
    facts = DayFacts(
        symbol=symbol,
        market=market,
        day=day,
        bars=bars,
        calibration=found.calibration,
        ledgers={source: entry.ledger for source, entry in feeds.items()},
        rejects={source: entry.rejects for source, entry in feeds.items()},
        outages=closed,
        atas_expected=True,
        simulated=False,
    )
    judged = verdict(facts, rules)
    page = report(facts, judged, rules, pair.governance)
    return Aligned(day=day, bars=bars, feeds=feeds, verdict=judged, report=page)


def write(aligned: Aligned, out: Path) -> list[Path]:
    """Puts the bars, the rejects and the report in three forms into a folder, and returns the files."""
    rejects = pa.concat_tables([found.rejects for found in aligned.feeds.values()])
    parquet.write(out / "bars_1m.parquet", aligned.bars)
    parquet.write(out / "rejects.parquet", rejects)
    storage.write_json(out / "calibration_report.json", aligned.report)
    storage.write_bytes(out / "calibration_report.md", markdown(aligned.report).encode())
    storage.write_bytes(out / "calibration_report.html", html(aligned.report).encode())
    return sorted(out.glob("calibration_report.*")) + sorted(out.glob("*.parquet"))


def _day(pair: Pair) -> dt.date:
    """The date that was given, or that the names of the files tell."""
    named = _DATE.search(pair.binance.name) or _DATE.search(str(pair.atas))
    text = pair.day or (named.group(1) if named else None)
    if text is None:
        raise ParameterError(
            f"no date in the names of {pair.binance.name} and {pair.atas}; give --date 2025-01-02"
        )
    try:
        return parse_day(text)
    except ValueError as error:
        raise ParameterError(f"--date: {error}; give a UTC date such as 2025-01-02") from None


def _symbol(pair: Pair) -> str:
    named = _SYMBOL.match(pair.binance.name)
    if pair.symbol or named:
        return pair.symbol or str(named and named.group(1))
    raise ParameterError(f"no symbol in the name of {pair.binance.name}; give --symbol BTCUSDT")


def _source(path: Path, vendor: str) -> str:
    """The feed whose format the file has."""
    with open_raw(RawPath(path, path.name, 0)) as raw:
        adapter = claimant(path.name, raw.head)
    if adapter is None or not adapter.sources[0].startswith(vendor):
        got = adapter.name if adapter else "no known format"
        raise SourceError(f"{path}: got {got}, wanted an export of {vendor}; name such a file")
    return "binance_1m" if vendor == "binance" else adapter.sources[0]
