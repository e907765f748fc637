"""A block of tape lines by columns: each distinct field text judged once, whole lines never taken apart.

The lines of one run of an exporter have the same keys in the same order, so a block splits at its commas
like a table. A line is taken here only if each of its fields, by itself, is a JSON member of the key and
type that the strict reader wants; then the line is a JSON object, and says what the strict reader would
read. Any other line is left to the strict reader, which alone decides what is wrong with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from numpy.typing import NDArray

from pipeline.sources import fixed_text
from pipeline.sources.lines import Block
from pipeline.sources.tick_line import (
    UNKNOWN_WORD,
    Tick,
    id_text,
    plain_symbol,
    side_sign,
    side_word,
)

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
_VALUES: msgspec.json.Decoder[list[float | None]] = msgspec.json.Decoder(list[float | None])
_NUMBERED: msgspec.json.Decoder[dict[str, float | None]] = msgspec.json.Decoder(
    dict[str, float | None]
)
_QUOTES = ("best_bid", "best_ask", "bid_volume", "ask_volume")
_NUMBERS = ("price", "qty", *_QUOTES)
_WORDS = ("side", "exchange", "symbol")
_NEEDED = ("ts", "price", "qty")
_FIXED = ("ts", "trade_id")
_SAMPLES, _SAMPLE_BYTES = 3, 4096
"""So many of a block's first lines are asked for the order of the keys."""

_TEXT = pa.binary()
_REPEATED = pa.dictionary(pa.int32(), _TEXT)


@dataclass(kw_only=True)
class Columns:
    """The lines of a block that are plainly good, in order: arrays of equal length.

    `places` are positions in the block; numbers have NaN for null; `side` is 0 where unknown. `words` has the
    distinct texts of a field and each row's position among them. `odd` are the places of all other lines.
    """

    places: Ints
    ts: Ints
    numbers: dict[str, Floats]
    side: NDArray[np.int8]
    trade_id: pa.Array
    words: dict[str, tuple[list[str | None], Ints]]
    odd: list[int]

    def leave_out(self, rows: Bools, *, odd: Bools) -> None:
        """Without some rows; some of those join the odd ones."""
        self.odd = sorted([*self.odd, *self.places[odd].tolist()])
        keep = ~rows
        if keep.all():
            return
        self.places, self.ts, self.side = self.places[keep], self.ts[keep], self.side[keep]
        self.numbers = {name: values[keep] for name, values in self.numbers.items()}
        self.words = {name: (words, index[keep]) for name, (words, index) in self.words.items()}
        self.trade_id = self.trade_id.filter(pa.array(keep))

    def drop_crossed(self) -> int:
        """How many quotes were none: a best bid at or above the best ask, or a price of zero."""
        nothing = np.full(len(self.ts), np.nan)
        bid, ask = (self.numbers.get(name, nothing) for name in ("best_bid", "best_ask"))
        wrong = (bid <= 0) | (ask <= 0) | (bid >= ask)
        if wrong.any():
            for name in _QUOTES:
                if name in self.numbers:
                    self.numbers[name] = np.where(wrong, np.nan, self.numbers[name])
        return int(np.count_nonzero(wrong))

    def side_words(self) -> Counter[str]:
        """How often each side stands, as the ledger counts it."""
        return self._counted("side", side_word)

    def exchanges(self) -> Counter[str]:
        """How often each exchange stands, "" where the line names none."""
        return self._counted("exchange", lambda word: word or "")

    def _counted(self, name: str, known_as: Callable[[str | None], str]) -> Counter[str]:
        words, index = self.words.get(name, ([None], np.zeros(len(self.ts), dtype=np.int64)))
        counts: Counter[str] = Counter()
        for word, count in zip(words, np.bincount(index, minlength=len(words)), strict=True):
            if count:
                counts[known_as(word)] += int(count)
        return counts


def read_columns(block: Block, symbols: set[str]) -> Columns | None:
    """The plainly good ticks of a block; None where the block is not such a table at all.

    Args:
        block: lines of a tape.
        symbols: the names, as in a path, that a line's symbol may have.
    """
    keys = None if block.whole else _keys(block.body)
    if keys is None or (split := _split(block, keys)) is None:
        return None
    table, odd = split
    reader = _Reader(table, keys)
    places = np.delete(np.arange(block.count), odd)
    return reader.columns(places, odd, symbols)


def _keys(body: bytes) -> tuple[str, ...] | None:
    """The keys of the block's lines, in order, from the first line that has them."""
    for line in body[:_SAMPLE_BYTES].split(b"\n")[:_SAMPLES]:
        try:
            keys = tuple(_ANY.decode(line))
        except (ValueError, RecursionError):
            continue
        if len(keys) == line.count(b",") + 1 and all(name in keys for name in _NEEDED):
            return keys
    return None


def _split(block: Block, keys: tuple[str, ...]) -> tuple[pa.Table, list[int]] | None:
    """The block cut at its commas, and the places of the lines that have another number of them.

    A table's row also ends at a carriage return inside a line, which to JSON is a blank. Then there are
    more rows than lines, and the block is no table; a blank line at its end must not make up for it.
    """
    table = None if block.body.endswith(b"\n") else _table(block.body, keys)
    if table is not None:
        return (table, []) if table.num_rows == block.count else None
    commas = len(keys) - 1
    odd = [place for place, line in enumerate(block.lines) if line.count(b",") != commas]
    lines = [line for line in block.lines if line.count(b",") == commas]
    table = _table(b"\n".join(lines), keys)
    return (table, odd) if table is not None and table.num_rows == len(lines) else None


