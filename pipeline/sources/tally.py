"""What became of each line of a file while it is read: the counts that a reader's result is made of.

Belongs here: counting and setting aside, the same for every vendor. What is wrong with a line is not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa

from pipeline.errors import SourceError
from pipeline.free_form import Json
from pipeline.sources.protocol import Feed, Parsed, Reject
from pipeline.sources.text.lines import Block

_NAMES_TOLD = 3


@dataclass(kw_only=True)
class Tally:
    """The counts of one file, as `Parsed` has them; `torn_tail` is where the file ends inside a line."""

    feed: Feed
    name: str
    rejects: list[Reject] = field(default_factory=list)
    defects: Counter[str] = field(default_factory=Counter)
    read: int = 0
    merged: int = 0
    blank_lines: int = 0
    other_days: int = 0
    other_symbols: Counter[str] = field(default_factory=Counter)
    ignored: int = 0
    torn_tail: dict[str, int] | None = None

    def set_aside(self, block: Block, place: int, code: str, reason: str) -> None:
        """Rejects the line at a place of a block; one that the file ends inside of is A13."""
        if block.torn:
            code, reason = "A13", f"torn last line, the file ends inside it ({reason})"
            self.torn_tail = block.place(place)
        self.rejects.append(block.reject(place, code, reason))

    def all_others(self) -> SourceError:
        """The refusal of a file all of whose rows are of other symbols."""
        names = ", ".join(name[:40] for name, _ in self.other_symbols.most_common(_NAMES_TOLD))
        return SourceError(
            f"{self.name}: its rows are of {names}; wanted {self.feed.vendor_symbol}; file it under"
            " that symbol",
            code="B26",
        )

    def parsed(self, rows: pa.Table, notes: Json) -> Parsed:
        """What was read, with the notes on how it was written."""
        torn = {} if self.torn_tail is None else {"torn_tail": self.torn_tail}
        return Parsed(
            rows=rows,
            rejects=sorted(self.rejects, key=lambda reject: reject.line),
            read=self.read,
            merged=self.merged,
            blank_lines=self.blank_lines,
            other_days=self.other_days,
            other_symbols=self.other_symbols.total(),
            ignored=self.ignored,
            notes={**notes, **torn},
            defects=+self.defects,
        )
