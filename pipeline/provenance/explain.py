"""Where a published row came from, and where a raw line went.

Belongs here: the answers, put together from what the steps of a symbol's day left behind
(`prepared_day.py`) and the raw text itself (`raw_text.py`).
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.alignment.merge import NO_MINUTE
from pipeline.alignment.true_time import STAMPS
from pipeline.clock import MINUTE_US, day_of, day_open_us, iso
from pipeline.contracts import schema
from pipeline.contracts.ledger import LedgerEntry, to_json
from pipeline.errors import ParameterError
from pipeline.free_form import Json
from pipeline.model.feeds import FEEDS, TRADE_FEEDS
from pipeline.plain_text import few, meant
from pipeline.provenance import raw_text
from pipeline.provenance.prepared_day import Prepared, Rows, prepared
from pipeline.provenance.tape_minute import taken_as, told
from pipeline.provenance.trade_line import merged_trade
from pipeline.sources.text.lines import text_of

__all__ = ["Prepared", "explain_day", "explain_line", "explain_minute", "prepared"]

_HEAD_LINES = 20
"""The header is looked for among so many first lines."""

_MOST = 20
"""So many lines of a minute are shown with their text; all are numbered."""


def explain_day(given: Prepared) -> Json:
    """Every raw file of the day and what became of its lines; every line set aside."""
    files = [
        {"source": source, "path": e.path, **to_json(e.lines), "inferred": e.inferred}
        for source, ledger in given.ledgers.items()
        for e in ledger
    ]
    rejects = [
        row
        for table in given.rejects.values()
        for row in table.drop_columns(["symbol"]).to_pylist()
    ]
    return {**_names(given), "files": files, "rejects": rejects, "correction": _moves(given)}


def explain_minute(given: Prepared, minute: int) -> Json:
    """The row of a minute of the day (0..1439), its flags, and the raw lines that it was made of.

    `tape` is of days with an archive of the exchange's trades, see `tape_minute.told`. `files` numbers all
    lines, by file; `lines` has the first of each file with their text: `line` is the one whose prices stand,
    `merged` are the others of its bar.
    """
    opened = day_open_us(given.day) + minute * MINUTE_US
    row = _row(given, opened)
    flags = schema.load(given.kitchen.governance).flag_masks
    bits = int(row.get("qc_flags") or 0)
    files, lines = [], []
    for feed, parts in given.rows.items():
        for rows in parts:
            its_files, its_lines = _lines_of(given, feed, rows, opened)
            files += its_files
            lines += its_lines
    return {
        **_names(given),
        "minute_open": iso(opened),
        "row": {k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in row.items()},
        "flags": [name for name, mask in flags.items() if bits & mask],
        "correction": _moves(given),
        "tape": told(given, minute),
        "files": files,
        "lines": lines,
    }


def explain_line(given: Prepared, file: str, line: int) -> Json:
    """Where a raw line went: used (in which minute), merged (into which line), rejected (why), or left.

    Raises:
        ParameterError: no ledger of the day has the file, or the file has no such line.
    """
    for feed, ledger in given.ledgers.items():
        for number, entry in enumerate(ledger):
            if entry.path == file:
                text = given.raw.at(file, [line]).get(line)
                fate = _fate(given, feed, number, line, text)
                place = {"source": feed, "file": file, "line": line, "raw": raw_text.shown(text)}
                return {**_names(given), **place, **fate}
    beside = _from_beside(given, file, line)
    if beside is not None:
        return {**_names(given), **beside}
    known = [entry.path for ledger in given.ledgers.values() for entry in ledger]
    raise ParameterError(
        f"{file}: no input of {given.symbol} on {given.day}; it has {few(known)} (all: kitchen"
        f" explain {given.day} {given.symbol}){meant(file, known)}"
    )


def _from_beside(given: Prepared, file: str, line: int) -> Json | None:
    """A line of a neighbour day's file that the calibration moved into this day."""
    for feed, (_, *parts) in given.rows.items():
        for rows in parts:
            for at, row in enumerate(rows.table.to_pylist()):
                if row["line"] == line and rows.path(row) == file:
                    text = given.raw.at(file, [line]).get(line)
                    place = {"source": feed, "file": file, "line": line}
                    fate = _standing(given, feed, rows, at)
                    return {**place, "raw": raw_text.shown(text), **fate}
    return None


