"""Reading the paths of inline drawings: what is drawn where."""

from __future__ import annotations

import re
from itertools import pairwise

Point = tuple[int, int]

_COMMAND = re.compile(r"([MmlhvZ])([^MmlhvZ]*)")
_NUMBER = re.compile(r"-?[0-9]+")


def pieces(path: str) -> list[list[Point]]:
    """The corners of each unbroken line of a path; of its commands M, m, l, h and v are known."""
    assert re.fullmatch(r"(?:[Mmlhv](?:[ -]?[0-9]+)+)*", path), path
    found: list[list[Point]] = []
    x = y = 0
    for command, text in _COMMAND.findall(path):
        numbers = [int(n) for n in _NUMBER.findall(text)]
        pairs = (
            [(numbers[0], 0)]
            if command == "h"
            else [(0, numbers[0])]
            if command == "v"
            else list(zip(numbers[::2], numbers[1::2], strict=True))
        )
        for dx, dy in pairs:
            x, y = (dx, dy) if command == "M" else (x + dx, y + dy)
            if command in "Mm":
                found.append([])
            found[-1].append((x, y))
    return found


def strokes(path: str) -> list[tuple[Point, Point]]:
    """Start and end of each straight stroke."""
    return [pair for piece in pieces(path) for pair in pairwise(piece)]
