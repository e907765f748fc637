"""What a unit's inputs were when its recipe began to read them, and the receipt that vouches for it.

Belongs here: from the first look at the inputs to the receipt. Does not belong here: whether the unit has to
run (`check.py`), what is done with the inputs and where the outputs are written (`tasks/`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.errors import StageError
from pipeline.freshness import neighbour_slices, receipt
from pipeline.freshness.check import Freshness, raw_digests
from pipeline.freshness.graph import Node, label
from pipeline.freshness.receipt import RawState, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A unit that is about to be read.

    Attributes:
        freshness: By which its inputs were compared.
        node: The unit, as it was looked up.
        parts: All its result depends on, but raw bytes and neighbour days: see `fingerprint`.
        contents: The content of every input, by its name in a receipt.
    """

    freshness: Freshness
    node: Node
    parts: dict[str, dict[str, str]]
    contents: dict[str, str]

    def refuse_changed(self) -> None:
        """An input that was rebuilt while it was read may have been read half old, half new.

        One that another run replaced by the same bytes was read whole.

        Raises:
            StageError: one was.
        """
        for edge in self.node.edges:
            known, file = self.freshness.receipt(edge.unit), edge.place.file
            if known and not receipt.is_damaged(file, known):
                continue
            now = receipt.read(file.parent, edge.unit.name)
            if now is None or now.contents[edge.output] != self.contents[label(edge)]:
                raise StageError(
                    f"{label(edge)}: changed while {self.node.unit} read it; run again"
                )

    def receipt(
        self,
        contents: dict[str, str],
        raw: dict[str, RawState],
        windows: dict[str, dict[str, list[int]]],
        facts: Mapping[str, Any],
    ) -> Receipt:
        """The receipt of what was made of it.

        Args:
            contents: What was written: output -> digest of its content.
            raw: The raw files by name, as parsed: each is hashed once, as it is read.
            windows: As `Receipt.windows`.
            facts: As `Receipt.facts`.
        """
        file = receipt.describe(self.node.file) if contents else None
        made = Receipt(parts=self.parts, contents=contents, file=file, windows=windows)
        beside = neighbour_slices.beside(self.node, made, self.contents)
        parts = self.parts | {"inputs": self.parts["inputs"] | neighbour_slices.digests(beside)}
        if self.node.unit.declared.grain == "feed":
            parts["raw"] = raw_digests(self.node, raw, time.time_ns())
        return replace(
            made, parts=parts, beside=beside, raw=raw, seen_ns=time.time_ns(), facts=dict(facts)
        )


def begin(freshness: Freshness, node: Node) -> Reading:
    """Looks at a unit's inputs, all of which are fresh."""
    return Reading(
        freshness=freshness,
        node=node,
        parts=freshness.parts_without_raw(node),
        contents=freshness.contents(node),
    )
