"""Raw lines by the numbers that ledgers, rejects and clean tables give them.

Belongs here: getting a line's text again, and what it says of its own time and identity. Where the line
went is `explain.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pipeline.clock import MINUTE_US, epoch_us, parse_instant
from pipeline.contracts.ledger import LedgerEntry
from pipeline.errors import SourceError
from pipeline.model.limits import Limits
from pipeline.model.raw_names import RawPath
from pipeline.sources.binance.trade_json import blocks_of, is_pages
from pipeline.sources.binance.trade_line import AGGREGATES, TRADES
from pipeline.sources.binance.trade_parquet import Rows
from pipeline.sources.own.csv_table import find_header
from pipeline.sources.own.json_table import find_form
from pipeline.sources.own.parquet_table import rows_as_lines
from pipeline.sources.own.rows import bar_of
from pipeline.sources.rawfile import RawFile, open_raw
from pipeline.sources.text.jsonl import JsonLines
from pipeline.sources.text.lines import Block, Seen, is_comment, text_of

NO_ROW = "no row: a header, or an end of the array"

QUOTE_BYTES = 400
"""So much of a line is shown."""

_ISO = re.compile(rb'"(?:ts|timestamp_utc|timestamp|window_id)"\s*:\s*"([^"]{10,40})"')
_TRADE = re.compile(rb'"trade_id"\s*:\s*"?([^",}\s]+)')
_EPOCH = re.compile(rb"[0-9]{9,19}")

Lines = dict[int, bytes]


@dataclass(frozen=True, slots=True)
class RawLines:
    """The files below the raw folder, by the numbers of their lines.

    Elements of an array or of pages, indented objects and rows of Parquet (as CSV) are lines, as they are in
    the ledger.
    A file that is gone has none.
    """

    raw: Path
    limits: Limits

    def at(self, name: str, numbers: Iterable[int]) -> Lines:
        """Number -> text of the lines that the file has, without line ends."""
        wanted = set(numbers)
        lines = self._until(name, max(wanted)) if wanted else ()
        return {number: text for number, text in lines if number in wanted}

    def between(self, name: str, first: int, last: int) -> Lines:
        """The lines from first to last, both included."""
        return {n: text for n, text in self._until(name, last) if n >= first}

    def _until(self, name: str, last: int) -> Iterator[tuple[int, bytes]]:
        """Every line of a file, up to the end of the block that has the number `last`."""
        try:
            with open_raw(RawPath(self.raw / name, name, 0), self.limits) as file:
                for block in _blocks(name, file):
                    if block.number > last:
                        return
                    for number, text in zip(block.numbers, block.lines, strict=True):
                        yield number, text.rstrip(b"\r")
        except SourceError:
            return


def _blocks(name: str, file: RawFile) -> Iterator[Block]:
    if name.endswith(".parquet") and any(kind.mark in name for kind in (TRADES, AGGREGATES)):
        with closing(Rows(file)) as rows:  # too many to stand in memory, or for klines
            yield from rows.blocks(rows.names)
    elif name.endswith(".parquet"):
        yield rows_as_lines(file)
    elif is_pages(file.head):
        yield from blocks_of(file, Seen())
    else:
        yield from JsonLines(file, object).blocks()


def ranges(numbers: set[int]) -> str:
    """Numbers of lines for people: `3-7, 12`."""
    if not numbers:
        return ""
    ordered = sorted(numbers)
    ends = [a for a, b in pairwise(ordered) if b > a + 1] + [ordered[-1]]
    starts = [ordered[0]] + [b for a, b in pairwise(ordered) if b > a + 1]
    return ", ".join(f"{a}-{b}" if a != b else f"{a}" for a, b in zip(starts, ends, strict=True))


def shown(text: bytes | None) -> str | None:
    """The beginning of a line, for people."""
    return None if text is None else text[:QUOTE_BYTES].decode("utf-8", "backslashreplace")


def trade_of(text: bytes) -> tuple[int | None, str | None]:
    """The instant in us and the id of a tick."""
    found = _TRADE.search(text)
    return stamp_of(text), found[1].decode("utf-8", "replace") if found else None


def stamp_of(text: bytes) -> int | None:
    """The instant in us that a line of JSON or of an archive is stamped with."""
    stamp = _ISO.search(text)
    number = _EPOCH.search(text)
    try:
        if stamp:
            return parse_instant(stamp[1].decode())[0]
        return epoch_us(int(number[0])) if number else None
    except ValueError:
        return None


def bar_in(text: bytes, number: int, entry: LedgerEntry, first: Lines, pair: str) -> int | str:
    """The open in us of the minute of a kline's line, read as the ledger says that the file was read.

    Args:
        text: the line.
        number: its number.
        entry: the file's ledger entry.
        first: the file's first lines, the header among them.
        pair: the symbol, as the vendor names it.

    Returns:
        In words why there is none, where the line is no row of the symbol.
    """
    full = {n: line for n, line in first.items() if text_of(line).strip()}
    stamp: int | str | None = None
    if is_comment(text):
        return "text before the header"
    try:
        if entry.adapter == "binance_json":
            form = find_form(full.values(), pair)
            if form is not None:
                stamp = bar_of(form.values(text), form.columns, entry.inferred, MINUTE_US)
        elif entry.adapter == "binance_fetcher":
            header = find_header(full.values(), pair)
            if header is not None:
                at = list(full)[header.at]
                if header.named and (number <= at or text == full[at]):
                    return "the header" if text == full[at] else "text before the header"
                stamp = bar_of(header.fields(text), header.columns, entry.inferred, MINUTE_US)
        else:
            stamp = stamp_of(text)
    except (ValueError, ArithmeticError, IndexError):
        stamp = None
    return NO_ROW if stamp is None else stamp