def _names(given: Prepared) -> Json:
    return {"symbol": given.symbol, "date": given.day.isoformat()}


def _moves(given: Prepared) -> Json:
    """Feed -> by how many minutes its stamps were moved, run by run where they differ."""
    names = ("status", "offset_minutes", "offsets", "skew_us")
    feeds = {feed: to_json(entry) for feed, entry in given.correction.feeds.items()}
    return {feed: {k: entry[k] for k in names if k in entry} for feed, entry in feeds.items()}


def _row(given: Prepared, opened: int) -> Json:
    if given.bars is None or not given.bars.num_rows:
        return {}
    at = pc.equal(given.bars["minute_open"].cast(pa.int64()), opened)
    rows = given.bars.filter(at).to_pylist()
    return dict(rows[0]) if rows else {}


def _lines_of(given: Prepared, feed: str, rows: Rows, opened: int) -> tuple[list[Json], list[Json]]:
    """The files with lines of a minute, every number; and the first lines of each with their text."""
    files: list[Json] = []
    lines: list[Json] = []
    found = rows.table.filter(pa.array(rows.minutes == opened)).to_pylist()
    for path in dict.fromkeys(rows.path(row) for row in found):
        mine = [row for row in found if rows.path(row) == path]
        bars = {row["line"]: _bar_lines(given, feed, rows, row) for row in mine[:_MOST]}
        numbers = {row["line"] for row in mine} | {n for bar in bars.values() for n in bar}
        text = given.raw.at(path, bars)
        files.append(
            {"source": feed, "file": path, "count": len(numbers), "lines": raw_text.ranges(numbers)}
        )
        lines += [
            {
                "source": feed,
                "file": path,
                "line": row["line"],
                "merged": [n for n in bars[row["line"]] if n != row["line"]],
                "lines_merged": row.get("lines", 1),
                "more": max(len(mine) - _MOST, 0),
                "raw": raw_text.shown(text.get(row["line"])),
            }
            for row in mine[:_MOST]
        ]
    return files, lines


def _bar_lines(given: Prepared, feed: str, rows: Rows, row: Json) -> list[int]:
    """The lines that became one bar of an export: its own, and those around it with the same stamp."""
    if row.get("lines", 1) < 2 or STAMPS.get(feed, "stamp") != "stamp":
        return [row["line"]]
    path, stamp = rows.path(row), round(row["stamp"].timestamp() * 1_000_000)
    aside = _aside(given, feed, path)
    kept = sorted(rows.table.filter(pc.equal(rows.table["file"], row["file"]))["line"].to_pylist())
    before = max((n for n in kept if n < row["line"]), default=0)
    after = min(
        (n for n in kept if n > row["line"]), default=row["line"] + row["lines"] + len(aside)
    )
    text = given.raw.between(path, before + 1, max(after - 1, row["line"]))
    same = {n for n, line in text.items() if raw_text.stamp_of(line) == stamp}
    return sorted((same - aside.keys()) | {row["line"]})


def _aside(given: Prepared, feed: str, path: str) -> dict[int, Json]:
    """Line -> reject, of a file; 0 is the file as a whole."""
    table = given.rejects.get(feed)
    rows = [] if table is None else table.filter(pc.equal(table["file"], path)).to_pylist()
    return {row["line"]: row for row in rows}


