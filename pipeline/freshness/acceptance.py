"""Stale results that differ from what would be made now in their code and libraries alone.

`kitchen accept` stamps their receipts anew once samples of them were made again with equal content. A
result whose raw bytes, settings, governance or inputs changed, or whose files are damaged, is none of these.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pipeline.free_form import Json
from pipeline.freshness import fingerprint, graph, receipt
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Node, Unit
from pipeline.freshness.receipt import Receipt
from pipeline.settings.config import Kitchen

FACT = "accepted"
"""In a receipt's facts: every acceptance since the result was computed, oldest first."""

_ACCEPTABLE = ("code", "libraries")

Parts = Mapping[str, dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A unit's receipt as it lies there, and the parts that it would have if it were accepted."""

    kept: Receipt
    parts: dict[str, dict[str, str]]

    def stamped(self, said: Json) -> Receipt:
        """The accepted receipt, which says by whom, why, and what really computed the result.

        Args:
            said: Who accepted it, when, and on what ground.
        """
        entry = {**said, "computed_by": {part: self.kept.parts[part] for part in _ACCEPTABLE}}
        earlier = self.kept.facts.get(FACT, [])
        return replace(
            self.kept, parts=self.parts, facts={**self.kept.facts, FACT: [*earlier, entry]}
        )


@dataclass(slots=True, kw_only=True)
class Search:
    """What could be accepted, inputs before what reads them, and why each other stale unit could not.

    While it looks, a candidate counts as fresh, so that what reads it can be one as well.
    """

    freshness: Freshness
    found: dict[Unit, Candidate] = field(default_factory=dict)
    left: dict[Unit, list[str]] = field(default_factory=dict)
    _seen: set[Unit] = field(default_factory=set)

    def below(self, days: Iterable[dt.date]) -> Search:
        """Looks through all that the days' snapshots are made of."""
        for day in days:
            self._visit(Unit("Snapshot", day))
        return self

    def _visit(self, unit: Unit) -> None:
        if unit in self._seen:
            return
        self._seen.add(unit)
        node = graph.node(self.freshness.kitchen, unit)
        for edge in node.edges:
            self._visit(edge.unit)
        stale = self.freshness.reasons(unit)
        if stale:
            self._judge(node, stale)

    def _judge(self, node: Node, stale: list[str]) -> None:
        unit, kept = node.unit, receipt.read(node.folder, node.unit.name)
        if kept is None or not self._can_be_compared(node, kept):
            self.left[unit] = stale
            return
        parts = self.freshness.parts(node, kept)
        others = fingerprint.differences(_without(kept.parts), _without(parts))
        if others:
            self.left[unit] = others
            return
        self.found[unit] = Candidate(kept=kept, parts=parts)
        self.freshness.count_as_fresh(unit, replace(kept, parts=parts))

    def _can_be_compared(self, node: Node, kept: Receipt) -> bool:
        """Whether all inputs are fresh, or would be, and every output's bytes are those of the receipt."""
        if not all(self.freshness.receipt(edge.unit) for edge in node.edges):
            return False
        return not receipt.is_damaged(node.file, kept, trusting=False)


def _without(parts: Parts) -> dict[str, dict[str, str]]:
    return {part: entries for part, entries in parts.items() if part not in _ACCEPTABLE}


def computed_by(kitchen: Kitchen, unit: Unit) -> dict[str, list[str]]:
    """Step -> digests of the code that computed accepted results which a unit is made of.

    The statistics of earlier days are left out; steps without accepted results have no entry.
    """
    found: dict[str, set[str]] = {}
    for one in graph.behind(kitchen, unit)[1:]:
        kept = receipt.read(graph.folder(kitchen, one), one.name)
        if kept is not None and kept.facts.get(FACT):
            code = kept.facts[FACT][0]["computed_by"]["code"]
            found.setdefault(one.stage, set()).add(str(code[one.stage]))
    return {stage: sorted(digests) for stage, digests in sorted(found.items())}
