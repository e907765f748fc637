"""Is a finished day still finished? One file read and a state asked for each file it depends on.

A stamp says: when all these names and files look as they did then, the whole deep comparison (`check.py`)
would say "fresh". It is written after that comparison said so, may be deleted at will, and is believed
only to save work: whatever differs, the comparison decides.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pipeline import layout, storage
from pipeline.clock import parse_day
from pipeline.freshness import graph, listing, receipt
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.freshness.listing import Listing
from pipeline.model.feeds import ATAS_FEEDS, BINANCE_FEEDS, FEEDS
from pipeline.settings.config import Kitchen, Symbol

FILE = ".stamp.json"

NOT_OF_THE_KITCHEN = frozenset(
    ("file", "governance", "symbols", "signing_key", "trusted_keys", "operations", "fetch")
)
"""Fields of the configuration that decide no result; the rules' files and each symbol count by themselves."""

NOT_OF_A_SYMBOL = frozenset(("since", "until"))
"""Fields of a symbol that decide no result of its own: they say on which days it is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What a stamp looks at: names that begin so, and files and folders by absolute path.

    `feeds` are the feeds of symbols and days whose names these are.
    """

    prefixes: list[str]
    paths: list[str]
    feeds: list[tuple[Symbol, str, dt.date]]

    def entry(self, seen: Listing) -> dict[str, Any]:
        """The form in which a stamp keeps it, with what there is to see now."""
        mark = seen.mark(self.prefixes, self.paths)
        return {"prefixes": self.prefixes, "paths": self.paths, "mark": mark}


def is_true(seen: Listing, entry: dict[str, Any]) -> bool:
    """Whether all that a stamp looks at is as it was."""
    return bool(seen.mark(entry["prefixes"], entry["paths"]) == entry["mark"])


def environment(kitchen: Kitchen, code: dict[str, str], libraries: dict[str, str]) -> str:
    """Everything but files that any result depends on: code, governance, settings, libraries, Python."""
    governance = sorted(kitchen.governance.iterdir())
    return storage.digest(
        [
            sys.version,
            code,
            libraries,
            {p.name: storage.file_digest(p) for p in governance if p.is_file()},
            _deciding(kitchen, NOT_OF_THE_KITCHEN),
        ]
    )


def of_symbol(symbol: Symbol) -> str:
    """A symbol's settings that decide results; from when to when it is expected does not."""
    return storage.digest(_deciding(symbol, NOT_OF_A_SYMBOL))


def _deciding(settings: Kitchen | Symbol, apart: frozenset[str]) -> dict[str, str]:
    """Every field but those: one that nobody thought of counts."""
    values = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name not in apart}
    return {
        name: repr(sorted(value.items()) if isinstance(value, dict) else value)
        for name, value in values.items()
    }


def read(path: Path) -> dict[str, Any] | None:
    """A stamp; None where there is none, or none that can be read."""
    try:
        with open(path, "rb", buffering=0) as file:  # hundreds are read for a range of days
            entry = json.loads(file.read())
    except (OSError, ValueError):
        return None
    return entry if isinstance(entry, dict) else None


def write(path: Path, entry: dict[str, Any]) -> None:
    """Puts a stamp; a folder that cannot be written, or a name that is no text, costs time alone."""
    with suppress(OSError, UnicodeError):
        storage.write_scratch(path, storage.canonical_json(entry))


def day_file(kitchen: Kitchen, day: dt.date) -> Path:
    """Where a day's stamp lies."""
    return kitchen.prepared / f"date={day.isoformat()}" / FILE


def month_file(kitchen: Kitchen, symbol: str, month: str) -> Path:
    """Where the stamp of a symbol's daily statistics of a month lies."""
    return kitchen.prepared / ".history" / symbol / f"{month}.json"


def day_witness(kitchen: Kitchen, seen: Listing, units: Iterable[Unit], day: dt.date) -> Witness:
    """What a day's units depend on: their outputs and receipts, their raw files, and names of more."""
    found: dict[str, None] = {}
    paths: dict[str, None] = {}
    for unit in units:
        paths.update(dict.fromkeys(_unit_paths(kitchen, unit)))
    feeds = [
        (symbol, feed, on)
        for symbol in graph.expected_symbols(kitchen, day)
        for feed, back in _feed_days(symbol)
        for on in _read_for(kitchen, symbol, feed, day + dt.timedelta(days=back))
    ]
    for symbol, feed, on in feeds:
        for prefix in listing.prefixes(kitchen, symbol, feed, on.isoformat()):
            found[prefix] = None
            paths.update(dict.fromkeys(listing.folders_in(seen, prefix)))
    return Witness(prefixes=list(found), paths=list(paths), feeds=feeds)


