"""What an adapter gets and gives: feed, reject, parsed file.

Belongs here: the values that pass between the rooms of `sources/`, free of any vendor's habits.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from pipeline.contracts.values import ANY, ValueLimits
from pipeline.free_form import Json
from pipeline.model.feeds import FEEDS, FeedKind
from pipeline.model.limits import Limits

RAW_TEXT_BYTES = 4096
"""How much of a rejected line is kept as text; its length and digest stand for the rest."""

REASON_CHARS = 300
"""A reason may quote the file; a hostile file shall not fill the table with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One source of one symbol on one UTC day.

    `source` is one of `FEEDS`; `market` one of spot, futures_um, futures_cm; `vendor_symbol`
    the symbol's name at that vendor; `values` how large a number of its rows may be. `record` are CONTROL's
    rules by which klines are held against themselves, None where nobody asks. `zone` and `label` are what the
    configuration says of stamps that do not say it themselves: the IANA zone of text, and `open` or `close`.
    """

    symbol: str
    market: str
    source: str
    vendor_symbol: str
    day: dt.date
    values: ValueLimits = ANY
    record: Mapping[str, float] | None = None
    zone: str | None = None
    label: str | None = None

    @property
    def kind(self) -> FeedKind:
        """What holds for every day and symbol of it."""
        return FEEDS[self.source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A raw line set aside. `line` counts from 1 (0: the whole file); `raw` is cut at 4 KiB,
    `raw_bytes` and `raw_sha256` are of the whole line without its line end.
    """

    line: int
    byte_offset: int
    code: str
    reason: str
    raw: str
    raw_bytes: int
    raw_sha256: str


def reject(raw: bytes, *, line: int, offset: int, code: str, reason: str) -> Reject:
    r"""Sets a line aside, bytes that are not UTF-8 written as \xNN."""
    raw = raw.rstrip(b"\r\n")
    return Reject(
        line=line,
        byte_offset=offset,
        code=code,
        reason=reason[:REASON_CHARS],
        raw=raw[:RAW_TEXT_BYTES].decode("utf-8", "backslashreplace"),
        raw_bytes=len(raw),
        raw_sha256=hashlib.sha256(raw).hexdigest(),
    )


class RawText(Protocol):
    """An open raw file as an adapter sees it: decompressed bytes in blocks, read once."""

    name: str
    limits: Limits

    @property
    def head(self) -> bytes:
        """Its first block."""
        ...

    def blocks(self) -> Iterator[bytes]:
        """The decompressed bytes, `head` included."""
        ...


@dataclass(slots=True, kw_only=True)
class Parsed:
    """One file as its adapter read it: `read == rows used + merged + len(rejects)`.

    Beside these lines it has `blank_lines`, rows of `other_days` and of `other_symbols`, and `ignored` text
    before the header, or a header again.
    `rows` has the columns of the source's clean table but `file` and `flags`; a flag is a boolean
    column of the flag's name. `conflicts` maps the open time (us) of klines that contradict each other to the
    first one's line. Rows of other days and other symbols, and `ignored` text before a header, are no part of
    `read`. `defects` counts what was mended or flagged, by code; what was set aside is in
    `rejects` alone.
    """

    rows: pa.Table
    rejects: list[Reject]
    read: int
    merged: int = 0
    blank_lines: int = 0
    other_days: int = 0
    other_symbols: int = 0
    ignored: int = 0
    conflicts: dict[int, int] = field(default_factory=dict)
    notes: Json = field(default_factory=dict)
    defects: Counter[str] = field(default_factory=Counter)


Put = Callable[[pa.Table], None]
"""Takes successive rows of a file, which need not stand in memory any longer."""


class Adapter(Protocol):
    """One vendor format. A new one is a file with such an object and a line in the registry."""

    @property
    def name(self) -> str:
        """Its name in ledgers."""
        ...

    @property
    def sources(self) -> tuple[str, ...]:
        """The feeds whose files may have this format."""
        ...

    def claims(self, name: str, head: bytes) -> bool:
        """Whether a file of that name whose text begins so is of this format."""
        ...

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """Reads the whole file: one bad line is one reject and costs no other line.

        Raises:
            SourceError: the file as a whole cannot be used.
        """
        ...


class TapeAdapter(ABC):
    """An adapter of files that may be too long for the memory."""

    @abstractmethod
    def parse_tape(self, text: RawText, feed: Feed, put: Put) -> Parsed:
        """As `Adapter.parse`, but the rows go to `put` in order, and the result has none.

        Raises:
            SourceError: the file as a whole cannot be used; what was put counts for nothing.
        """

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """As `Adapter.parse`."""
        tables: list[pa.Table] = []
        parsed = self.parse_tape(text, feed, tables.append)
        parsed.rows = pa.concat_tables([parsed.rows, *tables])
        return parsed
