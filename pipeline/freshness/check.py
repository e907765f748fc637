"""The comparison: is a unit's output still what its inputs, code and rules would give?

The answer is deep: a unit is fresh only when all it reads is fresh too. Contents are compared, not
times, so an upstream step that was rebuilt with the same result stops the wave.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline import layout, storage
from pipeline.config import Kitchen
from pipeline.freshness import code, fingerprint, graph, receipt, slices
from pipeline.freshness.graph import Edge, Unit, label
from pipeline.freshness.receipt import Receipt


@dataclass(slots=True)
class Freshness:
    """Answers for one process. Only "fresh" is remembered: "stale" ends as soon as the unit has run."""

    kitchen: Kitchen
    _fresh: dict[Unit, Receipt] = field(default_factory=dict)
    _code: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> dict[str, str]:
        """Step name -> digest of its code, as it is on disk now."""
        if not self._code:
            self._code = code.code_digests(self.kitchen.prepared / ".code_digests.json")
        return self._code

    def receipt(self, unit: Unit) -> Receipt | None:
        """The unit's receipt if the unit is fresh, else None."""
        kept = self._fresh.get(unit)
        if kept is None and not self.reasons(unit):
            kept = self._fresh.get(unit)
        return kept

    def reasons(self, unit: Unit) -> list[str]:
        """Why the unit has to run, in words; empty when it is fresh."""
        if unit in self._fresh:
            return []
        where = graph.folder(self.kitchen, unit)
        kept = receipt.read(where)
        if kept is None:
            return ["never built"]
        stale = [edge for edge in graph.edges(self.kitchen, unit) if not self.receipt(edge.unit)]
        if stale:
            more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
            return [f"input {stale[0].unit} is stale{more}"]
        broken = receipt.damaged(where, kept)
        if broken is not None:
            return [f"output {broken} is gone or damaged"]
        differing = fingerprint.differences(kept.parts, self.parts(unit, kept))
        if not differing:
            self._fresh[unit] = kept
        return differing

    def parts(self, unit: Unit, kept: Receipt | None) -> dict[str, dict[str, str]]:
        """What the unit's result depends on now. Everything it reads must be fresh.

        Args:
            unit: Whose parts.
            kept: Its earlier receipt; a raw file whose stat signature is recorded there is not read.
        """
        parts = self.parts_without_raw(unit)
        if unit.declared.grain == "feed":
            raw, seen_ns = (kept.raw, kept.seen_ns) if kept else ({}, 0)
            parts["raw"] = self.raw_digests(unit, raw, seen_ns)
        elif kept is not None:
            parts["inputs"] |= slices.told(
                slices.beside(self.kitchen, unit, kept, self.contents(unit))
            )
        return parts

    def parts_without_raw(self, unit: Unit) -> dict[str, dict[str, str]]:
        """As `parts`, without the bytes of raw files and the slices of neighbour days."""
        parts = fingerprint.static_parts(self.kitchen, unit, self.code)
        parts["inputs"] = {
            label(edge): self._content(edge)
            for edge in graph.edges(self.kitchen, unit)
            if not edge.beside
        }
        return parts

    def contents(self, unit: Unit) -> dict[str, str]:
        """The content of every input, whole neighbour days included, by its name in a receipt."""
        return {label(edge): self._content(edge) for edge in graph.edges(self.kitchen, unit)}

    def restamp(self, unit: Unit) -> None:
        """Notes in a fresh unit's receipt which neighbour days it has been compared with."""
        kept = self.receipt(unit)
        if kept is None or unit.declared.grain == "feed":
            return
        seen = slices.beside(self.kitchen, unit, kept, self.contents(unit))
        if seen != kept.beside:
            self._fresh[unit] = replace(kept, beside=seen)
            receipt.write(graph.folder(self.kitchen, unit), self._fresh[unit])

    def raw_digests(
        self, unit: Unit, known: Mapping[str, Sequence[Any]], seen_ns: int
    ) -> dict[str, str]:
        """Raw file name -> SHA-256, of every file that decides the unit's feed on its day.

        Args:
            unit: A unit of grain "feed".
            known: Name -> (stat signature, SHA-256) seen earlier; such a file is not read again.
            seen_ns: When they were seen.
        """
        digests: dict[str, str] = {}
        symbol = self.kitchen.symbol(str(unit.symbol))
        for file in layout.input_files(self.kitchen, symbol, str(unit.source), unit.day):
            try:
                digests[file.name] = _digest(file, known, seen_ns)
            except OSError as error:
                digests[file.name] = f"unreadable: {error.strerror}"
        return digests

    def _content(self, edge: Edge) -> str:
        found = self.receipt(edge.unit)
        return found.outputs[edge.output].content if found else "stale"


def _digest(file: layout.RawPath, known: Mapping[str, Sequence[Any]], seen_ns: int) -> str:
    """A raw file's digest, without reading it where its stat signature proves that it is the same."""
    status = os.stat(file.path)
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"  # opening a fifo would wait for ever
    if file.name in known:
        signature, sha256 = known[file.name]
        if receipt.is_trusted(list(signature), receipt.signature(status), seen_ns):
            return str(sha256)
    return storage.file_digest(file.path)
