"""A block of tape lines by columns: each distinct field text judged once, whole lines never taken apart.

The lines of one run of an exporter have the same keys in the same order, so a block splits at its commas
like a table. A line is taken here only if each of its fields, by itself, is a JSON member of the key and
type that the strict reader wants; then the line is a JSON object, and says what the strict reader would
read. Any other line is left to the strict reader, which alone decides what is wrong with it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from numpy.typing import NDArray

from pipeline.sources import fixed_text
from pipeline.sources.lines import Block
from pipeline.sources.tick_line import Tick, id_text, plain_symbol, side_sign, side_word

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TYPES = {entry.name: entry.type for entry in msgspec.structs.fields(Tick)}
_MEMBER = {
    name: msgspec.json.Decoder(
        msgspec.defstruct(f"Only_{name}", [(name, kind)], forbid_unknown_fields=True)
    )
    for name, kind in _TYPES.items()
}
"""For each key that is read: an object of that member alone, of the type that the strict reader wants."""

_ANY: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
_NUMBERS = ("price", "qty", "best_bid", "best_ask", "bid_volume", "ask_volume")
_NEEDED = ("ts", "price", "qty")
_FIXED = ("ts", "trade_id")
_SAMPLES = 3
"""So many of a block's first lines are asked for the order of the keys."""

_TEXT = pa.binary()
_REPEATED = pa.dictionary(pa.int32(), _TEXT)


@dataclass(kw_only=True)
class Columns:
    """The lines of a block that are plainly good, in order: arrays of equal length.

    `places` are positions in the block; numbers have NaN for null; `side` is 0 where unknown. `odd` are the
    places of all other lines.
    """

    places: Ints
    ts: Ints
    numbers: dict[str, Floats]
    side: NDArray[np.int8]
    trade_id: pa.Array
    side_words: Counter[str] = field(default_factory=Counter)
    exchanges: Counter[str] = field(default_factory=Counter)
    odd: list[int] = field(default_factory=list)


def read_columns(block: Block, symbols: set[str]) -> Columns | None:
    """The plainly good ticks of a block; None where the block is not such a table at all.

    Args:
        block: lines of a tape.
        symbols: the names, as in a path, that a line's symbol may have.
    """
    keys = None if block.whole or _has_lone_return(block.body) else _keys(block.body)
    if keys is None:
        return None
    split = _split(block, keys)
    if split is None:
        return None
    table, odd = split
    reader = _Reader(table, keys)
    places = np.delete(np.arange(block.count), odd)
    return reader.columns(places, odd, symbols)


def _has_lone_return(body: bytes) -> bool:
    """A carriage return inside a line is a blank to JSON and a line end to a table."""
    return body.count(b"\r") != body.count(b"\r\n") + body.endswith(b"\r")


def _keys(body: bytes) -> tuple[str, ...] | None:
    """The keys of the block's lines, in order, from the first line that has them."""
    for line in body.split(b"\n", _SAMPLES)[:_SAMPLES]:
        try:
            keys = tuple(_ANY.decode(line))
        except (ValueError, RecursionError):
            continue
        if len(keys) == line.count(b",") + 1 and all(name in keys for name in _NEEDED):
            return keys
    return None


