"""JSON lines -> typed records in batches; a line that cannot be read is one reject and nothing else.

Belongs here: JSON, bare NaN, indented objects, arrays, torn ends. What a field means is the adapters'.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Generic, TypeVar

import msgspec

from pipeline.free_form import Json
from pipeline.sources.protocol import RawText, Reject
from pipeline.sources.text.indented import unindent
from pipeline.sources.text.json_array import elements, is_array
from pipeline.sources.text.lines import BOM, Block, Seen, pieces, read_lines

Record = TypeVar("Record")

_NOT_JSON = re.compile(rb'("(?:[^"\\]|\\.)*+"?)|-?\b(?:NaN|Infinity)\b')
"""A string (kept), or a bare number that Newtonsoft writes and JSON does not have."""


@dataclass(slots=True, kw_only=True)
class Batch(Generic[Record]):
    """Records of one block of lines; `places[i]` is where in the block record i stands."""

    records: list[Record]
    places: list[int]
    block: Block


@dataclass(slots=True)
class JsonLines(Generic[Record]):
    """A file of JSON objects, one a line, or indented over several lines."""

    text: RawText
    kind: type[Record]
    rejects: list[Reject] = field(default_factory=list)
    defects: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    blank_lines: int = 0
    torn_tail: dict[str, int] | None = None
    bare_nan: int = 0
    indented: bool = False
    array: bool = False
    seen: Seen = field(default_factory=Seen)
    _decoder: msgspec.json.Decoder[Record] = field(init=False)

    def __post_init__(self) -> None:
        self._decoder = msgspec.json.Decoder(self.kind)

    def batches(self) -> Iterator[Batch[Record]]:
        """Every good record, once, in file order.

        Raises:
            SourceError: the file as a whole cannot be read.
        """
        for block in self.blocks():
            yield self.batch(block, range(block.count))

    def blocks(self) -> Iterator[Block]:
        """The file's lines, counted but not yet read.

        Raises:
            SourceError: the file as a whole cannot be read.
        """
        for block in self._cut():
            self.lines += block.count
            yield block

    def _cut(self) -> Iterator[Block]:
        if is_array(self.text.head):
            self.array, self.seen.bom = True, self.text.head.startswith(BOM)
            return elements(self.text.name, self.text.blocks())
        blocks = read_lines(self.text.name, self.text.blocks(), self.seen)
        first = next((line for line in BytesIO(self.text.head) if line.strip()), b"")
        self.indented = first.removeprefix(BOM).rstrip() == b"{"
        return unindent(blocks) if self.indented else blocks

    def batch(self, block: Block, places: Iterable[int]) -> Batch[Record]:
        """The good records among some lines of a block; the others are set aside."""
        decode = self._decoder.decode
        batch: Batch[Record] = Batch(records=[], places=[], block=block)
        for place in places:
            line = block.lines[place]
            try:
                record = decode(line)
                if not block.ascii:
                    line.decode()  # the decoder does not look into fields that nobody asked for
            except (ValueError, RecursionError) as error:
                self._mend(batch, place, error)
            else:
                batch.records.append(record)
                batch.places.append(place)
        return batch

    @property
    def read(self) -> int:
        """Objects so far, good or not."""
        return self.lines - self.blank_lines

    def notes(self) -> Json:
        """How the file was written, for the ledger."""
        notes: Json = {
            "encoding": "utf-8-sig" if self.seen.bom else "utf-8",
            "line_ends": "crlf" if self.seen.crlf else "lf",
        }
        if self.torn_tail is not None:
            notes["torn_tail"] = self.torn_tail
        if self.bare_nan:
            notes["bare_nan_lines"] = self.bare_nan
        if self.indented:
            notes["indented"] = True
        if self.array:
            notes["array"] = "a JSON array; lines are its elements"
        return notes

    def reject(self, batch: Batch[Record], index: int, code: str, reason: str) -> None:
        """Sets the record at an index of the batch aside."""
        self.rejects.append(batch.block.reject(batch.places[index], code, reason))

    def _mend(self, batch: Batch[Record], place: int, error: Exception) -> None:
        """Takes what can be read of a line after all; what cannot be read of it is set aside, once."""
        parts = pieces(batch.block.lines[place])
        records = [record for part in parts if (record := self._tolerant(part)) is not None]
        if not parts:
            self.blank_lines += 1
            return
        if len(records) < len(parts):
            self._set_aside(batch.block, place, error)
        if records:
            self.lines += len(records) - (len(records) == len(parts))
            self.defects["A12"] += 1
            batch.records += records
            batch.places += [place] * len(records)

    def _tolerant(self, text: bytes) -> Record | None:
        """The object, bare numbers that are none read as null; None where it is no such object."""
        has_nan = b"NaN" in text or b"Infinity" in text
        try:
            text.decode()
            if not has_nan:
                return self._decoder.decode(text)
            record = self._decoder.decode(_NOT_JSON.sub(lambda m: m[1] or b"null", text))
        except (ValueError, RecursionError):
            return None
        self.bare_nan += 1
        return record

    def _set_aside(self, block: Block, place: int, error: Exception) -> None:
        reason = f"not the JSON object that was expected ({error})"
        if block.torn:
            reason = f"torn last line, the file ends inside it ({error})"
            self.torn_tail = block.place(place)
        self.rejects.append(block.reject(place, "A13", reason))