def _fate(given: Prepared, feed: str, number: int, line: int, text: bytes | None) -> Json:
    entry = given.ledgers[feed][number]
    aside = _aside(given, feed, entry.path)
    if line in aside or 0 in aside:
        row = aside.get(line) or aside[0]
        whole = {} if line in aside else {"whole_file": True}
        return {"fate": "rejected", "code": row["code"], "why": row["reason"], **whole}
    rows = given.rows[feed][0]
    files, lines = rows.table["file"].to_numpy(), rows.table["line"].to_numpy()
    used = np.flatnonzero((files == number) & (lines == line))
    if used.size:
        return _standing(given, feed, rows, int(used[0]))
    if text is None or entry.path.endswith(".parquet"):
        return _without_row(entry, line)
    if not text_of(text).strip():
        return {"fate": "left", "why": "blank"}
    copy = entry.notes.get("same_text_as")
    if copy:
        return {"fate": "merged", "into": f"{copy}:{line}", "why": "a copy of that file"}
    if feed in TRADE_FEEDS:
        return merged_trade(given, feed, entry, text)
    return _merged(given, feed, number, line, text)


def _without_row(entry: LedgerEntry, line: int) -> Json:
    """A row of Parquet that is none of its own; or a line of a file that is gone, or none at all."""
    rows = entry.lines.read + entry.other_days + entry.other_symbols
    if entry.path.endswith(".parquet") and 0 < line <= rows:
        return {
            "fate": "merged" if entry.lines.merged else "left",
            "why": "not a row of its own",
        }
    raise ParameterError(
        f"{entry.path}:{line}: no such line; wanted a number from 1 of a file that is still there"
    )


def _standing(given: Prepared, feed: str, rows: Rows, at: int) -> Json:
    """The minute of a row, and what its line does not give although it was used; or that it has none."""
    opened = int(rows.minutes[at])
    if opened == NO_MINUTE:
        return {"fate": "left", "why": "in true time its stamp is in no minute"}
    facts: Json = {"fate": "used", "minute_open": rows.minute(at)}
    found, chosen = given.found(feed), given.correction.feed
    if day_of(opened) != given.day:
        facts["why"] = f"of {day_of(opened)}, whose day reads it from here where it needs it"
    elif FEEDS[feed].vendor == "atas" and found is not None and not found.stands:
        facts["why"] = "the calibration set this feed aside: its columns are null"
    elif FEEDS[feed].vendor == "atas" and chosen not in (None, feed):
        facts["why"] = (
            f"atas_open to atas_volume are those of {chosen}, this feed may fill other columns of ATAS; the"
            f" row: kitchen explain {given.day} {given.symbol} --minute {iso(opened)[11:16]}"
        )
    elif feed in TRADE_FEEDS:
        facts |= taken_as(given, rows, at)
    return facts


def _merged(given: Prepared, feed: str, number: int, line: int, text: bytes) -> Json:
    """The row that a line became part of, of those with its stamp; or why there is none."""
    rows = given.rows[feed][0]
    entry = rows.ledger[number]
    stamps = rows.table[STAMPS.get(feed, "stamp")].cast(pa.int64()).to_numpy()
    if feed == "binance_1m":
        first = given.raw.at(entry.path, range(1, _HEAD_LINES))
        vendor = given.kitchen.symbols[given.symbol].vendor_symbol
        stamp = raw_text.bar_in(text, line, entry, first, vendor)
    else:
        found, trade = raw_text.trade_of(text)
        stamp = raw_text.NO_ROW if found is None else found
    if isinstance(stamp, str):
        return {"fate": "left", "why": stamp}
    same = stamps == stamp
    if feed == "atas_ticks":
        ids = np.array(rows.table["trade_id"].to_pylist(), dtype=object)
        same &= ids == trade
    into = np.flatnonzero(same)
    if not into.size:
        return {"fate": "left", "why": f"of {day_of(stamp)}, which reads it from here"}
    place = _nearest(rows, into, number, line)
    row = rows.table.slice(place, 1).to_pylist()[0]
    return {
        "fate": "merged",
        "into": f"{rows.path(row)}:{row['line']}",
        "minute_open": rows.minute(place),
    }


def _nearest(rows: Rows, into: np.ndarray, number: int, line: int) -> int:
    """Of rows with one stamp, the one whose run has the line: of the same file, the next; else the last."""
    files, lines = rows.table["file"].to_numpy(), rows.table["line"].to_numpy()
    mine = [int(at) for at in into if files[at] == number]
    return min(mine, key=lambda at: (abs(lines[at] - line), -lines[at])) if mine else int(into[-1])
