"""Running one unit: read its inputs, call its recipe, write its outputs, and the receipt last.

This is the only place that turns a unit of the graph into files.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.errors import StageError
from pipeline.freshness import code, graph, receipt, slices
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Edge, Unit, label
from pipeline.freshness.receipt import Output, Receipt
from pipeline.settings.config import Kitchen, Symbol

logger = logging.getLogger("kitchen")

Report = Callable[[str, int], None]
"""Tells people what a unit is doing: a phrase, and how far it is in per cent."""


@dataclass(slots=True, kw_only=True)
class Job:
    """A unit that is being built: what a recipe may ask for, and what it may leave behind.

    Attributes:
        kitchen: The configuration.
        unit: What is being built.
        reasons: Why, in words.
        code: Step name -> digest of its code.
        raw: Set by the recipe that reads raw files: name -> (stat signature, SHA-256) as parsed.
        windows: Set by a recipe that reads neighbour days: feed -> side -> stamps that its result depends on.
        facts: Set by a recipe: figures for people (rows, rejects); they decide nothing.
    """

    kitchen: Kitchen
    unit: Unit
    reasons: list[str]
    code: dict[str, str]
    raw: dict[str, tuple[list[int], str]] = field(default_factory=dict)
    windows: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    _edges: list[Edge] | None = field(default=None, init=False, repr=False)

    @property
    def symbol(self) -> Symbol:
        """The unit's symbol, as configured."""
        return self.kitchen.symbol(str(self.unit.symbol))

    def edges(self, stage: str, output: str) -> list[Edge]:
        """The unit's inputs from one output of a step, in the graph's order."""
        if self._edges is None:
            self._edges = graph.edges(self.kitchen, self.unit)
        return [edge for edge in self._edges if edge.unit.stage == stage and edge.output == output]

    def path(self, edge: Edge) -> Path:
        """The file of an input."""
        return graph.output_path(self.kitchen, edge.unit, edge.output)


def perform(freshness: Freshness, unit: Unit, report: Report, urgent: list[str]) -> dict[str, Any]:
    """Builds a unit unless it is fresh, and returns its facts.

    Args:
        freshness: What is known to be fresh.
        unit: What to build.
        report: Tells people how far it is.
        urgent: Reasons to build it that its receipt cannot know of.

    Raises:
        KitchenError: of the recipe; or the unit's inputs changed meanwhile, or it broke its declaration.
    """
    started = time.monotonic()
    # First, for a history that was rebuilt with equal content leaves the unit fresh.
    _build_inline(freshness, unit, report)
    reasons = freshness.reasons(unit) or urgent
    if not reasons:
        freshness.restamp(unit)
        return {"reason": "fresh"}
    report(f"{reasons[0]}; reading and computing", 10)
    parts, inputs = freshness.parts_without_raw(unit), freshness.contents(unit)
    job = Job(kitchen=freshness.kitchen, unit=unit, reasons=reasons, code=freshness.code)
    products = _recipe(unit.stage)(job)
    report("writing", 80)
    with _writing(freshness.kitchen, unit):
        outputs = _write(freshness.kitchen, unit, products)
    _refuse_changed_inputs(freshness, unit, inputs)
    if unit.declared.grain == "feed":
        # What was parsed is what the receipt vouches for: each raw file is hashed once, as it is read.
        parts["raw"] = freshness.raw_digests(unit, job.raw, time.time_ns())
    written = Receipt(parts=parts, outputs=outputs, windows=job.windows)
    beside = slices.beside(freshness.kitchen, unit, written, inputs)
    parts["inputs"] |= slices.told(beside)
    seconds = round(time.monotonic() - started, 3)
    facts = {**job.facts, "reason": "; ".join(reasons), "seconds": seconds}
    with _writing(freshness.kitchen, unit):
        receipt.write(
            graph.folder(freshness.kitchen, unit),
            replace(
                written,
                beside=beside,
                raw={name: list(entry) for name, entry in job.raw.items()},
                seen_ns=time.time_ns(),
                facts=facts,
            ),
        )
    return facts


