"""Klines that a user keeps as JSON: objects with names, or arrays `[time, open, high, low, close, volume]`.

Belongs here: `[{"open_time": .., "open": ..}, ..]`, `[[time, ..], ..]`, whole, wrapped or a row a line.
Arrays of the exchange's twelve values are `rest.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pipeline.errors import SourceError
from pipeline.free_form import Json
from pipeline.sources.klines.column_names import (
    ARCHIVE,
    NAMELESS,
    Columns,
    columns_of,
    wanted_columns,
)
from pipeline.sources.klines.rows import KlineFile
from pipeline.sources.klines.stamps import instant_of
from pipeline.sources.klines.text_dates import is_year_last
from pipeline.sources.own.rows import Table, Values, read_table
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.text.json_array import is_array, records
from pipeline.sources.text.json_value import value_of
from pipeline.sources.text.lines import BOM, Block, text_of

_TRIED = 5
"""A file is known by its first rows, of which some may be damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What the rows are: objects with `names`, or arrays without (None) of `columns.width` values."""

    columns: Columns
    names: tuple[str, ...] | None

    def values(self, text: bytes) -> Values:
        """The values of a row.

        Raises:
            ValueError: not the JSON of such a row.
        """
        row = value_of(text)
        if self.names is not None and isinstance(row, dict):
            return [row.get(name) for name in self.names]
        if self.names is None and isinstance(row, list):
            return row
        raise ValueError(f"not the {'object' if self.names else 'array'} that the other rows are")


class BinanceJson:
    """The adapter."""

    name = "binance_json"
    sources = ("binance_1m", "binance_1d")

    def claims(self, name: str, head: bytes) -> bool:
        """By first rows that are arrays of a stamp and numbers, or objects with the names of a kline."""
        if not is_json(head):
            return False
        rows = islice(records(name, [head]), _TRIED)
        return find_form(line for block in rows for line in block.lines[:_TRIED]) is not None

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The day's rows; see `KlineFile` for what becomes of the others.

        Raises:
            SourceError: no row is a kline, or what `read_table` refuses.
        """
        file = KlineFile(feed, text, live=True)
        blank = 0
        places: list[tuple[Block, int]] = []
        notes = {"encoding": "utf-8-sig" if text.head.startswith(BOM) else "utf-8"}
        if is_array(text.head):
            notes["array"] = "a JSON array; lines are its elements"
        for block in records(text.name, text.blocks()):
            full = [at for at, line in enumerate(block.lines) if text_of(line).strip()]
            blank += block.count - len(full)
            places += [(block, at) for at in full]
            file.admit(len(full))
        form = find_form((block.lines[at] for block, at in places), feed.vendor_symbol)
        if form is None and not places:
            return file.finish(notes, blank)
        if form is None:
            raise SourceError(f"{text.name}: {_why_none(places, feed)}", code="B02")
        if form.names is None:
            known = ARCHIVE if form.columns.width == len(ARCHIVE) else NAMELESS
            notes["columns"] = f"assumed, without names: {', '.join(known)}"
        table = Table(
            name=text.name,
            columns=form.columns,
            places=places,
            read=lambda block, at: form.values(block.lines[at]),
            blank=blank,
        )
        return read_table(table, file, notes)


def is_json(head: bytes) -> bool:
    """Whether a text that begins so is JSON, if it is anything."""
    return head.removeprefix(BOM).lstrip()[:1] in (b"[", b"{")


def find_form(rows: Iterable[bytes], pair: str | None = None) -> Form | None:
    """The form of the first row that is a kline, or None; `pair` as in `columns_of`."""
    for text in rows:
        try:
            row = value_of(text)
        except ValueError:
            continue
        form = _named(row, pair) if isinstance(row, dict) else _nameless(row)
        if form is not None:
            return form
    return None


def _named(row: Json, pair: str | None) -> Form | None:
    columns = columns_of(tuple(row), pair)
    return None if columns is None else Form(columns=columns, names=tuple(row))


def _nameless(row: Any) -> Form | None:
    """Arrays that begin with a stamp and five numbers; what comes behind has a name in the archive alone."""
    if not isinstance(row, list) or len(row) < len(NAMELESS):
        return None
    known = ARCHIVE if len(row) == len(ARCHIVE) else NAMELESS
    columns = columns_of([*known, *(f"column {n + 1}" for n in range(len(known), len(row)))])
    try:
        if not is_year_last(row[0]):
            instant_of(row[0])
        [float(value) for value in row[1 : len(NAMELESS)]]
    except (ValueError, TypeError, ArithmeticError):
        return None
    return None if columns is None else Form(columns=columns, names=None)


def _why_none(places: list[tuple[Block, int]], feed: Feed) -> str:
    for block, at in places[:_TRIED]:
        try:
            row = value_of(block.lines[at])
        except ValueError:
            continue
        if isinstance(row, dict):
            return wanted_columns(tuple(row), feed.vendor_symbol)
    shown = places[0][0].lines[places[0][1]][:80].decode("utf-8", "backslashreplace")
    return f"begins with {shown!r}; wanted objects with names, or arrays of {', '.join(NAMELESS)}"
