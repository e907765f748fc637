"""Rows of a table that people keep of klines, in whatever format -> rows of the day, and what was inferred.

Belongs here: what CSV, JSON and Parquet share once their columns have meanings: whose a row is, which bar
its stamp names, what its numbers are. Cutting a file into rows is its adapter's (`csv_table.py`,
`json_table.py`, `parquet_table.py`).
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pipeline.errors import SourceError
from pipeline.free_form import Json
from pipeline.model.contract_size import contract_usd
from pipeline.sources.binance.klines import volume_words
from pipeline.sources.klines.column_names import Columns, own_symbols
from pipeline.sources.klines.rows import Kline, KlineFile
from pipeline.sources.klines.stamps import (
    decimal_mark,
    edge_of,
    ends_with,
    in_zone,
    instant_in,
    instant_of,
    opened_at,
)
from pipeline.sources.klines.text_dates import is_year_last, order_of
from pipeline.sources.protocol import Feed, Parsed
from pipeline.sources.text.csv_fields import decimal
from pipeline.sources.text.lines import Block

_SHOWN = 3
"""So many other symbols are named."""

Values = Sequence[Any]
Read = Callable[[Block, int], Values]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where the rows stand, their columns, and how one is read: its values, or ValueError says why not.

    `delimiter` stands between the numbers where they are text; `ignored` lines were left before the header.
    """

    name: str
    columns: Columns
    places: list[tuple[Block, int]]
    read: Read
    delimiter: str = ""
    ignored: int = 0
    blank: int = 0


@dataclass(slots=True, kw_only=True)
class _Row:
    """A row's place, what its stamps say, and why it cannot be used.

    `dated` is a stamp whose day and month are not told apart yet.
    """

    block: Block
    place: int
    instant: int | None = None
    closed: int | None = None
    written: str = ""
    symbol: str = ""
    dated: str | None = None
    fault: str | None = None


def read_table(table: Table, file: KlineFile, notes: Json) -> Parsed:
    """Hands the day's rows to the file; see `KlineFile` for what becomes of them.

    Raises:
        SourceError: no row is of the symbol, day and month cannot be told, or open and close times
            contradict each other throughout.
    """
    columns, step = table.columns, file.feed.kind.step()
    rows = [_row(table, block, place) for block, place in table.places]
    own, symbols = _own(table, rows, file.feed)
    notes = notes | _dated(table, own, file.feed)
    edge, why = _edge(table, own, step, file.feed.label)
    in_zone(own, file.feed.zone)
    file.read_by(edge, why)
    mine = []
    for row in own:
        opened = None if row.instant is None else opened_at(row.instant, edge, step)
        if file.is_others(opened):
            file.other_days += 1
        else:
            mine.append((row, opened))
    marks = decimal_mark(_texts(table, [row for row, _ in mine]), table.delimiter)
    for row, opened in mine:
        _take(table, file, row, opened, marks)
    notes |= {"time_from": columns.time_name, "label": f"{edge}, {why}"}
    if symbols:
        notes["symbols"] = symbols
    if columns.ignored:
        notes["ignored_columns"] = list(columns.ignored)
    if marks != (".", ""):
        notes["decimal_mark"], notes["thousands_mark"] = marks
    if file.feed.market == "futures_cm":
        notes["volume"] = _volume_words(columns, file.feed)
    parsed = file.finish(notes, table.blank)
    parsed.other_symbols, parsed.ignored = len(rows) - len(own), table.ignored
    return parsed


def bar_of(values: Values, columns: Columns, inferred: Json, step: int) -> int | str:
    """The open in us of a row's bar, as the ledger says that its file was read; or whose it is, in words.

    Raises:
        ValueError: it has no such stamp.
        IndexError: it has too few values.
    """
    own = inferred.get("symbols")
    symbol = "" if columns.symbol is None else str(values[columns.symbol] or "").strip()
    if own and symbol not in own:
        return f"a row of {symbol[:40] or 'no symbol'}, not of {own[0]}"
    edge = str(inferred.get("label", "open")).split(",", maxsplit=1)[0]
    order = str(inferred.get("dates", "")).split(",", maxsplit=1)[0]
    zone = str(inferred.get("zone", "UTC")).split(",", maxsplit=1)[0]
    stamp = instant_of(_stamp(values, columns), order or None)
    return opened_at(instant_in(zone, *stamp), edge, step)


