"""Is a finished day still finished? One file read and a state asked for each file it depends on.

A stamp says: when all these names and files look as they did then, the whole deep comparison (`check.py`)
would say "fresh". It is written after that comparison said so, may be deleted at will, and is believed
only to save work: whatever differs, the comparison decides.
"""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypeVar

from pipeline import arrivals, layout, storage
from pipeline.freshness import graph, listing, receipt
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.freshness.listing import Listing
from pipeline.model.feeds import ATAS_FEEDS, FEEDS, MACRO_FEEDS, TRADE_FEEDS
from pipeline.settings.config import Kitchen, Symbol

FILE = ".stamp.json"

NOT_OF_THE_KITCHEN = frozenset(
    (
        *("file", "governance", "symbols", "signing_key", "trusted_keys"),
        *("operations", "fetch", "workers", "adopts", "delta"),
    )
)
"""Fields of the configuration that decide no result; the rules' files and each symbol count by themselves."""

NOT_OF_A_SYMBOL = frozenset(("since", "until"))
"""Fields of a symbol that decide no result of its own: they say on which days it is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What every stamp says: what it looks at, what that looked like, and what else results depended on.

    Args:
        prefixes: Names that begin so, below the raw folder.
        paths: Files and folders, absolute.
        mark: See `Listing.mark`.
        environment: See `Basis.of`.
    """

    prefixes: list[str]
    paths: list[str]
    mark: int
    environment: list[str]

    def is_true(self, seen: Listing) -> bool:
        """Whether all that it looks at is as it was."""
        return seen.mark(self.prefixes, self.paths) == self.mark


Kind = TypeVar("Kind", bound=Stamp)


def read(path: Path, kind: type[Kind]) -> Kind | None:
    """A stamp; None where there is none, or not as it was written."""
    try:
        with open(path, "rb", buffering=0) as file:  # hundreds are read for a range of days
            said, _, seal = file.read().rpartition(b"\n")
        return kind(**json.loads(said)) if seal == _seal(said) else None
    except (OSError, ValueError, TypeError):
        return None


def write(path: Path, stamp: Stamp) -> None:
    """Puts a stamp; a folder that cannot be written, or a name that is no text, costs time alone."""
    with suppress(OSError, UnicodeError):
        said = storage.canonical_json(asdict(stamp)).rstrip(b"\n")
        storage.write_scratch(path, said + b"\n" + _seal(said))


def _seal(said: bytes) -> bytes:
    """The digest of what a stamp says, which is its last line."""
    return hashlib.sha256(said).hexdigest().encode()


class Basis:
    """Everything but files that results depend on, as digests; read once."""

    def __init__(self, kitchen: Kitchen, code: dict[str, str], libraries: dict[str, str]) -> None:
        """Of code, governance, settings, libraries and Python as they are now."""
        self._common = storage.digest(
            [
                sys.version,
                code,
                libraries,
                rules_digests(kitchen),
                _deciding(kitchen, NOT_OF_THE_KITCHEN),
            ]
        )
        self._symbols = {
            symbol.name: storage.digest(_deciding(symbol, NOT_OF_A_SYMBOL))
            for symbol in kitchen.symbols.values()
        }

    def of(self, symbols: Iterable[Symbol]) -> list[str]:
        """Of results of these symbols: from when to when one is expected does not count."""
        return [self._common, *(self._symbols[symbol.name] for symbol in symbols)]


def rules_digests(kitchen: Kitchen) -> dict[str, str]:
    """Every file of the governance folder by its name -> SHA-256."""
    files = sorted(kitchen.governance.iterdir())
    return {path.name: storage.file_digest(path) for path in files if path.is_file()}


def settings_of(kitchen: Kitchen) -> list[dict[str, str]]:
    """Every setting that decides results: those of the kitchen, then of each symbol."""
    symbols = [_deciding(symbol, NOT_OF_A_SYMBOL) for symbol in kitchen.symbols.values()]
    return [_deciding(kitchen, NOT_OF_THE_KITCHEN), *symbols]


def _deciding(settings: Kitchen | Symbol, apart: frozenset[str]) -> dict[str, str]:
    """Every field but those: one that nobody thought of counts."""
    values = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name not in apart}
    return {
        name: repr(sorted(value.items()) if isinstance(value, dict) else value)
        for name, value in values.items()
    }


def day_file(kitchen: Kitchen, day: dt.date) -> Path:
    """Where a day's stamp lies."""
    return kitchen.prepared / f"date={day.isoformat()}" / FILE


def month_file(kitchen: Kitchen, symbol: Symbol, month: dt.date) -> Path:
    """Where the stamp of a symbol's daily statistics of a month lies."""
    return kitchen.prepared / ".history" / symbol.name / f"{month.isoformat()[:7]}.json"


Feed = tuple[Symbol, str, dt.date]
"""A feed of a symbol and day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What a stamp is to look at, and the feeds whose names these are."""

    prefixes: list[str]
    paths: list[str]
    feeds: list[Feed]


