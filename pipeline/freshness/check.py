"""The comparison: is a unit's output still what its inputs, code and rules would give?

The answer is deep: a unit is fresh only when all it reads is fresh too. Contents are compared, not
times, so an upstream step that was rebuilt with the same result stops the wave.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline import layout, storage
from pipeline.freshness import code, fingerprint, graph, libraries, receipt, slices
from pipeline.freshness.graph import Edge, Unit, label
from pipeline.freshness.receipt import Receipt
from pipeline.model.raw_names import RawPath
from pipeline.settings.config import Kitchen


@dataclass(slots=True)
class Freshness:
    """Answers for one process. "fresh" is remembered; "stale", which ends as soon as the unit has run, only
    within one look.
    """

    kitchen: Kitchen
    _fresh: dict[Unit, Receipt] = field(default_factory=dict)
    _seen: dict[Unit, list[str]] | None = None
    _code: dict[str, str] = field(default_factory=dict)
    _libraries: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> dict[str, str]:
        """Step name -> digest of its code, as it is on disk now."""
        if not self._code:
            self._code = code.code_digests(self._code_file)
        return self._code

    @property
    def _code_file(self) -> Path:
        return self.kitchen.prepared / ".code_digests.json"

    def is_of_this_code(self) -> bool:
        """Whether the code on disk is still that of `code`, by which this process judges."""
        return code.code_digests(self._code_file) == self.code

    @property
    def libraries(self) -> dict[str, str]:
        """Library -> release, of all that steps depend on."""
        if not self._libraries:
            self._libraries = libraries.releases(self.kitchen.prepared / ".libraries.json")
        return self._libraries

    def receipt(self, unit: Unit) -> Receipt | None:
        """The unit's receipt if the unit is fresh, else None."""
        kept = self._fresh.get(unit)
        if kept is None and not self.reasons(unit):
            kept = self._fresh.get(unit)
        return kept

    def count_as_fresh(self, unit: Unit, kept: Receipt) -> None:
        """Takes a unit for fresh from now on, with this receipt."""
        self._fresh[unit] = kept

    def forget_but(self, stage: str) -> None:
        """Looks at every unit afresh but those of one step."""
        self._fresh = {unit: kept for unit, kept in self._fresh.items() if unit.stage == stage}

    def reasons(self, unit: Unit) -> list[str]:
        """Why the unit has to run, in words; empty when it is fresh."""
        if unit in self._fresh:
            return []
        with self.one_look() as seen:
            if unit not in seen:
                seen[unit] = self._reasons(unit)
            return seen[unit]

    @contextmanager
    def one_look(self) -> Iterator[dict[Unit, list[str]]]:
        """For as long as nothing is built, asks of each unit once, stale ones included.

        Days share their history: without it, every path to a stale unit asks it, and all it reads, again.
        """
        if self._seen is not None:
            yield self._seen
            return
        self._seen = {}
        try:
            yield self._seen
        finally:
            self._seen = None

    def _reasons(self, unit: Unit) -> list[str]:
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
        began_ns = time.time_ns()
        differing = fingerprint.differences(kept.parts, self.parts(unit, kept))
        if not differing:
            self._fresh[unit] = self._stamped_anew(unit, kept, began_ns)
        return differing

    def _stamped_anew(self, unit: Unit, kept: Receipt, began_ns: int) -> Receipt:
        """The receipt with the states that files have now, so that none is hashed twice for one touch.

        A file that changed since `began_ns` is not trusted by its state next time: see `is_trusted`.
        """
        raw = {name: list(entry) for name, entry in kept.raw.items()}
        if unit.declared.grain == "feed":
            raw = self._raw_states(unit, kept, began_ns)
        outputs = receipt.restamped(graph.folder(self.kitchen, unit), kept.outputs)
        if raw == kept.raw and outputs == kept.outputs:
            return kept
        anew = replace(kept, raw=raw, outputs=outputs, seen_ns=began_ns)
        with suppress(OSError):  # a folder that cannot be written costs time, not truth
            receipt.write(graph.folder(self.kitchen, unit), anew)
        return anew

    def _raw_states(self, unit: Unit, kept: Receipt, began_ns: int) -> dict[str, list[Any]]:
        """Raw name -> (state, digest): as kept where that is trusted, else as of now."""
        states: dict[str, list[Any]] = {}
        symbol = self.kitchen.symbol(str(unit.symbol))
        for file in layout.input_files(self.kitchen, symbol, str(unit.source), unit.day):
            now = receipt.signature(os.stat(file.path))
            known = kept.raw.get(file.name)
            if known and receipt.is_trusted(list(known[0]), now, kept.seen_ns):
                states[file.name] = list(known)
            elif max(now[1], now[3]) + receipt.RACY_NS < began_ns:
                states[file.name] = [now, kept.parts["raw"][file.name]]
        return states if len(states) == len(kept.parts["raw"]) else kept.raw

    def holds_still(self, unit: Unit) -> bool:
        """Whether a fresh unit's files are still those that were compared, perhaps long ago in this run."""
        kept = self.receipt(unit)
        if kept is None or receipt.damaged(graph.folder(self.kitchen, unit), kept) is not None:
            return False
        if unit.declared.grain != "feed":
            return True
        return self.raw_digests(unit, kept.raw, kept.seen_ns) == kept.parts["raw"]

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
        parts = fingerprint.static_parts(self.kitchen, unit, self.code, self.libraries)
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


def _digest(file: RawPath, known: Mapping[str, Sequence[Any]], seen_ns: int) -> str:
    """A raw file's digest, without reading it where its stat signature proves that it is the same."""
    status = os.stat(file.path)
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"  # opening a fifo would wait for ever
    if file.name in known:
        signature, sha256 = known[file.name]
        if receipt.is_trusted(list(signature), receipt.signature(status), seen_ns):
            return str(sha256)
    return storage.file_digest(file.path)
