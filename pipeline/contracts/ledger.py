"""`ledger.json`: what became of every line of a feed's raw files, as typed values.

Belongs here: the form of an entry, which `sources/` writes and nearly all read. Counting is `sources/`'s.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.contracts.value import Value, read_as, to_json
from pipeline.free_form import Json

__all__ = ["LedgerEntry", "Lines", "MovedEntry", "SlowEntry", "from_json", "to_json"]


class Lines(Value, frozen=True, kw_only=True):
    """A file's raw lines by what became of them: each was used, merged into another, or rejected."""

    read: int = 0
    used: int = 0
    merged: int = 0
    rejected: int = 0

    @property
    def accounted(self) -> int:
        """Of the lines read, those whose end is known."""
        return self.used + self.merged + self.rejected

    @property
    def balanced(self) -> bool:
        """Whether no line was lost."""
        return self.read == self.accounted

    def __add__(self, other: Lines) -> Lines:
        """The lines of both."""
        names = self.__struct_fields__
        return Lines(**{name: getattr(self, name) + getattr(other, name) for name in names})


class LedgerEntry(Value, frozen=True, kw_only=True):
    """One raw file. Counts beside `lines` are of lines that are no rows of the feed and day.

    `notes` is what is said of the file beyond the counts, `inferred` of these what it does not say itself:
    both are of free form, by the adapter. None: not known where only the file's lines are told.
    """

    path: str
    bytes: int | None = None
    sha256: str | None = None
    adapter: str | None = None
    lines: Lines = Lines()
    blank_lines: int = 0
    other_days: int = 0
    other_symbols: int = 0
    ignored: int = 0
    notes: Json = msgspec.field(default_factory=dict)
    inferred: Json = msgspec.field(default_factory=dict)


class MovedEntry(LedgerEntry, frozen=True, kw_only=True):
    """A neighbour day's file, of which so many rows were moved into this day."""

    moved_rows: int


class SlowEntry(Value, frozen=True, kw_only=True):
    """A file behind a history's slow features: its lines of all days in reach, and why it gave nothing."""

    feed: str
    path: str
    bytes: int
    sha256: str
    lines: Lines
    inferred: Json
    said: Json = msgspec.field(default_factory=dict)

    def as_input(self) -> LedgerEntry:
        """As one of the files that a day was made of."""
        return LedgerEntry(
            path=self.path,
            bytes=self.bytes,
            sha256=self.sha256,
            lines=self.lines,
            inferred=self.inferred,
        )


def from_json(value: Any) -> list[LedgerEntry]:
    """The document in a JSON value.

    Raises:
        ContractError: a field is unknown, absent or of another type.
    """
    return read_as(list[LedgerEntry], value, "ledger.json", "CleanFeed")
