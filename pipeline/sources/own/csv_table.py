"""The user's own kline files: CSV in the forms that people's fetchers, spreadsheets and libraries write.

Belongs here: finding the header, if there is one, and cutting lines into fields. What the columns mean is
`column_names.py`'s, what stands in them `rows.py`'s.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.errors import SourceError
from pipeline.sources.klines.column_names import (
    ARCHIVE,
    NAMELESS,
    Columns,
    columns_of,
    is_header,
    wanted_columns,
)
from pipeline.sources.klines.rows import KlineFile
from pipeline.sources.klines.stamps import instant_of
from pipeline.sources.klines.text_dates import is_year_last
from pipeline.sources.own.rows import Table, Values, read_table
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.text.csv_fields import decimal
from pipeline.sources.text.lines import Block, Seen, is_comment, read_lines, text_of

_DELIMITERS = (",", ";", "\t", "|")
_MOST_TEXT = 5
"""So many lines may stand before the header: an address, a title, comments."""

_LOOKED_AT = 20
"""So many lines may a file begin with before it is known by its header."""

Place = tuple[Block, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The columns, what is between them, and at which line, counted from 0 and without blank ones.

    `named`: the file says itself what they are; else that line is the first row.
    """

    delimiter: str
    columns: Columns
    at: int
    named: bool = True

    def fields(self, line: bytes) -> list[str]:
        """The fields of a line.

        Raises:
            ValueError: not UTF-8, or a quote that does not close.
        """
        return _split(text_of(line).decode("utf-8").strip("\r\n"), self.delimiter)


class BinanceFetcher:
    """The adapter."""

    name = "binance_fetcher"
    sources = ("binance_1m", "binance_1d")

    def claims(self, name: str, head: bytes) -> bool:
        """By a header with a time, four prices and a volume, or a row of such numbers."""
        lines = head.split(b"\n", _LOOKED_AT)[:_LOOKED_AT]
        return find_header(line for line in lines if text_of(line).strip()) is not None

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The day's rows; see `KlineFile` for what becomes of the others.

        Raises:
            SourceError: a header that does not name what a kline has, or what `read_table` refuses.
        """
        file = KlineFile(feed, text, live=True)
        seen, blank = Seen(), 0
        lines: list[Place] = []
        for block in read_lines(text.name, text.blocks(), seen):
            full = [at for at, line in enumerate(block.lines) if text_of(line).strip()]
            blank += block.count - len(full)
            lines += [(block, at) for at in full]
            file.admit(len(full))
        header = find_header((block.lines[at] for block, at in lines), feed.vendor_symbol)
        before = lines if header is None else lines[: header.at]
        if header is None or not header.named:
            _refuse_half_named(text.name, before, feed)
        others = [place for place in before if not _is_text(place, before, header)]
        for place in others:
            file.read += 1
            file.set_aside(*place, "B02", "no header that names the columns yet")
        notes = {
            "encoding": "utf-8-sig" if seen.bom else "utf-8",
            "header": header is not None and header.named,
        }
        if header is None:
            parsed = file.finish(notes, blank)
            parsed.ignored = len(before) - len(others)
            return parsed
        rows = lines[len(before) :]
        if header.named:  # the header may stand again, where files were joined
            block, at = rows[0]
            names = text_of(block.lines[at]).strip()
            rows = [(block, at) for block, at in rows if names not in block.lines[at]]
        table = Table(
            name=text.name,
            columns=header.columns,
            places=rows,
            read=lambda block, at: _read(block, at, header),
            delimiter=header.delimiter,
            ignored=len(lines) - len(rows) - len(others) - header.named,
            blank=blank,
        )
        return read_table(table, file, notes | _noted(header))


def find_header(lines: Iterable[bytes], pair: str | None = None) -> Header | None:
    """The header among lines that are not blank, or the first row of a file without one; None of neither.

    `pair` as in `columns_of`.
    """
    for at, line in enumerate(lines):
        header = _header_in(line, at, pair)
        if header is not None:
            return header
    return None


def _header_in(line: bytes, at: int, pair: str | None) -> Header | None:
    delimiter, names = _names(line)
    columns = columns_of(names, pair)
    if columns is not None:
        return Header(delimiter=delimiter, columns=columns, at=at)
    known = next((known for known in (NAMELESS, ARCHIVE) if len(known) == len(names)), None)
    columns = columns_of(known) if known else None
    is_the_exchanges = known is ARCHIVE and delimiter == "," and names[0].isdigit()
    if columns is None or is_the_exchanges or not _is_row(names):
        return None
    return Header(delimiter=delimiter, columns=columns, at=at, named=False)


def _names(line: bytes) -> tuple[str, list[str]]:
    """The likely delimiter, and what stands between."""
    text = text_of(line).decode("utf-8", "backslashreplace").strip("\r\n")
    delimiter = max(_DELIMITERS, key=text.count)
    try:
        return delimiter, _split(text, delimiter)
    except ValueError:
        return delimiter, []


def _is_row(fields: list[str]) -> bool:
    """Whether these are a stamp and bare numbers."""
    try:
        if not is_year_last(fields[0]):
            instant_of(fields[0])
        for text in fields[1:6]:
            decimal(text.strip().replace(",", ".", 1).encode(), "a number")
    except ValueError:
        return False
    return True


def _refuse_half_named(name: str, before: list[Place], feed: Feed) -> None:
    """What has a header is read by its names or not at all."""
    for block, at in before[: _MOST_TEXT + 1]:
        names = _names(block.lines[at])[1]
        if is_header(names):
            raise SourceError(
                f"{name}:{block.numbers[at]}: {wanted_columns(names, feed.vendor_symbol)}",
                code="B02",
            )


def _is_text(place: Place, before: list[Place], header: Header | None) -> bool:
    """Whether a line before the table is none of it: a few before a header, else comments alone."""
    if header is not None and header.named and len(before) <= _MOST_TEXT:
        return True
    return is_comment(place[0].lines[place[1]])


def _split(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _read(block: Block, at: int, header: Header) -> Values:
    fields = header.fields(block.lines[at])
    if block.torn and header.columns.width - 1 in header.columns.fields.values():
        # a number in the last column of a last line without a line feed may have lost digits
        raise ValueError("its last number may have lost digits; add the line end")
    return fields


def _noted(header: Header) -> dict[str, str]:
    notes = {"delimiter": header.delimiter} if header.delimiter != "," else {}
    if not header.named:
        names = NAMELESS if header.columns.width == len(NAMELESS) else ARCHIVE
        notes["columns"] = f"assumed, without a header: {', '.join(names)}"
    return notes
