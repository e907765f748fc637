"""Is a finished day still finished? One file read and a state asked for each file it depends on.

A stamp says: when all these names and files look as they did then, the whole deep comparison (`check.py`)
would say "fresh". It is written after that comparison said so, may be deleted at will, and is believed
only to save work: whatever differs, the comparison decides.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import layout, storage
from pipeline.config import ATAS_FEEDS, Kitchen, Symbol
from pipeline.freshness import graph, listing, receipt
from pipeline.freshness.graph import Unit
from pipeline.freshness.listing import Listing, Prefix

FILE = ".stamp.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What a stamp looks at: names that begin so, and files and folders by absolute path."""

    prefixes: list[Prefix]
    paths: list[str]

    @classmethod
    def of(cls, kitchen: Kitchen, entry: dict[str, Any]) -> Witness:
        """The witness in a stamp."""
        roots = [f"{root}/" for root in _roots(kitchen)]
        return cls(
            prefixes=[(folder, start) for folder, start in entry["names"]],
            paths=[
                root + name
                for root, names in zip(roots, entry["files"], strict=True)
                for name in names
            ],
        )

    def entry(self, kitchen: Kitchen) -> dict[str, Any]:
        """The form in which a stamp keeps it: paths below each folder of the configuration."""
        files = [
            [path[len(root) + 1 :] for path in self.paths if path.startswith(f"{root}/")]
            for root in _roots(kitchen)
        ]
        return {"names": self.prefixes, "files": files}


def _roots(kitchen: Kitchen) -> list[str]:
    return [str(kitchen.raw), str(kitchen.prepared), str(kitchen.snapshots)]


def environment(kitchen: Kitchen, code: dict[str, str], libraries: dict[str, str]) -> str:
    """Everything but files that any result depends on: code, governance, settings, libraries, Python."""
    governance = sorted(kitchen.governance.iterdir())
    return storage.digest(
        [
            sys.version,
            code,
            libraries,
            {p.name: storage.file_digest(p) for p in governance if p.is_file()},
            [kitchen.latency_seconds, kitchen.prefer_atas, kitchen.prefer_delta],
            kitchen.prefer_fields,
            [kitchen.simulated, kitchen.sources, repr(kitchen.limits)],
            [str(kitchen.raw), str(kitchen.prepared)],
        ]
    )


def of_symbol(symbol: Symbol) -> str:
    """A symbol's settings that decide results; from when to when it is expected does not."""
    return hashlib.sha256(
        repr(
            [
                symbol.name,
                symbol.market,
                symbol.vendor_symbol,
                symbol.atas_symbol,
                symbol.atas,
                symbol.basis_against,
                sorted(symbol.sources.items()),
            ]
        ).encode()
    ).hexdigest()


def read(path: Path) -> dict[str, Any] | None:
    """A stamp; None where there is none, or none that can be read."""
    try:
        entry = storage.read_json(path)
    except (OSError, ValueError):
        return None
    return entry if isinstance(entry, dict) else None


def write(path: Path, entry: dict[str, Any]) -> None:
    """Puts a stamp; a folder that cannot be written costs time and nothing else."""
    with suppress(OSError):
        storage.write_scratch(path, storage.canonical_json(entry))


def day_file(kitchen: Kitchen, day: dt.date) -> Path:
    """Where a day's stamp lies."""
    return kitchen.prepared / f"date={day.isoformat()}" / FILE


def month_file(kitchen: Kitchen, symbol: str, month: str) -> Path:
    """Where the stamp of a symbol's daily statistics of a month lies."""
    return kitchen.prepared / ".history" / symbol / f"{month}.json"


def day_witness(kitchen: Kitchen, seen: Listing, units: Iterable[Unit], day: dt.date) -> Witness:
    """What a day's units depend on: their outputs and receipts, their raw files, and names of more."""
    found: dict[Prefix, None] = {}
    paths: dict[str, None] = {}
    for unit in units:
        paths.update(dict.fromkeys(_unit_paths(kitchen, unit)))
    for symbol in graph.expected_symbols(kitchen, day):
        for feed, back in _feed_days(symbol):
            on = (day + dt.timedelta(days=back)).isoformat()
            for prefix in listing.prefixes(kitchen, symbol, feed, on):
                found[prefix] = None
                paths.update(dict.fromkeys(listing.folders_in(seen, prefix)))
    return Witness(prefixes=list(found), paths=list(paths))


def _feed_days(symbol: Symbol) -> list[tuple[str, int]]:
    """The feeds whose files may count for a day, and on which days: an hour of ticks spills over."""
    feeds = [("binance_1m", 0), ("binance_1m", -1)]
    if symbol.atas != "none":
        feeds += [(feed, back) for feed in ATAS_FEEDS for back in (0, -1)]
        feeds += [("atas_ticks", back) for back in (1, -2)]
    return feeds


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
    found: dict[Prefix, None] = {}
    paths: dict[str, None] = {}
    feeds = [(symbol, "binance_1m"), (symbol, "binance_1d")]
    feeds += [(other, "binance_1m") for other in graph.held_against(kitchen, symbol)]
    for day in days:
        unit = Unit("DailyStats", day, symbol.name)
        paths.update(dict.fromkeys(_unit_paths(kitchen, unit)))
        for edge in graph.edges(kitchen, unit):
            paths[str(graph.folder(kitchen, edge.unit))] = None
        for whose, feed in feeds:
            inputs = layout.input_files(kitchen, whose, feed, day)
            paths.update(dict.fromkeys(str(file.path) for file in inputs))
    for whose, feed in feeds:
        for prefix in listing.prefixes(kitchen, whose, feed, month):
            found[prefix] = None
            paths.update(dict.fromkeys(listing.folders_in(seen, prefix)))
    return Witness(prefixes=list(found), paths=list(paths))


def is_at_rest(seen: Listing, witness: Witness) -> bool:
    """Whether no raw file is so young that it could change again without its state showing it."""
    edge = time.time_ns() - receipt.RACY_NS
    states = (seen.state(path) for path in witness.paths if path.startswith(seen.raw))
    return all(state is not None and max(state[1], state[3]) < edge for state in states)


def has_oddities(seen: Listing, kitchen: Kitchen) -> bool:
    """Whether raw files lie where names alone do not tell their days; then stamps prove nothing."""
    return any(listing.has_undated(seen, symbol) for symbol in kitchen.symbols.values())
