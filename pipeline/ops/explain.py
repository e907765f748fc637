"""Where a published row came from, and where a raw line went.

Belongs here: putting together what the steps of a symbol's day left behind: clean tables, ledgers, rejects,
the correction, the aligned row. Nothing is computed anew.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import parquet, storage
from pipeline.clock import MINUTE_US, day_open_us, epoch_us, iso, parse_instant
from pipeline.config import Kitchen
from pipeline.contracts import schema
from pipeline.errors import ParameterError, SourceError
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.layout import RawPath
from pipeline.sources.lines import Seen, read_lines
from pipeline.sources.rawfile import open_raw

_STAMPS = {"binance_1m": "minute_open", "atas_ticks": "ts"}
_ISO = re.compile(rb'"(?:ts|timestamp_utc|timestamp)"\s*:\s*"([^"]{10,40})"')
_EPOCH = re.compile(rb"[0-9]{10,19}")
_QUOTE_BYTES = 400
_MOST = 20
"""So many lines of a minute are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is prepared of a symbol's day: feed -> clean table, ledger, rejects; offsets by feed in us."""

    kitchen: Kitchen
    symbol: str
    day: dt.date
    tables: dict[str, pa.Table]
    ledgers: dict[str, list[dict[str, Any]]]
    rejects: dict[str, pa.Table]
    correction: dict[str, Any]
    bars: pa.Table | None


def prepared(kitchen: Kitchen, symbol: str, day: dt.date) -> Prepared:
    """Reads it.

    Raises:
        ParameterError: the symbol is not configured, or nothing of the day was built.
    """
    kitchen.symbol(symbol)
    unit = Unit("Verdict", day, symbol)
    feeds = [e.unit for e in graph.edges(kitchen, unit) if e.output == "ledger"]
    built = [u for u in feeds if graph.output_path(kitchen, u, "clean").exists()]
    if not built:
        raise ParameterError(
            f"{symbol} {day}: nothing of it is built in {kitchen.prepared}; run"
            f" luigi --module pipeline Snapshot --date {day}"
        )
    bars = graph.output_path(kitchen, Unit("AlignedBars", day, symbol), "bars_1m")
    correction = graph.output_path(kitchen, Unit("Calibration", day, symbol), "correction")

    def table(unit: Unit, output: str) -> pa.Table:
        return parquet.read(graph.output_path(kitchen, unit, output))

    return Prepared(
        kitchen=kitchen,
        symbol=symbol,
        day=day,
        tables={str(u.source): table(u, "clean") for u in built},
        ledgers={
            str(u.source): storage.read_json(graph.output_path(kitchen, u, "ledger")) for u in built
        },
        rejects={str(u.source): table(u, "rejects") for u in built},
        correction=storage.read_json(correction) if correction.exists() else {},
        bars=parquet.read(bars) if bars.exists() else None,
    )


def explain_day(given: Prepared) -> dict[str, Any]:
    """Every raw file of the day and what became of its lines; every line set aside."""
    files = [
        {"source": source, "path": e["path"], **e["lines"], "inferred": e.get("inferred") or {}}
        for source, ledger in given.ledgers.items()
        for e in ledger
    ]
    rejects = [
        row
        for table in given.rejects.values()
        for row in table.drop_columns(["symbol"]).to_pylist()
    ]
    return {**_names(given), "files": files, "rejects": rejects, "correction": _moves(given)}


def explain_minute(given: Prepared, minute: int) -> dict[str, Any]:
    """The row of a minute of the day (0..1439), its flags, and the raw lines that it was made of."""
    opened = day_open_us(given.day) + minute * MINUTE_US
    row = _row(given, opened)
    flags = schema.flag_masks(given.kitchen.governance)
    bits = int(row.get("qc_flags") or 0)
    return {
        **_names(given),
        "minute_open": iso(opened),
        "row": {k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in row.items()},
        "flags": [name for name, mask in flags.items() if bits & mask],
        "correction": _moves(given),
        "lines": [line for feed in given.tables for line in _lines_of(given, feed, opened)],
    }


def explain_line(given: Prepared, file: str, line: int) -> dict[str, Any]:
    """Where a raw line went: used (in which minute), merged (into which line), rejected (why), or left.

    Raises:
        ParameterError: no ledger of the day has the file.
    """
    for feed, ledger in given.ledgers.items():
        for number, entry in enumerate(ledger):
            if entry["path"] == file:
                fate = _fate(given, feed, number, line)
                raw = _raw_line(given.kitchen, file, line)
                return {
                    **_names(given),
                    "source": feed,
                    "file": file,
                    "line": line,
                    "raw": raw,
                    **fate,
                }
    known = ", ".join(entry["path"] for ledger in given.ledgers.values() for entry in ledger)
    raise ParameterError(f"{file}: no input of {given.symbol} on {given.day}; it has {known}")


def _names(given: Prepared) -> dict[str, Any]:
    return {"symbol": given.symbol, "date": given.day.isoformat()}


