"""Running one unit: read its inputs, call its recipe, write its outputs, and the receipt last."""

from __future__ import annotations

import importlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import StageError
from pipeline.free_form import Json
from pipeline.freshness import code, graph, receipt
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Edge, Node, Unit
from pipeline.freshness.reading import begin
from pipeline.freshness.receipt import RawState, Receipt
from pipeline.settings.config import Kitchen, Symbol
from pipeline.tasks import products

logger = logging.getLogger("kitchen")

Report = Callable[[str, int], None]
"""Tells people what a unit is doing: a phrase, and how far it is in per cent."""


@dataclass(slots=True, kw_only=True)
class Job:
    """A unit that is being built: what a recipe may ask for, and what it may leave behind.

    Attributes:
        kitchen: The configuration.
        node: What is being built, with its inputs.
        reasons: Why, in words.
        contents: The content of every input, by its name in a receipt.
        code: Step name -> digest of its code.
        libraries: Library -> its release.
        raw: Set by the recipe that reads raw files: each by its name, as parsed.
        windows: Set by a recipe that reads neighbour days: feed -> side -> stamps that its result depends on.
        facts: Set by a recipe: figures for people (rows, rejects); they decide nothing.
    """

    kitchen: Kitchen
    node: Node
    reasons: list[str]
    code: dict[str, str]
    libraries: dict[str, str]
    contents: Mapping[str, str]
    raw: dict[str, RawState] = field(default_factory=dict)
    windows: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def unit(self) -> Unit:
        """What is being built."""
        return self.node.unit

    @property
    def symbol(self) -> Symbol:
        """The unit's symbol, as configured."""
        (symbol,) = self.node.symbols
        return symbol

    def edges(self, stage: str, output: str) -> list[Edge]:
        """The unit's inputs from one output of a step, in the graph's order."""
        return [e for e in self.node.edges if (e.unit.stage, e.output) == (stage, output)]


@dataclass(slots=True)
class Receipts:
    """Receipts of units that were built, not written yet: a symbol's day has one file of them."""

    _kept: dict[Path, dict[str, Receipt]] = field(default_factory=dict)

    def keep(self, node: Node, kept: Receipt) -> None:
        """To be written later. Until then a run that dies has to build the unit again, and no more."""
        self._kept.setdefault(node.folder, {})[node.unit.name] = kept

    def write(self) -> None:
        """Writes them, those of a folder at once."""
        while self._kept:
            folder, kept = self._kept.popitem()
            with _writing(f"receipts of {', '.join(kept)}", folder):
                receipt.write(folder, kept)


def perform(
    freshness: Freshness,
    unit: Unit,
    report: Report,
    urgent: list[str],
    receipts: Receipts | None = None,
) -> Json:
    """Builds a unit unless it is fresh, and returns its facts.

    Args:
        freshness: What is known to be fresh.
        unit: What to build.
        report: Tells people how far it is.
        urgent: Reasons to build it that its receipt cannot know of.
        receipts: Takes the receipt of what was built; without it, it is written.

    Raises:
        KitchenError: of the recipe; or the unit's inputs changed meanwhile, or it broke its declaration.
    """
    node = graph.node(freshness.kitchen, unit)
    # First, for a history that was rebuilt with equal content leaves the unit fresh.
    _build_inline(freshness, node, report)
    started = time.monotonic()  # the history's units have seconds of their own
    fresh = freshness.knows(unit)
    reasons = ([] if fresh else freshness.reasons_of(node)) or urgent
    if not reasons:
        freshness.restamp(unit)
        return {"reason": "fresh"}
    report(f"{reasons[0]}; reading and computing", 10)
    reading = begin(freshness, node)
    job = Job(
        kitchen=freshness.kitchen,
        node=node,
        reasons=reasons,
        code=freshness.code,
        libraries=freshness.libraries,
        contents=reading.contents,
    )
    made = _recipe(unit.stage)(job)
    report("writing", 80)
    with _writing(unit, node.folder):
        contents = products.write(node, made)
    reading.refuse_changed()
    seconds = round(time.monotonic() - started, 3)
    facts = {**job.facts, "reason": "; ".join(reasons), "seconds": seconds}
    kept = reading.receipt(contents, job.raw, job.windows, facts)
    with _writing(unit, node.folder):
        _forget_older_form(node)
        if receipts is None:
            receipt.write(node.folder, {unit.name: kept})
    if receipts is not None:
        receipts.keep(node, kept)
        freshness.count_as_fresh(unit, kept)
    return facts


def build(freshness: Freshness, *units: Unit) -> dict[Unit, Json]:
    """Builds units and all that they read, here and now, without a scheduler; returns the facts of each.

    Whether raw files are settled is not asked: the caller does that. What was built is kept, also where a
    later unit fails.

    Raises:
        KitchenError: as `perform`.
    """
    needed: dict[Unit, None] = {}  # the inputs of each before it

    def need(each: Unit) -> None:
        for edge in graph.edges(freshness.kitchen, each, inline=False):
            if edge.unit not in needed and not freshness.knows(edge.unit):
                need(edge.unit)
        needed[each] = None

    for unit in units:
        need(unit)
    receipts, facts = Receipts(), {}
    try:
        for each in needed:
            facts[each] = perform(freshness, each, _silent, [], receipts)
    finally:
        receipts.write()
    return facts


def _silent(phrase: str, per_cent: int) -> None:
    """Nobody looks on."""


def remade(freshness: Freshness, unit: Unit) -> Mapping[str, Any]:
    """What a unit's recipe gives now, by output name, from inputs as they lie there; nothing is written.

    Raises:
        KitchenError: of the recipe.
    """
    node = graph.node(freshness.kitchen, unit)
    job = Job(
        kitchen=freshness.kitchen,
        node=node,
        reasons=["asked for"],
        code=freshness.code,
        libraries=freshness.libraries,
        contents=freshness.contents(node),
    )
    return _recipe(unit.stage)(job)


def _forget_older_form(node: Node) -> None:
    """Removes the folder that an older release had for the unit, which nothing reads any more.

    Before the unit counts: whoever dies here has it to build again, and its folder to remove. Another run may
    be doing the same.
    """
    older = graph.older_folder(node)
    if older is not None:
        shutil.rmtree(older, ignore_errors=True)


@contextmanager
def _writing(what: Unit | str, folder: Path) -> Iterator[None]:
    """A disk that is full or fails is a sentence, with the folder where it happened."""
    try:
        yield
    except OSError as error:
        raise StageError(
            f"{what}: cannot write to {folder} ({error}); fix that and run again"
        ) from error


def _build_inline(freshness: Freshness, node: Node, report: Report) -> None:
    """Builds the stale units that this one builds itself, and what those read, earliest first."""
    history = [edge.unit for edge in node.edges if edge.inline]
    stale = [unit for unit in history if freshness.receipt(unit) is None]
    if stale:
        logger.info("%s: builds %d days of its history first", node.unit, len(stale))
    for done, inner in enumerate(stale):
        report(f"history {inner.day}, {done} of {len(stale)} days", 10 + 60 * done // len(stale))
        build(freshness, inner)


def _recipe(stage: str) -> Callable[[Job], Mapping[str, Any]]:
    """The function that builds a step; its module is imported now, because it loads heavy libraries."""
    module = importlib.import_module(code.RECIPES)
    found: Callable[[Job], Mapping[str, Any]] = getattr(module, code.recipe_name(stage))
    return found
