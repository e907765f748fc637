"""Bytes -> lines with their numbers and offsets, whatever the blocks they came in.

Belongs here: line ends, the byte order mark, the unterminated last line. What a line says is the adapters'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from pipeline.errors import SourceError
from pipeline.sources.protocol import Reject, reject

MAX_LINE_BYTES = 32 << 20
"""A line of an export has some hundred bytes; a file with one beyond 32 MiB is not made of lines."""

BOM = b"\xef\xbb\xbf"


@dataclass(slots=True, kw_only=True)
class Block:
    """Consecutive lines without their line feeds. `numbers` count from 1, `offsets` are byte positions
    in the decompressed text. `torn`: its one line ends the file without a line feed.
    """

    lines: list[bytes]
    numbers: Sequence[int]
    offsets: Sequence[int]
    ascii: bool
    torn: bool = False

    def reject(self, place: int, code: str, reason: str) -> Reject:
        """Sets the line at a place in this block aside."""
        return reject(
            self.lines[place],
            line=self.numbers[place],
            offset=self.offsets[place],
            code=code,
            reason=reason,
        )

    def place(self, place: int) -> dict[str, int]:
        """Where a line of this block stands in the file, for a ledger."""
        return {
            "line": self.numbers[place],
            "byte_offset": self.offsets[place],
            "bytes": len(self.lines[place]),
        }


@dataclass(slots=True)
class Seen:
    """How the file was written."""

    bom: bool = False
    crlf: bool = False


def read_lines(name: str, blocks: Iterable[bytes], seen: Seen) -> Iterator[Block]:
    """The file's lines, blank ones included; fills `seen` on the way.

    Raises:
        SourceError: a line longer than any export's.
    """
    carry, number, offset = b"", 1, 0
    for position, chunk in enumerate(blocks):
        if position == 0 and chunk.startswith(BOM):
            chunk, offset, seen.bom = chunk[len(BOM) :], len(BOM), True
        head, line_feed, tail = chunk.rpartition(b"\n")
        if not line_feed:
            carry = _bounded(name, carry + tail)
            continue
        body = carry + head
        seen.crlf = seen.crlf or body.endswith(b"\r") or b"\r\n" in body
        block = _block(body, number, offset)
        yield block
        number, offset, carry = number + len(block.lines), offset + len(body) + 1, tail
    if carry:
        block = _block(carry, number, offset)
        block.torn = True
        yield block


def _block(body: bytes, number: int, offset: int) -> Block:
    lines = body.split(b"\n")
    return Block(
        lines=lines,
        numbers=range(number, number + len(lines)),
        offsets=list(accumulate((len(line) + 1 for line in lines[:-1]), initial=offset)),
        ascii=body.isascii(),
    )


def _bounded(name: str, carry: bytes) -> bytes:
    if len(carry) > MAX_LINE_BYTES:
        raise SourceError(
            f"{name}: a line longer than {MAX_LINE_BYTES} bytes; wanted lines of text; this is no export"
        )
    return carry