def instants(rows: Iterable[Values], columns: Columns) -> list[int]:
    """The instants in us that rows are stamped with, in their order; rows without one are left out."""
    stamps = [_stamp(values, columns) for values in rows if len(values) == columns.width]
    order = order_of((stamp.strip() for stamp in stamps if is_year_last(stamp)), dt.date.min)
    found = []
    for stamp in stamps:
        with suppress(ValueError, ArithmeticError):
            found.append(instant_of(stamp, order)[0])
    return found


def _row(table: Table, block: Block, place: int) -> _Row:
    row, columns = _Row(block=block, place=place), table.columns
    try:
        values = table.read(block, place)
        if len(values) != columns.width:
            raise ValueError(f"{len(values)} columns; wanted {columns.width}")
        if columns.symbol is not None:
            row.symbol = str(values[columns.symbol] or "").strip()
        if columns.closes is not None:
            row.closed = _close(values[columns.closes])
        stamp = _stamp(values, columns)
        if is_year_last(stamp):
            row.dated = stamp.strip()
        else:
            row.instant, row.written = instant_of(stamp)
    except (ValueError, ArithmeticError) as error:
        row.fault = str(error)
    return row


def _stamp(values: Values, columns: Columns) -> Any:
    """What stands as the time; a date and a time of day are one text."""
    parts = [values[at] for at in columns.time]
    if len(parts) == 1:
        return parts[0]
    is_whole = str(parts[1]).strip().isdigit() and len(str(parts[1]).strip()) > 8
    return parts[1] if is_whole else " ".join(str(part).strip() for part in parts)


def _close(value: Any) -> int | None:
    """The close time; None where there is none that can be read, which costs the row nothing."""
    try:
        return instant_of(value)[0]
    except (ValueError, ArithmeticError):
        return None


def _own(table: Table, rows: list[_Row], feed: Feed) -> tuple[list[_Row], list[str]]:
    """The rows of the feed's symbol, and how their column writes it; nothing where there is no column.

    Raises:
        SourceError: no row is.
    """
    told = Counter(row.symbol for row in rows if any(map(str.isalpha, row.symbol)))
    if not told:
        return rows, []
    mine = own_symbols(tuple(told), feed.vendor_symbol, is_spot=feed.market == "spot")
    mine |= own_symbols(tuple(told), feed.symbol, is_spot=feed.market == "spot")
    if not mine:
        names = ", ".join(f"{name} ({rows} rows)" for name, rows in told.most_common(_SHOWN))
        raise SourceError(
            f"{table.name}: its rows are of {names[:200]}{' and others' * (len(told) > _SHOWN)}; wanted"
            f" {feed.vendor_symbol}; file it under the symbol that it is of",
            code="A22",
        )
    for row in rows:
        if row.fault is None and row.symbol not in told:
            row.fault = f"symbol {row.symbol[:40]!r}; wanted a name, as other rows have"
    own = [row for row in rows if row.symbol in mine or row.symbol not in told]
    return own, sorted(mine)


def _dated(table: Table, rows: list[_Row], feed: Feed) -> dict[str, str]:
    """Gives rows whose stamps need it the order of day and month, which all of them share."""
    dated = [(row, row.dated) for row in rows if row.dated is not None]
    if not dated:
        return {}
    order = order_of((text for _, text in dated), feed.day)
    if order is None:
        first, text = dated[0]
        raise SourceError(
            f"{table.name}:{first.block.numbers[first.place]}: {text!r}: which is the day and which"
            " the month does not follow from the file's dates; wanted dates as 2025-01-31; write it again",
            code="C05",
        )
    for row, text in dated:
        try:
            row.instant, row.written = instant_of(text, order)
            if table.columns.closes is not None:
                closes = table.read(row.block, row.place)[table.columns.closes]
                row.closed = instant_of(closes, order)[0]
        except (ValueError, ArithmeticError) as error:
            row.fault = str(error)
    return {"dates": f"{order}, told by the file's own dates"}


