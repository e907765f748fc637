"""What neighbour days have to say about a unit's own day: the slice of each that its clock moves in.

A unit with a need `beside` depends on that slice alone, by its digest, and an empty slice is no dependence:
a neighbour that comes late, or changes elsewhere, leaves the unit true. The heavy libraries are loaded only
for a neighbour that was not seen before.
"""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Mapping

from pipeline.clock import day_open_us
from pipeline.freshness.graph import Edge, Node, label
from pipeline.freshness.receipt import Receipt

NEIGHBOURS = "pipeline.alignment.neighbours"


def beside(node: Node, kept: Receipt, contents: Mapping[str, str]) -> dict[str, list[str]]:
    """Input -> [content of the whole, digest of the slice, empty for none], for each neighbour day.

    Args:
        node: Whose neighbours.
        kept: Its receipt: the windows that its finding depends on, and what was seen.
        contents: Content of every input, by name.
    """
    found = {}
    for edge in node.edges:
        if edge.beside:
            name = label(edge)
            known = kept.beside.get(name)
            seen = known is not None and known[0] == contents[name]
            digest = known[1] if known and seen else _digest(node.unit.day, edge, kept)
            found[name] = [contents[name], digest]
    return found


def digests(seen: Mapping[str, list[str]]) -> dict[str, str]:
    """The neighbours that have something to say: input -> digest of its slice."""
    return {name: digest for name, (_, digest) in seen.items() if digest}


def _digest(day: dt.date, edge: Edge, kept: Receipt) -> str:
    neighbours = importlib.import_module(NEIGHBOURS)
    side = neighbours.BEFORE if edge.unit.day < day else neighbours.AFTER
    windows = kept.windows.get(str(edge.unit.source)) or neighbours.reach(day_open_us(day))
    return str(neighbours.digest(edge.place, tuple(windows[side])))