def build(freshness: Freshness, unit: Unit) -> list[Unit]:
    """Builds a unit and all that it reads, here and now, without a scheduler; returns the units that ran.

    Whether raw files are settled is not asked: that is for who calls.

    Raises:
        KitchenError: as `perform`.
    """
    needed: dict[Unit, None] = {}  # the inputs of each before it

    def need(each: Unit) -> None:
        for edge in graph.edges(freshness.kitchen, each):
            if edge.unit not in needed:
                need(edge.unit)
        needed[each] = None

    need(unit)
    facts = {each: perform(freshness, each, lambda phrase, per_cent: None, []) for each in needed}
    return [each for each, told in facts.items() if told["reason"] != "fresh"]


def remade(freshness: Freshness, unit: Unit) -> Mapping[str, Any]:
    """What a unit's recipe gives now, by output name, from inputs as they lie there; nothing is written.

    Raises:
        KitchenError: of the recipe.
    """
    return _recipe(unit.stage)(
        Job(kitchen=freshness.kitchen, unit=unit, reasons=["asked for"], code=freshness.code)
    )


@contextmanager
def _writing(kitchen: Kitchen, unit: Unit) -> Iterator[None]:
    """A disk that is full or fails is a sentence, with the folder where it happened."""
    try:
        yield
    except OSError as error:
        where = graph.folder(kitchen, unit)
        raise StageError(
            f"{unit}: cannot write to {where} ({error}); mend that, run again"
        ) from error


def _build_inline(freshness: Freshness, unit: Unit, report: Report) -> None:
    """Builds the stale units that this one builds itself, and what those read, earliest first."""
    edges = [edge for edge in graph.edges(freshness.kitchen, unit) if edge.inline]
    stale = [edge.unit for edge in edges if freshness.receipt(edge.unit) is None]
    if stale:
        logger.info("%s: builds %d days of its history first", unit, len(stale))
    for done, inner in enumerate(stale):
        report(f"history {inner.day}, {done} of {len(stale)} days", 10 + 60 * done // len(stale))
        build(freshness, inner)


def _recipe(stage: str) -> Callable[[Job], Mapping[str, Any]]:
    """The function that builds a step; its module is imported now, because it loads heavy libraries."""
    module = importlib.import_module(code.RECIPES)
    found: Callable[[Job], Mapping[str, Any]] = getattr(module, code.recipe_name(stage))
    return found


def _write(kitchen: Kitchen, unit: Unit, products: Mapping[str, Any]) -> dict[str, Output]:
    declared = unit.declared.outputs
    if set(products) != set(declared):
        raise StageError(
            f"{unit}: wrote {sorted(products)}, declares {sorted(declared)}; mend the recipe"
        )
    outputs = {}
    for name in declared:
        path = graph.output_path(kitchen, unit, name)
        outputs[name] = receipt.describe(path, _write_one(path, products[name]))
    return outputs


def content_of(product: Any) -> str:
    """The digest of the content of a table, a text or a JSON value."""
    if isinstance(product, str):
        return hashlib.sha256(product.encode()).hexdigest()
    if isinstance(product, (dict, list)):
        return storage.digest(product)
    return str(importlib.import_module("pipeline.tables.parquet").content_hash(product))


def _write_one(path: Path, product: Any) -> str:
    """Writes a table, a text or a JSON value, and returns the digest of its content.

    The folder is made durable once, with the receipt that makes the outputs count.
    """
    if isinstance(product, str):
        storage.write_bytes(path, product.encode(), sync_folder=False)
        return content_of(product)
    if isinstance(product, (dict, list)):
        storage.write_bytes(path, storage.readable_json(product), sync_folder=False)
        return content_of(product)
    tables = importlib.import_module("pipeline.tables.parquet")
    group = "symbol" if "symbol" in product.schema.names else None
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(content_of, product)
        tables.write(path, product, group_by=group, sync_folder=False)
        return digest.result()


def _refuse_changed_inputs(freshness: Freshness, unit: Unit, inputs: Mapping[str, str]) -> None:
    """An input that was rebuilt while it was read may have been read half old, half new."""
    kitchen = freshness.kitchen
    for edge in graph.edges(kitchen, unit):
        known = freshness.receipt(edge.unit)
        if known and receipt.is_as_recorded(
            graph.output_path(kitchen, edge.unit, edge.output), known.outputs[edge.output]
        ):
            continue
        now = receipt.read(graph.folder(kitchen, edge.unit))
        if now is None or now.outputs[edge.output].content != inputs[label(edge)]:
            raise StageError(f"{label(edge)}: changed while {unit} read it; run again")