def day_dependencies(
    kitchen: Kitchen, seen: Listing, units: Iterable[Unit], day: dt.date, more: Iterable[str] = ()
) -> Dependencies:
    """What a day's units depend on: outputs and receipts, raw files, names of others; and more paths.

    Of neighbour days' units it does not look at receipts, which other steps of those days share: a file that
    is as it was has the content that it had. The same holds for a month of daily statistics.
    """
    units = list(units)
    paths = [path for unit in units for path in _unit_paths(kitchen, unit)]
    own = dict.fromkeys(graph.folder(kitchen, unit) for unit in units if unit.day == day)
    paths += [str(folder / receipt.FILE) for folder in own]
    feeds = [
        (symbol, feed, on)
        for symbol in arrivals.expected_symbols(kitchen, day)
        for feed, back in _feed_days(symbol)
        for base in (day + dt.timedelta(days=back),)
        for on in (base, *layout.days_beside(symbol, feed, base))
    ]
    named = [(symbol, feed, on.isoformat()) for symbol, feed, on in feeds]
    return _dependencies(kitchen, seen, [*paths, *more], feeds, named)


def month_dependencies(
    kitchen: Kitchen, seen: Listing, symbol: Symbol, month: dt.date, days: Iterable[dt.date]
) -> Dependencies:
    """What a month of daily statistics depends on: those files, the exchange's, and names of more.

    Args:
        kitchen: The configuration.
        seen: How the files look.
        symbol: Whose statistics.
        month: Its first day.
        days: Those of its days that have statistics.
    """
    whose = [(symbol, feed) for feed in MACRO_FEEDS]
    whose += [(other, "binance_1m") for other in kitchen.held_against(symbol)]
    paths: list[str] = []
    for day in days:
        unit = Unit("DailyStats", day, symbol.name)
        units = [unit, *(edge.unit for edge in graph.edges(kitchen, unit))]
        paths += [str(graph.file(kitchen, each)) for each in units]
        for feed in whose:
            paths += [str(file.path) for file in layout.input_files(kitchen, *feed, day)]
    dates = [month + dt.timedelta(days=n) for n in range(days_in(month))]
    beside = [
        (*feed, on)
        for feed in whose
        for end in (dates[0], dates[-1])
        for on in layout.days_beside(*feed, end)
        if on not in dates
    ]
    own = [(*feed, on) for feed in whose for on in dates]
    named = [(*feed, month.isoformat()[:7]) for feed in whose]
    named += [(other, feed, on.isoformat()) for other, feed, on in beside]
    return _dependencies(kitchen, seen, paths, [*own, *beside], named)


def days_in(month: dt.date) -> int:
    """How many days the date's month has."""
    return calendar.monthrange(month.year, month.month)[1]


def _dependencies(
    kitchen: Kitchen,
    seen: Listing,
    paths: Iterable[str],
    feeds: list[Feed],
    named: Iterable[tuple[Symbol, str, str]],
) -> Dependencies:
    """With the names of feeds of a day or a month, and the folders below such names."""
    prefixes = list(dict.fromkeys(p for each in named for p in listing.prefixes(kitchen, *each)))
    folders = (folder for prefix in prefixes for folder in listing.folders_in(seen, prefix))
    return Dependencies(
        prefixes=prefixes, paths=list(dict.fromkeys([*paths, *folders])), feeds=feeds
    )


def _feed_days(symbol: Symbol) -> list[tuple[str, int]]:
    """The feeds whose files may count for a day, and on which days: an hour of ticks spills over."""
    feeds = [(feed, back) for feed in ("binance_1m", *TRADE_FEEDS) for back in (0, -1)]
    if symbol.atas != "none":
        feeds += [(feed, back) for feed in ATAS_FEEDS for back in (0, -1)]
        feeds += [(feed, back) for feed in ATAS_FEEDS if FEEDS[feed].spills for back in (1, -2)]
    return feeds


def _unit_paths(kitchen: Kitchen, unit: Unit) -> list[str]:
    paths = [str(graph.file(kitchen, unit))] if unit.declared.outputs else []
    if unit.declared.grain == "feed":
        symbol = kitchen.symbol(str(unit.symbol))
        inputs = layout.input_files(kitchen, symbol, str(unit.source), unit.day)
        paths += [str(file.path) for file in inputs]
    return paths


def is_stable(freshness: Freshness, depends_on: Dependencies, units: Iterable[Unit]) -> bool:
    """Whether what was just looked at is what was compared, and no raw file is too young to be trusted.

    The comparison may be long ago in this run. To be asked after the look: what changes later differs from
    the stamp.
    """
    kitchen = freshness.kitchen
    return (
        _is_at_rest(kitchen, depends_on.paths)
        and all(_is_listed(kitchen, *feed) for feed in depends_on.feeds)
        and all(freshness.holds_still(unit) for unit in units)
    )


def _is_listed(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> bool:
    """Whether a feed's files of a day are there now if, and only if, the comparison knew of them."""
    there = bool(layout.raw_files(kitchen, symbol, feed, day))
    return there == (day in layout.raw_days(kitchen, symbol, feed))


def _is_at_rest(kitchen: Kitchen, paths: Iterable[str]) -> bool:
    """Whether no raw file is so young that it could change again without its state showing it."""
    edge, raw = time.time_ns() - receipt.RACY_NS, f"{kitchen.raw}/"
    try:
        states = [os.stat(path) for path in paths if path.startswith(raw)]
    except OSError:
        return False
    return all(max(state.st_mtime_ns, state.st_ctime_ns) < edge for state in states)