def _split(block: Block, keys: tuple[str, ...]) -> tuple[pa.Table, list[int]] | None:
    """The block cut at its commas, and the places of the lines that have another number of them."""
    odd: list[int] = []

    def set_aside(row: Any) -> str:
        odd.append(row.number - 1)
        return "skip"

    names = [f"{place}" for place in range(len(keys))]
    kinds = {n: _TEXT if k in _FIXED else _REPEATED for n, k in zip(names, keys, strict=True)}
    try:
        table = csv.read_csv(
            pa.BufferReader(block.body),
            csv.ReadOptions(
                use_threads=False, column_names=names, block_size=len(block.body) + 1024
            ),
            csv.ParseOptions(
                quote_char=False,
                double_quote=False,
                escape_char=False,
                ignore_empty_lines=False,
                invalid_row_handler=set_aside,
            ),
            csv.ConvertOptions(check_utf8=False, column_types=kinds, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows == 0 or table.num_rows + len(odd) != block.count:
        return None
    return table, odd


class _Reader:
    """Judges a block's columns; `good` falls where any field of a line is not plainly right."""

    def __init__(self, table: pa.Table, keys: tuple[str, ...]) -> None:
        self.columns_of = dict(zip(keys, (c.combine_chunks() for c in table.columns), strict=True))
        self.ends = keys[0], keys[-1]
        self.rows = table.num_rows
        self.good = np.ones(self.rows, dtype=bool)

    def columns(self, places: Ints, odd: list[int], symbols: set[str]) -> Columns:
        """Every column judged, and the rows that passed."""
        found = Columns(
            places=places,
            ts=self._ts(),
            numbers={name: self._number(name) for name in _NUMBERS if name in self.columns_of},
            side=np.zeros(self.rows, dtype=np.int8),
            trade_id=self._ids(),
        )
        sides = self._repeated("side", lambda tick: True)
        exchanges = self._repeated("exchange", lambda tick: True)
        self._repeated("symbol", lambda tick: _is_of(tick.symbol, symbols))
        self._unread()
        for name in ("price", "qty"):
            with np.errstate(invalid="ignore"):
                self.good &= found.numbers[name] > 0
        self._keep(found, odd)
        _count_words(found, sides, exchanges, self.good)
        return found

    def _keep(self, found: Columns, odd: list[int]) -> None:
        """Only the good rows; the others join the odd ones."""
        good = self.good
        found.odd = sorted([*odd, *found.places[~good].tolist()])
        if good.all():
            return
        found.places, found.ts = found.places[good], found.ts[good]
        found.numbers = {name: values[good] for name, values in found.numbers.items()}
        found.side = found.side[good]
        found.trade_id = found.trade_id.filter(pa.array(good))

    def _ts(self) -> Ints:
        ts, good = fixed_text.instants(self.columns_of["ts"])
        self.good &= good
        return ts

    def _ids(self) -> pa.Array:
        if "trade_id" not in self.columns_of:
            return pa.nulls(self.rows, pa.string())
        ids = fixed_text.digits(self.columns_of["trade_id"], "trade_id")
        if ids is not None:
            return ids
        self.columns_of["trade_id"] = self.columns_of["trade_id"].dictionary_encode()
        ticks, index = self._repeated("trade_id", lambda tick: True)
        texts = [id_text(getattr(tick, "trade_id", None)) for tick in ticks]
        return pa.array(texts, pa.string()).take(pa.array(index))

    def _number(self, name: str) -> Floats:
        ticks, index = self._repeated(name, lambda tick: True)
        values = [getattr(tick, name, None) for tick in ticks]
        return np.array(values, dtype=np.float64)[index]

    def _repeated(self, name: str, wanted: Any) -> tuple[list[Any], Ints]:
        """The record of each distinct text, None for one that is not right, and each row's position."""
        if name not in self.columns_of:
            return [], np.zeros(0, dtype=np.int64)
        column = self.columns_of[name]
        ticks = self._records(name, column, _MEMBER[name])
        ticks = [tick if tick is not None and wanted(tick) else None for tick in ticks]
        index = column.indices.to_numpy()
        if None in ticks:
            self.good &= np.array([tick is not None for tick in ticks])[index]
        return ticks, index

    def _unread(self) -> None:
        """Fields that nobody asks for must be whole too, and no key may stand twice."""
        owner = {name: name for name in self.columns_of}
        owner |= {name: name for name in _TYPES}
        for name, column in self.columns_of.items():
            if name in _TYPES:
                continue
            right = []
            for record in self._records(name, column, _ANY):
                key = next(iter(record)) if record is not None and len(record) == 1 else None
                right.append(key is not None and owner.setdefault(key, name) == name)
            if not all(right):
                self.good &= np.array(right)[column.indices.to_numpy()]

    def _records(self, name: str, column: pa.Array, decoder: Any) -> list[Any]:
        """Each distinct text as an object of its own; None where it is not one."""
        texts: list[bytes] = column.dictionary.to_pylist()
        opened = b"" if name == self.ends[0] else b"{"
        closed = b"" if name == self.ends[1] else b"}"
        lines = opened + (closed + b"\n" + opened).join(texts) + closed
        try:
            records: list[Any] = decoder.decode_lines(lines)
        except (ValueError, RecursionError):
            return [_record(decoder, opened + text + closed) for text in texts]
        return records if len(records) == len(texts) else [None] * len(texts)


def _record(decoder: Any, line: bytes) -> Any:
    try:
        return decoder.decode(line)
    except (ValueError, RecursionError):
        return None


def _is_of(symbol: str | None, symbols: set[str]) -> bool:
    return symbol is None or plain_symbol(symbol) in symbols


def _count_words(
    found: Columns, sides: tuple[list[Any], Ints], exchanges: tuple[list[Any], Ints], good: Bools
) -> None:
    """Signs of the sides, and how often each word stands in the good rows."""
    ticks, index = sides
    if ticks:
        signs = [side_sign(getattr(tick, "side", None)) or 0 for tick in ticks]
        found.side = np.array(signs, dtype=np.int8)[index[good]]
    for tick, count in _counts(sides, good):
        found.side_words[side_word(tick.side if tick else None)] += count
    for tick, count in _counts(exchanges, good):
        found.exchanges[(tick.exchange if tick else None) or ""] += count


def _counts(column: tuple[list[Any], Ints], good: Bools) -> list[tuple[Any, int]]:
    ticks, index = column
    if not ticks:
        return [(None, int(good.sum()))]
    counts = np.bincount(index[good], minlength=len(ticks)).tolist()
    return [(tick, count) for tick, count in zip(ticks, counts, strict=True) if count]