def _edge(table: Table, rows: list[_Row], step: int, stated: str | None) -> tuple[str, str]:
    """Which edge of its bar the stamp is, and how that is known; a close time beside it has its say.

    Raises:
        SourceError: stamp and close time are no edges of one bar in most rows.
    """
    columns = table.columns
    good = [row for row in rows if row.instant is not None]
    both = [(row.instant or 0, row.closed) for row in good if row.closed is not None]
    if not both:
        return edge_of(columns, (row.instant or 0 for row in good), step, stated)
    votes = {
        "open": sum(ends_with(closed, at, step) for at, closed in both),
        "close": sum(ends_with(closed, at - step, step) for at, closed in both),
    }
    edges = votes if columns.edge is None else [columns.edge]
    edge = max(edges, key=lambda one: votes[one])
    if 2 * votes[edge] < len(both):
        apart = Counter(closed - at for at, closed in both).most_common(1)[0][0] / 1_000_000
        raise SourceError(
            f"{table.name}: {columns.closes_name} is {apart:g} s after {columns.time_name} in most rows;"
            f" wanted {step // 1_000_000} s; take out the column that is wrong",
            code="C05",
        )
    return edge, "by its name" if columns.edge else f"by {columns.closes_name} beside it"


def _texts(table: Table, rows: list[_Row]) -> Iterator[str]:
    for row in rows:
        if row.fault is None:
            values = table.read(row.block, row.place)
            cells = (values[at] for at in table.columns.fields.values())
            yield from (cell.strip() for cell in cells if isinstance(cell, str))


def _take(
    table: Table, file: KlineFile, row: _Row, opened: int | None, marks: tuple[str, str]
) -> None:
    file.read += 1
    try:
        if row.fault is not None or opened is None:
            raise ValueError(row.fault)
        values = table.read(row.block, row.place)
        kline = _kline(values, opened, table.columns, marks, file.feed)
    except ValueError as error:
        file.set_aside(row.block, row.place, "B26", str(error))
        return
    file.units[row.written] += 1
    file.defects["B20"] += _counts_contracts(table.columns, file.feed)
    if row.closed is not None and not ends_with(row.closed, opened, file.feed.kind.step()):
        kline = kline._replace(close_time_cut=True)
    file.take(kline, row.block, row.place)


def _kline(
    values: Values, opened: int, columns: Columns, marks: tuple[str, str], feed: Feed
) -> Kline:
    given = {name: _number(values[at], marks, name) for name, at in columns.fields.items()}
    missing = next(
        (name for name in ("open", "high", "low", "close", "volume") if given[name] is None), None
    )
    if missing is not None:
        raise ValueError(f"no {missing}; wanted a number")
    trades = given.get("trades")
    if trades is not None and not trades.is_integer():
        raise ValueError(f"trades {trades} is not a whole number")
    if _counts_contracts(columns, feed):
        given |= {
            "quote_volume": (given["volume"] or 0.0) * contract_usd(feed.vendor_symbol),
            "volume": given["quote_volume"],
            "taker_buy_volume": given.get("taker_buy_quote_volume"),
        }
    if feed.market == "futures_cm":  # whose unit no name tells
        given["taker_buy_quote_volume"] = None
    return Kline(
        opened=opened,
        trades=None if trades is None else int(trades),
        **{name: given.get(name) for name in Kline._fields if name in _NUMBERS},  # type: ignore[arg-type]
    )


_NUMBERS = (
    *("open", "high", "low", "close"),
    *("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume"),
)


def _counts_contracts(columns: Columns, feed: Feed) -> bool:
    """Whether the volume is COIN-M's, in contracts, and the base volume stands in the quote's column."""
    named = columns.names_assets or "quote_volume" not in columns.fields
    return feed.market == "futures_cm" and not named


def _volume_words(columns: Columns, feed: Feed) -> str:
    if _counts_contracts(columns, feed):
        return volume_words(feed)
    return (
        "base, by its name" if columns.names_assets else "base, assumed: no other volume beside it"
    )


def _number(value: Any, marks: tuple[str, str], what: str) -> float | None:
    """A number, written or as it is; None where there is none."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        mark, thousands = marks
        text = value.strip()
        if thousands:
            text = text.replace(thousands, "")
        if mark != ".":
            text = text.replace(mark, ".")
        return decimal(text.encode(), what)
    number = math.nan if isinstance(value, bool) else float(value)
    if not math.isfinite(number):
        raise ValueError(f"{what} {value!r} is not a finite number")
    return number
