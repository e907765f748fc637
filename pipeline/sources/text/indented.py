"""JSON objects that an exporter indented over several lines (JsonIndent=true), one a line again.

Belongs here: that one habit. An object that was never closed costs itself alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.sources.text.lines import Block

_Line = tuple[bytes, int, int]


def unindent(blocks: Iterable[Block]) -> Iterator[Block]:
    """A block an object; its number and offset are those of its `{`, alone on its line."""
    pending: list[_Line] = []
    torn = False
    for block in blocks:
        torn = block.torn
        for line in zip(block.lines, block.numbers, block.offsets, strict=True):
            text = line[0].rstrip()
            if pending and text.startswith(b"{"):
                yield _joined(pending)
                pending = []
            pending.append(line)
            if text == b"}" or (len(pending) == 1 and _stands_alone(text)):
                yield _joined(pending)
                pending = []
    if pending:
        yield _joined(pending, torn=torn)


def _stands_alone(text: bytes) -> bool:
    """A blank line, or a whole object on one line after all."""
    return not text or (text.startswith(b"{") and text != b"{")


def _joined(lines: list[_Line], *, torn: bool = False) -> Block:
    whole = b"\n".join(line for line, _, _ in lines)
    _, number, offset = lines[0]
    return Block(body=whole, number=number, offset=offset, torn=torn, whole=True)
