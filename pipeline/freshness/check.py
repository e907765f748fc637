"""The comparison: is a unit's output still what its inputs, code and rules would give?

The answer is deep: a unit is fresh only when all it reads is fresh too. Contents are compared, not
times, so an upstream step that was rebuilt with the same result stops the wave.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from pipeline import storage
from pipeline.freshness import code, fingerprint, graph, libraries, neighbour_slices, receipt
from pipeline.freshness.graph import Edge, Node, Unit, label
from pipeline.freshness.receipt import RawState, Receipt
from pipeline.settings.config import Kitchen

_NOT_BUILT = "never built"
_OLDER_FORM = "built by an older release, which had other files for it"


@dataclass
class Freshness:
    """Answers for one process. "fresh" is remembered; "stale", which ends as soon as the unit has run, only
    within one look.
    """

    kitchen: Kitchen
    _fresh: dict[Unit, Receipt] = field(default_factory=dict)
    _seen: dict[Unit, list[str]] | None = None

    @cached_property
    def code(self) -> dict[str, str]:
        """Step name -> digest of its code, as it is on disk when it is first asked for."""
        return self._code_on_disk()

    def is_of_this_code(self) -> bool:
        """Whether the code on disk is still that of `code`, by which this process judges."""
        return self._code_on_disk() == self.code

    def _code_on_disk(self) -> dict[str, str]:
        return code.code_digests(self.kitchen.prepared / ".code_digests.json")

    @cached_property
    def libraries(self) -> dict[str, str]:
        """Library -> release, of all that steps depend on."""
        return libraries.releases(self.kitchen.prepared / ".libraries.json")

    def receipt(self, unit: Unit) -> Receipt | None:
        """The unit's receipt if the unit is fresh, else None."""
        kept = self._fresh.get(unit)
        if kept is None and not self.reasons(unit):
            kept = self._fresh.get(unit)
        return kept

    def knows(self, unit: Unit) -> bool:
        """Whether the unit was seen to be fresh already."""
        return unit in self._fresh

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
                seen[unit] = self.reasons_of(graph.node(self.kitchen, unit))
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

    def reasons_of(self, node: Node) -> list[str]:
        """As `reasons`, of a unit that was looked up and is not known to be fresh."""
        kept = receipt.read(node.folder, node.unit.name)
        if kept is None:
            return [_NOT_BUILT if not graph.older_folder(node) else _OLDER_FORM]
        stale = [edge for edge in node.edges if not self.receipt(edge.unit)]
        if stale:
            more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
            return [f"input {stale[0].unit} is stale{more}"]
        if receipt.is_damaged(node.file, kept):
            return [f"{node.file.name} is gone or damaged"]
        began_ns = time.time_ns()
        differing = fingerprint.differences(kept.parts, self.parts(node, kept))
        if not differing:
            self._fresh[node.unit] = self._stamped_anew(node, kept, began_ns)
        return differing

    def _stamped_anew(self, node: Node, kept: Receipt, began_ns: int) -> Receipt:
        """The receipt with the states that files have now, so that none is hashed twice for one touch.

        A file that changed since `began_ns` is not trusted by its state next time: see `is_trusted`.
        """
        raw = _raw_states(node, kept, began_ns)
        file = receipt.restamped(node.file, kept.file)
        if raw == kept.raw and file == kept.file:
            return kept
        anew = replace(kept, raw=raw, file=file, seen_ns=began_ns)
        with suppress(OSError):  # a folder that cannot be written costs time, not truth
            receipt.write(node.folder, {node.unit.name: anew})
        return anew

    def holds_still(self, unit: Unit) -> bool:
        """Whether a fresh unit's files are still those that were compared, perhaps long ago in this run."""
        kept, node = self.receipt(unit), graph.node(self.kitchen, unit)
        if kept is None or receipt.is_damaged(node.file, kept):
            return False
        return raw_digests(node, kept.raw, kept.seen_ns) == kept.parts.get("raw", {})

    def parts(self, node: Node, kept: Receipt) -> dict[str, dict[str, str]]:
        """What the unit's result depends on now. Everything it reads must be fresh.

        Args:
            node: Whose parts.
            kept: Its earlier receipt; a raw file whose stat signature is recorded there is not read.
        """
        parts = self.parts_without_raw(node)
        if node.unit.declared.grain == "feed":
            parts["raw"] = raw_digests(node, kept.raw, kept.seen_ns)
        parts["inputs"] |= neighbour_slices.digests(
            neighbour_slices.beside(node, kept, self.contents(node))
        )
        return parts

    def parts_without_raw(self, node: Node) -> dict[str, dict[str, str]]:
        """As `parts`, without the bytes of raw files and the slices of neighbour days."""
        parts = fingerprint.static_parts(self.kitchen, node, self.code, self.libraries)
        parts["inputs"] = {
            label(edge): self._content(edge) for edge in node.edges if not edge.beside
        }
        return parts

    def contents(self, node: Node) -> dict[str, str]:
        """The content of every input, whole neighbour days included, by its name in a receipt."""
        return {label(edge): self._content(edge) for edge in node.edges}

    def restamp(self, unit: Unit) -> None:
        """Notes in a fresh unit's receipt which neighbour days it has been compared with."""
        kept, node = self.receipt(unit), graph.node(self.kitchen, unit)
        if kept is None:
            return
        seen = neighbour_slices.beside(node, kept, self.contents(node))
        if seen != kept.beside:
            self._fresh[unit] = replace(kept, beside=seen)
            receipt.write(node.folder, {unit.name: self._fresh[unit]})

    def _content(self, edge: Edge) -> str:
        found = self.receipt(edge.unit)
        return found.contents[edge.output] if found else "stale"


def raw_digests(node: Node, known: Mapping[str, RawState], seen_ns: int) -> dict[str, str]:
    """Raw file name -> SHA-256, of every raw file that decides a unit.

    Args:
        node: The unit.
        known: Raw files seen earlier, by name; such a file is not read again.
        seen_ns: When they were seen.
    """
    digests: dict[str, str] = {}
    for file in node.raw:
        try:
            digests[file.name] = _digest(file.path, known.get(file.name), seen_ns)
        except OSError as error:
            digests[file.name] = f"unreadable: {error.strerror}"
    return digests


def _raw_states(node: Node, kept: Receipt, began_ns: int) -> dict[str, RawState]:
    """Each raw file as kept where that is trusted, else as of now."""
    states: dict[str, RawState] = {}
    for file in node.raw:
        now = receipt.signature(os.stat(file.path))
        known = kept.raw.get(file.name)
        if known and receipt.is_trusted(known.stat, now, kept.seen_ns):
            states[file.name] = known
        elif max(now[1], now[3]) + receipt.RACY_NS < began_ns:
            states[file.name] = RawState(now, kept.parts["raw"][file.name])
    return states if len(states) == len(kept.parts.get("raw", {})) else kept.raw


def _digest(path: Path, known: RawState | None, seen_ns: int) -> str:
    """A raw file's digest, without reading it where its state proves that it is the same."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"  # opening a fifo would wait for ever
    if known and receipt.is_trusted(known.stat, receipt.signature(status), seen_ns):
        return known.sha256
    return storage.file_digest(path)
