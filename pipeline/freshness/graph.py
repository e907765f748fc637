"""The declared graph made concrete: which unit reads which outputs of which other units.

`stages.py` says what a step needs in general; this module says it for one symbol and day, looking only
at what has arrived. It opens no file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import arrivals, layout
from pipeline.model.feeds import ATAS_FEEDS, TRADE_FEEDS
from pipeline.model.raw_names import RawPath
from pipeline.packs import Stored
from pipeline.settings.config import Kitchen, Symbol
from pipeline.stages import STAGES, Need, Stage


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """One piece of work: a step for a date, and a symbol and feed where the step's grain has them."""

    stage: str
    day: dt.date
    symbol: str | None = None
    source: str | None = None

    @property
    def declared(self) -> Stage:
        """What `stages.py` says of the step."""
        return STAGES[self.stage]

    @property
    def name(self) -> str:
        """Its name among the units of its symbol and day: of its file, and in their receipts."""
        return self.stage if self.source is None else f"{self.stage}.{self.source}"

    def __str__(self) -> str:
        parts = [self.stage, self.day.isoformat(), self.symbol, self.source]
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One input of a unit: an output of another, which is built within this one where `inline`.

    Of an input that is `beside`, another day's, only the slice counts that tells of the unit's own day.
    """

    unit: Unit
    output: str
    place: Stored
    inline: bool = False
    beside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A unit, and what configuration and raw folder make of it at one look.

    Whoever compares or builds the unit goes by one node: what comes into the raw folder meanwhile counts
    from the next look on.

    Attributes:
        unit: The unit itself.
        symbols: Its symbol, as configured, or those expected on its date.
        folder: Where its file and its receipt lie.
        edges: Its inputs, in the order of `edges`.
        raw: Every raw file whose bytes decide it, checksum files included; empty but for a feed.
    """

    unit: Unit
    symbols: tuple[Symbol, ...]
    folder: Path
    edges: tuple[Edge, ...]
    raw: tuple[RawPath, ...]

    @property
    def file(self) -> Path:
        """The one file of all its outputs."""
        return self.folder / _file_name(self.unit)


def node(kitchen: Kitchen, unit: Unit) -> Node:
    """Looks a unit up."""
    own = (
        [kitchen.symbol(unit.symbol)]
        if unit.symbol
        else arrivals.expected_symbols(kitchen, unit.day)
    )
    raw = layout.input_files(kitchen, own[0], unit.source, unit.day) if unit.source else []
    return Node(
        unit=unit,
        symbols=tuple(own),
        folder=folder(kitchen, unit),
        edges=tuple(edges(kitchen, unit)),
        raw=tuple(raw),
    )


def label(edge: Edge) -> str:
    """An input's name in a receipt."""
    return f"{edge.unit}: {edge.output}"


def folder(kitchen: Kitchen, unit: Unit) -> Path:
    """Where a unit's file and receipt lie."""
    return layout.prepared_folder(kitchen, unit.day, unit.symbol)


def file(kitchen: Kitchen, unit: Unit) -> Path:
    """The one file of all outputs of a unit."""
    return folder(kitchen, unit) / _file_name(unit)


def stored(kitchen: Kitchen, unit: Unit, output: str) -> Stored:
    """Where one output lies."""
    outputs = unit.declared.outputs
    return Stored(file(kitchen, unit), outputs[output] if len(outputs) > 1 else "")


def _file_name(unit: Unit) -> str:
    """An output that is alone is the file itself; several are members of a zip."""
    names = tuple(unit.declared.outputs.values())
    return unit.name + (Path(names[0]).suffix if len(names) == 1 else ".zip")


def older_folder(node: Node) -> Path | None:
    """Where releases up to 0.2 had the unit's outputs, each in a file; None where nothing of it is left."""
    found = node.folder / node.unit.name
    return found if found.is_dir() else None


def edges(kitchen: Kitchen, unit: Unit, *, inline: bool = True) -> list[Edge]:
    """Every input of the unit, in a fixed order: the declaration's, then symbol, day and feed.

    Without `inline` those alone that are built before the unit, not within it.
    """
    needs = [need for need in unit.declared.needs if inline or not need.inline]
    return list(dict.fromkeys(edge for need in needs for edge in _edges(kitchen, unit, need)))