def _moves(given: Prepared) -> dict[str, Any]:
    """Feed -> by how many minutes its stamps were moved, run by run where they differ."""
    feeds = given.correction.get("feeds") or {}
    names = ("status", "offset_minutes", "offsets", "skew_us")
    return {feed: {k: entry[k] for k in names if k in entry} for feed, entry in feeds.items()}


def _row(given: Prepared, opened: int) -> dict[str, Any]:
    if given.bars is None or not given.bars.num_rows:
        return {}
    at = pc.equal(given.bars["minute_open"].cast(pa.int64()), opened)
    rows = given.bars.filter(at).to_pylist()
    return dict(rows[0]) if rows else {}


def _true_minutes(given: Prepared, feed: str, table: pa.Table) -> np.ndarray:
    """The minute of each row of a clean table, in us, moved as the calibration of the day found."""
    stamps: np.ndarray = table[_STAMPS.get(feed, "stamp")].cast(pa.int64()).to_numpy()
    entry = (given.correction.get("feeds") or {}).get(feed) or {}
    offset = int(entry.get("offset_minutes") or 0)
    by_run = entry.get("offsets") or {}
    if by_run and "run" in table.column_names:
        moves = [int(by_run.get(str(run), offset)) for run in table["run"].to_pylist()]
    else:
        moves = [offset] * table.num_rows
    true = stamps + np.array(moves, dtype=np.int64) * MINUTE_US - int(entry.get("skew_us") or 0)
    return true // MINUTE_US * MINUTE_US


def _lines_of(given: Prepared, feed: str, opened: int) -> list[dict[str, Any]]:
    """The lines of a minute, in the day's own files and, of stamps that are off, in its neighbours'."""
    found = []
    for table, ledger in [(given.tables[feed], given.ledgers[feed]), *_beside(given, feed)]:
        rows = table.filter(pa.array(_true_minutes(given, feed, table) == opened))
        for row in rows.slice(0, _MOST).to_pylist():
            path = ledger[row["file"]]["path"]
            found.append(
                {
                    "source": feed,
                    "file": path,
                    "line": row["line"],
                    "lines_merged": row.get("lines", 1),
                    "more": max(rows.num_rows - _MOST, 0),
                    "raw": _raw_line(given.kitchen, path, row["line"]),
                }
            )
    return found


def _beside(given: Prepared, feed: str) -> Iterator[tuple[pa.Table, list[dict[str, Any]]]]:
    if not feed.startswith("atas"):
        return
    for days in (-1, 1):
        unit = Unit("CleanFeed", given.day + dt.timedelta(days=days), given.symbol, feed)
        clean, ledger = (graph.output_path(given.kitchen, unit, o) for o in ("clean", "ledger"))
        if clean.exists() and ledger.exists():
            yield parquet.read(clean), storage.read_json(ledger)


def _fate(given: Prepared, feed: str, number: int, line: int) -> dict[str, Any]:
    rejects = given.rejects[feed].to_pylist()
    path = given.ledgers[feed][number]["path"]
    for row in rejects:
        if row["file"] == path and row["line"] == line:
            return {"fate": "rejected", "code": row["code"], "why": row["reason"]}
    table = given.tables[feed]
    files, lines = table["file"].to_numpy(), table["line"].to_numpy()
    minutes = _true_minutes(given, feed, table)
    used = np.flatnonzero((files == number) & (lines == line))
    if used.size:
        return {"fate": "used", "minute_open": iso(int(minutes[used[0]]))}
    stamp = _stamp(_raw_line(given.kitchen, path, line))
    stamps = table[_STAMPS.get(feed, "stamp")].cast(pa.int64()).to_numpy()
    into = np.flatnonzero(stamps == stamp) if stamp is not None else np.array([], dtype=np.int64)
    if not into.size:
        return {"fate": "left", "why": "blank, a header, or a row of another day"}
    kept = int(into[-1])
    return {
        "fate": "merged",
        "into": f"{given.ledgers[feed][int(files[kept])]['path']}:{int(lines[kept])}",
        "minute_open": iso(int(minutes[kept])),
    }


def _stamp(raw: str | None) -> int | None:
    text = (raw or "").encode()
    try:
        stamp = _ISO.search(text)
        if stamp:
            return parse_instant(stamp[1].decode())[0]
        number = _EPOCH.search(text)
        return epoch_us(int(number[0])) if number else None
    except ValueError:
        return None


def _raw_line(kitchen: Kitchen, name: str, line: int) -> str | None:
    """The line's text, cut; None where the file is gone, is no text, or has no such line."""
    if name.endswith(".parquet") or line < 1:
        return None
    try:
        with open_raw(RawPath(kitchen.raw / name, name, 0), kitchen.limits) as file:
            for block in read_lines(name, file.blocks(), Seen()):
                if line in block.numbers:
                    text = block.lines[line - block.number].rstrip(b"\r")
                    return text[:_QUOTE_BYTES].decode("utf-8", "backslashreplace")
    except SourceError:
        return None
    return None