def _table(body: bytes, keys: tuple[str, ...]) -> pa.Table | None:
    """The body's rows; None where one has another number of columns, or there is none."""
    names = [f"{place}" for place in range(len(keys))]
    kinds = {n: _TEXT if k in _FIXED else _REPEATED for n, k in zip(names, keys, strict=True)}
    try:
        return csv.read_csv(
            pa.BufferReader(body),
            csv.ReadOptions(use_threads=False, column_names=names, block_size=len(body) + 1024),
            csv.ParseOptions(
                quote_char=False, double_quote=False, escape_char=False, ignore_empty_lines=False
            ),
            csv.ConvertOptions(check_utf8=False, column_types=kinds, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None


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
            words={name: self._words(name) for name in _WORDS if name in self.columns_of},
            odd=odd,
        )
        for name in ("price", "qty"):
            self.good &= found.numbers[name] > 0
        if "symbol" in found.words:
            names, index = found.words["symbol"]
            right = [name is None or plain_symbol(name) in symbols for name in names]
            self.good &= np.array(right)[index]
        if "side" in found.words:
            words, index = found.words["side"]
            self.good &= np.array([side_word(word) != UNKNOWN_WORD for word in words])[index]
            found.side = np.array([side_sign(word) or 0 for word in words], dtype=np.int8)[index]
        self._unread()
        found.leave_out(~self.good, odd=~self.good)
        return found

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
        found, index = self._words("trade_id")
        return pa.array([id_text(value) for value in found], pa.string()).take(pa.array(index))

    def _number(self, name: str) -> Floats:
        column = self.columns_of[name]
        values = None if name in self.ends else _values(column.dictionary, name)
        if values is None:
            values = np.array(self._words(name)[0], dtype=np.float64)
        rows: Floats = values[column.indices.to_numpy()]
        return rows

    def _words(self, name: str) -> tuple[list[Any], Ints]:
        """The values of the distinct texts, None for one that is not right, and each row's position."""
        column = self.columns_of[name]
        index = column.indices.to_numpy()
        ticks, all_right = self._records(name, column, _MEMBER[name])
        if all_right:
            return [getattr(tick, name) for tick in ticks], index
        self.good &= np.array([tick is not None for tick in ticks])[index]
        return [getattr(tick, name, None) for tick in ticks], index

    def _unread(self) -> None:
        """Fields that nobody asks for must be whole too, and no key may stand twice."""
        owner = {name: name for name in (*self.columns_of, *_TYPES)}
        for name, column in self.columns_of.items():
            if name in _TYPES:
                continue
            keys = None if name in self.ends else _keys_of_numbers(column.dictionary)
            if keys and {owner.setdefault(key, name) for key in keys} == {name}:
                continue
            records, all_right = self._records(name, column, _ANY)
            if all_right and sum(map(len, records)) == len(records):
                keys = set().union(*records)
                if {owner.setdefault(key, name) for key in keys} == {name}:
                    continue
            right = [
                record is not None
                and len(record) == 1
                and owner.setdefault(next(iter(record)), name) == name
                for record in records
            ]
            self.good &= np.array(right)[column.indices.to_numpy()]

    def _records(self, name: str, column: pa.Array, decoder: Any) -> tuple[list[Any], bool]:
        """Each distinct text as an object of its own, None where it is not one; whether all are."""
        texts = column.dictionary
        opened = b"" if name == self.ends[0] else b"{"
        closed = b"" if name == self.ends[1] else b"}"
        try:
            records: list[Any] = decoder.decode_lines(
                opened + _joined(texts, closed + b"\n" + opened) + closed
            )
        except (ValueError, RecursionError):
            return [_record(decoder, opened + text + closed) for text in texts.to_pylist()], False
        all_right = len(records) == len(texts)
        return records if all_right else [None] * len(texts), all_right


def _joined(texts: pa.Array, between: bytes) -> bytes:
    found: list[bytes] = texts.to_pylist()
    return between.join(found)


def _values(texts: pa.Array, name: str) -> Floats | None:
    """The numbers of texts that are all `"name":number`, NaN for null; None if one is anything else.

    No text has a comma, so an array of numbers alone, as many as there are texts, has one from each.
    """
    head = b',"' + name.encode() + b'":'
    members = b"," + _joined(texts, b",")
    numbers = members.replace(head, b",")
    if len(members) - len(numbers) != len(texts) * (len(head) - 1):
        return None
    try:
        values = _VALUES.decode(b"[" + numbers[1:] + b"]")
    except (ValueError, RecursionError):
        return None
    return np.array(values, dtype=np.float64) if len(values) == len(texts) else None


def _keys_of_numbers(texts: pa.Array) -> set[str] | None:
    """The keys of texts that are all members with numbers; None if one is anything else.

    As no text has a comma, and no number nor key of the object that they make, each is one member of it.
    """
    try:
        keys = set(_NUMBERED.decode(b"{" + _joined(texts, b",") + b"}"))
    except (ValueError, RecursionError):
        return None
    return None if any("," in key for key in keys) else keys


def _record(decoder: Any, line: bytes) -> Any:
    try:
        return decoder.decode(line)
    except (ValueError, RecursionError):
        return None