def published_of(kitchen: Kitchen, symbol: Symbol, day: dt.date) -> list[Unit]:
    """The units of a symbol that its date's tables and manifest are made of."""
    needs = [need for stage in ("Assemble", "Manifest") for need in STAGES[stage].needs]
    own = [need for need in needs if STAGES[need.stage].grain == "symbol"]
    return list(
        dict.fromkeys(
            Unit(need.stage, day, symbol.name)
            for need in own
            if _sources(kitchen, symbol, day, need)
        )
    )


def behind(kitchen: Kitchen, unit: Unit) -> list[Unit]:
    """The unit, and every one that it is made of but the daily statistics of earlier days."""
    found: dict[Unit, None] = {}
    waiting = [unit]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found[each] = None
            if each.stage != "MacroFeatures":  # hundreds of inputs, all of other days
                waiting.extend(edge.unit for edge in edges(kitchen, each))
    return list(found)


def _edges(kitchen: Kitchen, unit: Unit, need: Need) -> Iterator[Edge]:
    for read in _units(kitchen, unit, need):
        place = stored(kitchen, read, need.output)
        yield Edge(read, need.output, place, need.inline, need.beside and read.day != unit.day)


def _units(kitchen: Kitchen, unit: Unit, need: Need) -> Iterator[Unit]:
    if STAGES[need.stage].grain == "date":
        yield Unit(need.stage, unit.day)
        return
    for symbol in _symbols(kitchen, unit, need):
        for day in _days(kitchen, symbol, unit.day, need):
            for source in _sources(kitchen, symbol, day, need):
                yield Unit(need.stage, day, symbol.name, source)


def _symbols(kitchen: Kitchen, unit: Unit, need: Need) -> list[Symbol]:
    if unit.symbol is None:
        return arrivals.expected_symbols(kitchen, unit.day)
    symbol = kitchen.symbol(unit.symbol)
    return kitchen.held_against(symbol) if need.against else [symbol]


def _days(kitchen: Kitchen, symbol: Symbol, day: dt.date, need: Need) -> Iterator[dt.date]:
    """The look-back's days that have raw data and are settled, oldest first, then the day itself;
    or the day among those beside it that are settled.
    """
    if need.beside:
        yield from _with_days_beside(kitchen, symbol, day)
        return
    there = _raw_days(kitchen, symbol, need) if need.look_back else frozenset()
    for back in range(need.look_back, 0, -1):
        earlier = day - dt.timedelta(days=back)
        if earlier in there and all(
            arrivals.is_settled(kitchen, symbol, vendor, earlier) for vendor in _vendors(need)
        ):
            yield earlier
    if need.today:
        yield day


def _with_days_beside(kitchen: Kitchen, symbol: Symbol, day: dt.date) -> Iterator[dt.date]:
    """The day before, the day, the day after; a neighbour that is not settled is never waited for."""
    for step in (-1, 0, 1):
        beside = day + dt.timedelta(days=step)
        if step == 0 or arrivals.is_settled(kitchen, symbol, "atas", beside):
            yield beside


def _vendors(need: Need) -> tuple[str, ...]:
    """Whose files decide an earlier day's output: daily statistics know the exchange alone."""
    return ("binance",) if need.stage == "DailyStats" else ("binance", "atas")


def _raw_days(kitchen: Kitchen, symbol: Symbol, need: Need) -> frozenset[dt.date]:
    """The days that have raw files for what the need reads."""
    days = layout.raw_days(kitchen, symbol, "binance_1m")
    if need.stage == "DailyStats":
        return days | layout.raw_days(kitchen, symbol, "binance_1d")
    if need.stage == "Footprint":
        ticks = ("atas_ticks",) if symbol.atas != "none" else ()
        return days & frozenset().union(
            *(layout.raw_days(kitchen, symbol, feed) for feed in (*ticks, *TRADE_FEEDS))
        )
    return days


def _sources(kitchen: Kitchen, symbol: Symbol, day: dt.date, need: Need) -> list[str] | list[None]:
    """The feeds behind a need; a need on a step without feeds has the one feed None."""
    if STAGES[need.stage].grain != "feed":
        skip = need.stage == "Footprint" and not arrivals.has_tape(kitchen, symbol, day)
        return [] if skip else [None]
    if need.source == "atas":
        return arrivals.atas_feeds(kitchen, symbol, day)
    feed = str(need.source)
    if feed in ATAS_FEEDS:
        return [feed] if feed in arrivals.atas_feeds(kitchen, symbol, day) else []
    there = day in layout.raw_days(kitchen, symbol, feed)
    return [feed] if there or not need.optional else []
