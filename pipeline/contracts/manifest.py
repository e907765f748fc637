"""`condition.json` and the parts of `dataset_manifest.json`, as typed values.

Belongs here: their form. What stands in them is `publishing/`'s.
"""

from __future__ import annotations

from typing import Any

from pipeline.contracts.ledger import Lines
from pipeline.contracts.value import Value, read_as, to_json
from pipeline.contracts.verdict import Condition, Reason
from pipeline.free_form import Json

__all__ = [
    "Column",
    "DayCondition",
    "FileEntry",
    "InputEntry",
    "SymbolCondition",
    "TableEntry",
    "Window",
    "from_json",
    "to_json",
]


class SymbolCondition(Value, frozen=True, kw_only=True):
    """The condition of a symbol's day, and why it is no better."""

    condition: Condition
    reasons: tuple[Reason, ...] = ()


class DayCondition(Value, frozen=True, kw_only=True):
    """The worst condition of a day's symbols, and each symbol's."""

    day: Condition
    symbols: dict[str, SymbolCondition]


class FileEntry(Value, frozen=True, kw_only=True):
    """What a published file's bytes are."""

    bytes: int
    md5: str
    sha256: str


class Column(Value, frozen=True, kw_only=True):
    """A column as Arrow names its type."""

    name: str
    type: str
    unit: str


class Window(Value, frozen=True, kw_only=True):
    """First and last instant of a table's rows."""

    first: str
    last: str


class TableEntry(FileEntry, frozen=True, kw_only=True):
    """A file that holds a table; `window` is None without rows, or without a column of instants."""

    rows: int
    content_hash: str
    columns: tuple[Column, ...]
    window: Window | None


class InputEntry(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A raw file that the day was made of. Counts beside `lines` are written where there is any.

    `moved_rows` are this day's rows of a neighbour day's file, whose `lines` are its own day's account.
    """

    bytes: int | None
    sha256: str | None
    lines: Lines
    inferred: Json
    other_days: int = 0
    other_symbols: int = 0
    ignored: int = 0
    moved_rows: int | None = None


def from_json(value: Any) -> DayCondition:
    """The condition in a JSON value.

    Raises:
        ContractError: a field is unknown, absent or of another type.
    """
    return read_as(DayCondition, value, "condition.json", "Assemble")
