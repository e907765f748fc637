"""What a span is built of, a symbol at a time: in this process, or handed to another one.

A piece travels as names, dates and digests, and its result as a few figures and sentences; tables stay in the
prepared folder, which all processes share. Luigi is not known here: a worker elsewhere needs none.
Belongs here: which units a piece has, and building them. Does not belong here: who builds (`crew.py`),
how a unit is built (`job.py`).
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import arrivals, layout
from pipeline.errors import KitchenError
from pipeline.freshness import graph, identity
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.freshness.identity import Identity
from pipeline.settings.config import Kitchen, Symbol, read_kitchen

JOB = "pipeline.tasks.job"
"""Loaded by what builds: a run with nothing to do stays light."""

logger = logging.getLogger("kitchen")

Part = tuple[str, list[Unit]]
"""What is built together: what people call it, and its units in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of a part: how many steps ran, for how long and why; or why it could not be built."""

    name: str
    steps: int = 0
    seconds: float = 0.0
    why: tuple[str, ...] = ()
    failed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A symbol's share of a span, as it travels to whoever builds it.

    Args:
        config: The configuration's file, which has the same path wherever it is built.
        kind: Of `PARTS`.
        symbol: The symbol's name.
        start: First UTC date.
        stop: Last UTC date, included.
        wanted: By what it is to be built.
    """

    config: str
    kind: str
    symbol: str
    start: dt.date
    stop: dt.date
    wanted: Identity

    def __str__(self) -> str:
        """What people call it."""
        return f"{self.symbol} {self.start} to {self.stop}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What became of a piece.

    Args:
        made: Of each of its parts, in order.
        seconds: How long it took.
        refused: Why nothing was read or built: who should have done it is another release, or has other
            rules. Empty where it was built.
    """

    made: tuple[Made, ...] = field(default=())
    seconds: float = 0.0
    refused: str = ""


def build(piece: Piece) -> Built:
    """Builds a piece in the process that this is called in; what it says of itself comes back.

    A part that cannot be built holds up no other.

    Raises:
        ConfigError: the configuration cannot be read here.
    """
    started = time.monotonic()
    layout.forget_listings()
    freshness = Freshness(read_kitchen(Path(piece.config)))
    refused = _refusal(freshness, piece.wanted)
    if refused:
        return Built(refused=refused)
    parts = PARTS[piece.kind](
        freshness.kitchen, freshness.kitchen.symbol(piece.symbol), days(piece.start, piece.stop)
    )
    made = tuple(make(freshness, *part) for part in parts)
    return Built(made=made, seconds=round(time.monotonic() - started, 3))


def make(freshness: Freshness, name: str, units: list[Unit]) -> Made:
    """Builds a part here and now."""
    try:
        facts = importlib.import_module(JOB).build(freshness, *units)
    except KitchenError as error:
        logger.debug("%s: %s", name, error)
        return Made(name=name, failed=str(error))
    ran = [told for told in facts.values() if told["reason"] != "fresh"]
    return Made(
        name=name,
        steps=len(ran),
        seconds=sum(told["seconds"] for told in ran),
        why=tuple(dict.fromkeys(told["reason"] for told in ran)),
    )


_first: dict[Path, Identity] = {}
"""Governance folder -> what stood on the disk when this process first built by it, and holds ever since."""


def _refusal(freshness: Freshness, wanted: Identity) -> str:
    """Why this process must not build what was asked for; empty where it may."""
    here, now = f"worker {platform.node()}", identity.of(freshness)
    first = _first.setdefault(freshness.kitchen.governance, now)
    if (first.code, first.governance) != (now.code, now.governance):
        return (
            f"{here}: code or governance changed since it began (code {first.code}, now {now.code};"
            f" governance {first.governance}, now {now.governance}); start it again"
        )
    differs = now.against(wanted)
    if not differs:
        return ""
    return f"{here} is not as the driver: {differs}; bring both to one release and one set of rules"


def days(start: dt.date, stop: dt.date) -> list[dt.date]:
    """The dates, oldest first."""
    return [start + dt.timedelta(days=n) for n in range((stop - start).days + 1)]


def _groundwork(kitchen: Kitchen, symbol: Symbol, days: list[dt.date]) -> Iterator[Part]:
    """The symbol's statistics, then its days before a span."""
    edges = (
        edge
        for day in (days[0], days[-1])
        for edge in graph.edges(kitchen, Unit("MacroFeatures", day, symbol.name))
    )
    yield f"{symbol.name}'s daily statistics", list(dict.fromkeys(edge.unit for edge in edges))
    for after in days:
        if after.day == 1 or after == days[0]:
            yield _day_before(kitchen, symbol, after)


def _day_before(kitchen: Kitchen, symbol: Symbol, after: dt.date) -> Part:
    name = f"{symbol.name} {after - dt.timedelta(days=1)}"
    if not arrivals.is_expected(kitchen, symbol, after):
        return name, []
    edges = graph.edges(kitchen, Unit("MicroFeatures", after, symbol.name))
    return name, list(dict.fromkeys(edge.unit for edge in edges if edge.unit.day < after))


def _span(kitchen: Kitchen, symbol: Symbol, days: list[dt.date]) -> Iterator[Part]:
    """The symbol's days whose raw data is settled."""
    for day in days:
        if arrivals.is_expected(kitchen, symbol, day) and not any(
            arrivals.unsettled(kitchen, symbol, day)
        ):
            yield f"{symbol.name} {day}", graph.published_of(kitchen, symbol, day)


PARTS: dict[str, Callable[[Kitchen, Symbol, list[dt.date]], Iterator[Part]]] = {
    "Groundwork": _groundwork,
    "Span": _span,
}
"""The kinds of tasks that have pieces, by their names."""
