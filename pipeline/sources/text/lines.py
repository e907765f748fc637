"""Bytes -> lines with their numbers and offsets, whatever the blocks they came in.

Belongs here: line ends, the byte order mark, the unterminated last line. What a line says is the adapters'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from pipeline.errors import SourceError
from pipeline.sources.protocol import Reject, reject

MAX_LINE_BYTES = 32 << 20
"""A line of an export has some hundred bytes; a file with one beyond 32 MiB is not made of lines."""

_LINE_FEED = ord("\n")
_PIECE = 1 << 16
"""Compared at a time: what comes of it stays in the processor's cache."""

BOM = b"\xef\xbb\xbf"

_NO_TEXT = re.compile(rb"(?:\xef\xbb\xbf|\0)+")


def pieces(line: bytes) -> list[bytes]:
    """What stands around byte order marks and runs of NUL in a line, without pieces that are blank.

    Files that were joined have a mark where the next began, and a machine that lost its power leaves NULs.
    """
    if b"\0" not in line and BOM not in line:
        return [line] if line.strip() else []
    return [piece for piece in _NO_TEXT.split(line) if piece.strip()]


def is_comment(line: bytes) -> bool:
    """Whether a line before a table says of itself that it is none of it: a comment, an address."""
    return text_of(line).lstrip().startswith((b"#", b"//", b"http://", b"https://"))


def text_of(line: bytes) -> bytes:
    """The line of a table without such marks around it; blank where there is nothing else."""
    if b"\0" not in line and BOM not in line:
        return line
    found = pieces(line)
    return line if len(found) > 1 else b"".join(found)


@dataclass(kw_only=True)
class Block:
    """Consecutive lines: `body` without its last line feed, the number and byte offset of its first line.

    `torn`: its one line ends the file without a line feed. `whole`: the body is one record, although it
    has line feeds inside. The lines are cut only when somebody asks for them.
    """

    body: bytes
    number: int
    offset: int
    torn: bool = False
    whole: bool = False

    @cached_property
    def count(self) -> int:
        """How many lines, or the one record."""
        if self.whole:
            return 1
        data = np.frombuffer(self.body, dtype=np.uint8)
        pieces = (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
        return 1 + sum(int(np.count_nonzero(piece == _LINE_FEED)) for piece in pieces)

    @cached_property
    def lines(self) -> list[bytes]:
        """The lines without their line feeds."""
        return [self.body] if self.whole else self.body.split(b"\n")

    @property
    def numbers(self) -> range:
        """The lines' numbers, which count from 1."""
        return range(self.number, self.number + self.count)

    @cached_property
    def offsets(self) -> list[int]:
        """The lines' byte positions in the decompressed text."""
        return list(accumulate((len(line) + 1 for line in self.lines[:-1]), initial=self.offset))

    @cached_property
    def ascii(self) -> bool:
        """Whether no byte can be part of a sequence that is not UTF-8."""
        return self.body.isascii()

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
        end = chunk.rfind(b"\n")
        if end < 0:
            carry = _bounded(name, carry + chunk)
            continue
        body, tail = b"".join((carry, memoryview(chunk)[:end])), chunk[end + 1 :]
        if (
            not seen.crlf and b"\r" in body
        ):  # the one byte is found twenty times faster than the two
            seen.crlf = body.endswith(b"\r") or b"\r\n" in body
        block = Block(body=body, number=number, offset=offset)
        yield block
        number, offset, carry = number + block.count, offset + len(body) + 1, tail
    if carry:
        yield Block(body=carry, number=number, offset=offset, torn=True)


def _bounded(name: str, carry: bytes) -> bytes:
    if len(carry) > MAX_LINE_BYTES:
        raise SourceError(
            f"{name}: a line longer than {MAX_LINE_BYTES} bytes; wanted lines of text; this is no export"
        )
    return carry