def _feed_days(symbol: Symbol) -> list[tuple[str, int]]:
    """The feeds whose files may count for a day, and on which days: an hour of ticks spills over."""
    feeds = [("binance_1m", 0), ("binance_1m", -1)]
    if symbol.atas != "none":
        feeds += [(feed, back) for feed in ATAS_FEEDS for back in (0, -1)]
        feeds += [(feed, back) for feed in ATAS_FEEDS if FEEDS[feed].spills for back in (1, -2)]
    return feeds


def _read_for(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> list[dt.date]:
    return [day, *layout.days_beside(kitchen, symbol, feed, day)]


def _unit_paths(kitchen: Kitchen, unit: Unit) -> list[str]:
    folder = graph.folder(kitchen, unit)
    names = [receipt.FILE, *unit.declared.outputs.values()]
    paths = [f"{folder}/{name}" for name in names]
    if unit.declared.grain == "feed":
        symbol = kitchen.symbol(str(unit.symbol))
        inputs = layout.input_files(kitchen, symbol, str(unit.source), unit.day)
        paths += [str(file.path) for file in inputs]
    return paths


def month_witness(
    kitchen: Kitchen, seen: Listing, symbol: Symbol, month: str, days: Iterable[dt.date]
) -> Witness:
    """What a month of daily statistics depends on: those files, the exchange's, and names of more.

    Of the tables that they are made of it looks at the folders alone, which show that a file was deleted
    or replaced; one that was damaged in its place is found when its own day is asked for.
    """
    found: dict[str, None] = {}
    paths: dict[str, None] = {}
    feeds = [(symbol, feed) for feed in BINANCE_FEEDS]
    feeds += [(other, "binance_1m") for other in graph.held_against(kitchen, symbol)]
    for day in days:
        unit = Unit("DailyStats", day, symbol.name)
        paths.update(dict.fromkeys(_unit_paths(kitchen, unit)))
        for edge in graph.edges(kitchen, unit):
            paths[str(graph.folder(kitchen, edge.unit))] = None
        for whose, feed in feeds:
            inputs = layout.input_files(kitchen, whose, feed, day)
            paths.update(dict.fromkeys(str(file.path) for file in inputs))
    dates = [parse_day(f"{month}-01") + dt.timedelta(days=n) for n in range(31)]
    dates = [on for on in dates if on.month == dates[0].month]
    own = [(whose, feed, on) for whose, feed in feeds for on in dates]
    own += [
        (whose, feed, on)
        for whose, feed in feeds
        for end in (dates[0], dates[-1])
        for on in layout.days_beside(kitchen, whose, feed, end)
        if on not in dates
    ]
    names = [(whose, feed, month) for whose, feed in feeds]
    names += [(whose, feed, on.isoformat()) for whose, feed, on in own if on not in dates]
    for whose, feed, named in names:
        for prefix in listing.prefixes(kitchen, whose, feed, named):
            found[prefix] = None
            paths.update(dict.fromkeys(listing.folders_in(seen, prefix)))
    return Witness(prefixes=list(found), paths=list(paths), feeds=own)


def can_vouch(freshness: Freshness, witness: Witness, units: Iterable[Unit]) -> bool:
    """Whether what was just looked at is what was compared, and no raw file is too young to be trusted.

    The comparison may be long ago in this run. To be asked after the look: what changes later differs from
    the stamp.
    """
    kitchen = freshness.kitchen
    return (
        is_at_rest(kitchen, witness)
        and all(_is_listed(kitchen, *feed) for feed in witness.feeds)
        and all(freshness.holds_still(unit) for unit in units)
    )


def _is_listed(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> bool:
    """Whether a feed's files of a day are there now if, and only if, the comparison knew of them."""
    there = bool(layout.raw_files(kitchen, symbol, feed, day))
    return there == (day in layout.raw_days(kitchen, symbol, feed))


def is_at_rest(kitchen: Kitchen, witness: Witness) -> bool:
    """Whether no raw file is so young that it could change again without its state showing it."""
    edge, raw = time.time_ns() - receipt.RACY_NS, f"{kitchen.raw}/"
    try:
        states = [os.stat(path) for path in witness.paths if path.startswith(raw)]
    except OSError:
        return False
    return all(max(state.st_mtime_ns, state.st_ctime_ns) < edge for state in states)


def has_oddities(seen: Listing, kitchen: Kitchen) -> bool:
    """Whether raw files lie where names alone do not tell their days; then stamps prove nothing."""
    return any(listing.has_undated(seen, symbol) for symbol in kitchen.symbols.values())
