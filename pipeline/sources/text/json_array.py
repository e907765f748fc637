"""A JSON array, bare or as {"data": [...]} -> its elements, one a line, as if they were JSON lines.

Belongs here: cutting, streaming, and finding the next element after a broken one. What an element says is
the adapters'. A reject's line is then the element's number, from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from pipeline.errors import SourceError
from pipeline.sources.text.lines import BOM, MAX_LINE_BYTES, Block, Seen, read_lines

_OPENING = re.compile(rb'\s*(?:\{\s*"data"\s*:\s*)?\[(?=\s*[\[{\]]|\s*$)')
_STRAY = re.compile(rb"\s*\[\s*\n\s*[{\[][^\n]*[}\]]\s*\n\s*[{\[]")
"""A bracket before lines that are whole objects, without a comma between them: lines, not elements."""
_PART = re.compile(rb'"(?:[^"\\\n]|\\.)*"|[\[\]{},]|\n[ \t\r]*(?=[{\[])|"', re.S)
"""A string, a mark of structure, a line that begins an element, or a quote whose string does not end."""


def is_array(head: bytes) -> bool:
    """Whether a text that begins so is an array of objects or of arrays, wrapped or not."""
    text = head.removeprefix(BOM)
    return _OPENING.match(text) is not None and _STRAY.match(text) is None


def elements(name: str, blocks: Iterable[bytes]) -> Iterator[Block]:
    """The elements of the array, blank ones included.

    An element that never closes ends where the next one begins a line. What the file lacks at its end
    makes the last element torn.

    Raises:
        SourceError: an element longer than any line of an export.
    """
    cutter = _Cutter(name)
    for block in blocks:
        cutter.text += block
        yield from cutter.block(last=False)
    yield from cutter.block(last=True)


def records(name: str, blocks: Iterable[bytes]) -> Iterator[Block]:
    """The elements of a text that is an array, or its lines.

    Raises:
        SourceError: an element or a line longer than any of an export.
    """
    blocks = iter(blocks)
    head = next(blocks, b"")
    whole = chain([head], blocks)
    yield from elements(name, whole) if is_array(head) else read_lines(name, whole, Seen())


@dataclass(slots=True)
class _Cutter:
    """`text` begins at `offset` of the file; `at` is how far it was looked at, at `depth` in an element."""

    name: str
    text: bytes = b""
    offset: int = 0
    at: int = 0
    depth: int = 0
    number: int = 0
    begun: bool = False
    ended: bool = False
    made: list[Block] = field(default_factory=list)

    def block(self, *, last: bool) -> Iterator[Block]:
        """The elements that are complete by now; with `last` also what is left."""
        start = self._begin()
        if self.begun and not self.ended:
            start = self._cut(start, last=last)
        self.text, self.offset, self.at = (
            self.text[start:], self.offset + start, max(self.at - start, 0),
        )  # fmt: skip
        if len(self.text) > MAX_LINE_BYTES:
            raise SourceError(
                f"{self.name}: an element longer than {MAX_LINE_BYTES} bytes; wanted small objects;"
                " this is no export"
            )
        if last and not self.ended and self.text.strip():
            self._take(0, len(self.text), torn=True)
        yield from self.made
        self.made = []

    def _begin(self) -> int:
        if self.begun:
            return 0
        mark = len(BOM) if self.text.startswith(BOM) else 0
        opening = _OPENING.match(self.text, mark)
        if opening is None:
            return 0
        self.begun, self.at = True, opening.end()
        return opening.end()

    def _cut(self, start: int, *, last: bool) -> int:
        """Takes every whole element from `start` on; returns where the first unfinished one begins."""
        for part in _PART.finditer(self.text, self.at):
            mark = part[0][:1]
            if part[0] == b'"' and not last and b"\n" not in self.text[part.start() :]:
                self.at = part.start()
                return start
            self.at = part.end()
            if mark in b"{[":
                self.depth += 1
            elif mark == (b"\n" if self.depth else b","):
                start = self._next(start, part.start(), part.end())
            elif mark in b"}]":
                if not self.depth:
                    self._last(start, part.start())
                    return len(self.text)
                self.depth -= 1
        return start

    def _next(self, start: int, stop: int, after: int) -> int:
        self._take(start, stop)
        self.depth = 0
        return after

    def _last(self, start: int, stop: int) -> None:
        self.ended = True
        if self.text[start:stop].strip():
            self._take(start, stop)

    def _take(self, start: int, stop: int, *, torn: bool = False) -> None:
        line = self.text[start:stop]
        blank = len(line) - len(line.lstrip())
        self.number += 1
        offset = self.offset + start + blank
        self.made.append(
            Block(body=line.strip(), number=self.number, offset=offset, torn=torn, whole=True)
        )
