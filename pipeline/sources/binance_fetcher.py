"""The user's own kline files: CSV in the forms that people's fetchers, spreadsheets and libraries write.

An open time is the truth where there is one; else `user_columns.py` infers which edge of the bar is
stamped. Taker volume, count and quote volume are null where the file has no such column.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

from pipeline.sources.csv_fields import decimal
from pipeline.sources.kline_rows import STEPS, Kline, KlineFile, is_of_many_days
from pipeline.sources.lines import BOM, Block, Seen, read_lines
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.user_columns import (
    NAMELESS,
    Columns,
    columns_of,
    decimal_mark,
    edge_of,
    instant_of,
    opened_at,
)

_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The columns and what is between them; `named` is whether the file itself says so."""

    delimiter: str
    columns: Columns
    named: bool = True


@dataclass(slots=True, kw_only=True)
class _Line:
    """A line: its fields or why there are none, its instant in us, how that was written."""

    block: Block
    place: int
    fields: list[str]
    fault: str | None = None
    instant: int | None = None
    written: str = ""


class BinanceFetcher:
    """The adapter."""

    name = "binance_fetcher"
    sources = ("binance_1m", "binance_1d")

    def claims(self, name: str, head: bytes) -> bool:
        """By a header with a time, four prices and a volume, or a row of these six."""
        first = next((line for line in head.removeprefix(BOM).split(b"\n") if line.strip()), b"")
        return read_header(first) is not None

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The day's rows; see `KlineFile` for what becomes of the others."""
        file = KlineFile(feed, is_of_many_days(feed, text.name), live=True)
        seen, blank = Seen(), 0
        header: Header | None = None
        lines: list[_Line] = []
        for block in read_lines(text.name, text.blocks(), seen):
            for place, line in enumerate(block.lines):
                if not line.strip():
                    blank += 1
                elif header is not None:
                    lines.append(_read_line(block, place, header))
                elif (header := read_header(line)) is None:
                    file.read += 1
                    file.set_aside(block, place, "B02", "no header that names the columns yet")
                elif not header.named:
                    lines.append(_read_line(block, place, header))
        notes = {
            "encoding": "utf-8-sig" if seen.bom else "utf-8",
            "header": header is not None and header.named,
        }
        if header is not None:
            notes |= _take_rows(file, lines, header)
        return file.finish(notes, blank)


def read_header(line: bytes) -> Header | None:
    """The header in a line, or None where it is none; six bare numbers are a row of a file without one."""
    text = line.decode("utf-8", "backslashreplace").strip("\r\n")
    delimiter = max(_DELIMITERS, key=text.count)
    try:
        names = _split(text, delimiter)
    except csv.Error:
        return None
    columns = columns_of(names)
    if columns is not None:
        return Header(delimiter=delimiter, columns=columns)
    return _nameless(names, delimiter)


def instant_in(line: bytes, header: Header) -> int:
    """The instant in us that a line is stamped with.

    Raises:
        ValueError: it has no such stamp.
    """
    fields = _split(line.decode("utf-8").strip("\r\n"), header.delimiter)
    return instant_of(" ".join(fields[at].strip() for at in header.columns.time))[0]


def _nameless(fields: list[str], delimiter: str) -> Header | None:
    columns = columns_of(NAMELESS)
    if columns is None or len(fields) != columns.width:
        return None
    try:
        instant_of(fields[0])
        for text in fields[1:]:
            decimal(text.strip().encode(), "a number")
    except ValueError:
        return None
    return Header(delimiter=delimiter, columns=columns, named=False)


def _split(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return text.split(delimiter)
    return next(csv.reader([text], delimiter=delimiter), [])


def _read_line(block: Block, place: int, header: Header) -> _Line:
    line = _Line(block=block, place=place, fields=[])
    columns = header.columns
    try:
        line.fields = _split(block.lines[place].decode("utf-8").strip("\r\n"), header.delimiter)
        if len(line.fields) != columns.width:
            raise ValueError(f"{len(line.fields)} columns; wanted {columns.width}")
        stamp = " ".join(line.fields[at].strip() for at in columns.time)
        line.instant, line.written = instant_of(stamp)
        if block.torn and columns.width - 1 in (columns.fields["volume"], columns.fields["close"]):
            # a number in the last column of a last line without a line feed may have lost digits
            raise ValueError("its last number may have lost digits; add the line end")
    except (ValueError, ArithmeticError, csv.Error) as error:
        line.fault = str(error)
    return line


def _take_rows(file: KlineFile, lines: list[_Line], header: Header) -> dict[str, str]:
    """Hands the rows to the file, and says what was inferred."""
    step, columns = STEPS[file.feed.source], header.columns
    good = [line for line in lines if line.fault is None]
    edge, why = edge_of(columns, (line.instant or 0 for line in good), step)
    texts = (line.fields[at].strip() for line in good for at in columns.fields.values())
    marks = decimal_mark(texts, header.delimiter)
    for line in lines:
        opened = None if line.instant is None else opened_at(line.instant, edge, step)
        if file.is_others(opened):
            file.other_days += 1
            continue
        file.read += 1
        try:
            if line.fault is not None or opened is None:
                raise ValueError(line.fault)
            row = _kline(line.fields, opened, columns, marks)
        except ValueError as error:
            file.set_aside(line.block, line.place, "B26", str(error))
            continue
        file.units[line.written] += 1
        file.take(row, line.block, line.place)
    notes = {"time_from": columns.time_name, "label": f"{edge}, {why}"}
    if not header.named:
        notes["columns"] = f"assumed, without a header: {', '.join(NAMELESS)}"
    if marks != (".", ""):
        notes["decimal_mark"], notes["thousands_mark"] = marks
    return notes | ({"delimiter": header.delimiter} if header.delimiter != "," else {})


def _kline(fields: list[str], opened: int, columns: Columns, marks: tuple[str, str]) -> Kline:
    numbers = {name: _number(fields[at], marks, name) for name, at in columns.fields.items()}
    trades = numbers.get("trades")
    if trades is not None and not trades.is_integer():
        raise ValueError(f"trades {trades} is not a whole number")
    return Kline(
        opened=opened,
        open=numbers["open"],
        high=numbers["high"],
        low=numbers["low"],
        close=numbers["close"],
        volume=numbers["volume"],
        quote_volume=numbers.get("quote_volume"),
        trades=None if trades is None else int(trades),
        taker_buy_volume=numbers.get("taker_buy_volume"),
    )


def _number(text: str, marks: tuple[str, str], what: str) -> float:
    mark, thousands = marks
    text = text.strip()
    if thousands:
        text = text.replace(thousands, "")
    if mark != ".":
        text = text.replace(mark, ".")
    return decimal(text.encode(), what)
