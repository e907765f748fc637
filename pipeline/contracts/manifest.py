"""`condition.json` and `dataset_manifest.json`, as typed values.

Belongs here: their form. What stands in them is `publishing/`'s. Values of which a year of hundreds of
symbols has hundreds of thousands are not looked at by the garbage collector: nothing in them leads back.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.contracts.ledger import Lines
from pipeline.contracts.tape import TapeFinding, TapeProof
from pipeline.contracts.value import Value, read_as, to_json
from pipeline.contracts.verdict import Condition, Reason
from pipeline.free_form import Json

__all__ = [
    "Code",
    "Column",
    "Contract",
    "DayCondition",
    "FileEntry",
    "Footer",
    "InputEntry",
    "Manifest",
    "Measure",
    "Range",
    "RowGroup",
    "SymbolCondition",
    "TapeEntry",
    "Window",
    "from_json",
    "read",
    "read_published",
    "to_json",
]


class SymbolCondition(Value, frozen=True, kw_only=True, gc=False):
    """The condition of a symbol's day, and why it is no better."""

    condition: Condition
    reasons: tuple[Reason, ...] = ()


class DayCondition(Value, frozen=True, kw_only=True):
    """The worst condition of a day's symbols, and each symbol's."""

    day: Condition
    symbols: dict[str, SymbolCondition]


class Column(Value, frozen=True, kw_only=True, gc=False):
    """A column as Arrow names its type."""

    name: str
    type: str
    unit: str


class Window(Value, frozen=True, kw_only=True):
    """First and last instant of a table's rows."""

    first: str
    last: str


class Range(Value, frozen=True, kw_only=True, gc=False):
    """A range of a file's bytes, and their digest."""

    offset: int
    bytes: int
    sha256: str


class RowGroup(Range, frozen=True, kw_only=True, gc=False):
    """The bytes of one symbol's rows in a table's file, and those of the file's footer that describe them."""

    symbol: str
    rows: int
    footer: Range


class Footer(Value, frozen=True, kw_only=True):
    """What each row group's reader needs of a file's footer besides: its beginning and its end."""

    schema: Range
    writer: Range


class FileEntry(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What a published file's bytes are; and its rows, where it holds a table.

    A file that is no table has no `content_hash`. The `window` of a table is None without rows, or without
    a column of instants. A table whose row groups have a symbol each says where these lie, in the file's
    order, and has a `footer`; tables of earlier releases do not say it.
    """

    bytes: int
    md5: str
    sha256: str
    rows: int | None = None
    content_hash: str | None = None
    columns: tuple[Column, ...] = ()
    window: Window | UnsetType | None = UNSET
    row_groups: tuple[RowGroup, ...] = ()
    footer: Footer | None = None


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


class Measure(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A check's one limit, what each symbol measured (None: nothing), and whose consequence is waived."""

    unit: str
    code: str
    consequence: str
    waived: dict[str, str]
    measured: dict[str, int | float | None]
    at_least: int | float | None = None
    at_most: int | float | None = None


class Contract(Value, frozen=True, kw_only=True):
    """The governance in force: the digest of each document's bytes, and of each slice's meaning."""

    files: dict[str, str]
    slices: dict[str, str]


class Code(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The code in force, a digest a stage; and of accepted results the digests of what computed them."""

    package: str
    stages: dict[str, str]
    accepted: dict[str, list[str]] = msgspec.field(default_factory=dict)


class TapeEntry(Value, frozen=True, kw_only=True):
    """How a symbol's tapes and klines agree, as `contracts/tape.py` says it."""

    sources: dict[str, int]
    minutes: int
    proven: int
    differing: dict[str, int]
    tapes: dict[str, TapeProof]
    pairs: dict[str, dict[str, int]]

    @classmethod
    def of(cls, found: TapeFinding) -> TapeEntry:
        """What the manifest tells of a symbol's proof; faults and single values are the report's."""
        return cls(**{name: getattr(found, name) for name in cls.__struct_fields__})


class Manifest(Value, frozen=True, kw_only=True, omit_defaults=True):
    """`dataset_manifest.json`: symbol -> raw name -> what was read, and each symbol's finding as it stood.

    A published finding is passed on as it was written, for its form may be an earlier release's. `tape` has
    the symbols with a tape, and is not written where none has one.
    """

    producer: str
    dataset: str
    date: dt.date
    version: str
    simulated: bool
    condition: DayCondition
    files: dict[str, FileEntry]
    inputs: dict[str, dict[str, InputEntry]]
    calibration: dict[str, Json]
    tape: dict[str, TapeEntry] = msgspec.field(default_factory=dict)
    quality: dict[str, Measure]
    contract: Contract
    code: Code
    data_manifest_hash: str
    calibration_hash: str


# Prepared here, once: several threads that read their first manifest at the same moment crash msgspec.
msgspec.json.Decoder(Manifest)


def read(value: Any) -> Manifest:
    """The manifest in a JSON value.

    Raises:
        ContractError: a field is unknown, absent or of another type.
    """
    return read_as(Manifest, value, "dataset_manifest.json", "Manifest")


def read_published(value: Any, document: str) -> Manifest:
    """As `read`, of a revision: it is whole in its own form, and is never built again."""
    return read_as(
        Manifest, value, document, "Manifest", "read it with the release that published it"
    )


def from_json(value: Any) -> DayCondition:
    """The condition in a JSON value.

    Raises:
        ContractError: a field is unknown, absent or of another type.
    """
    return read_as(DayCondition, value, "condition.json", "Assemble")
