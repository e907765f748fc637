"""A block of tape lines by columns: lines of one form scanned at once, each distinct word judged once.

A line is taken here only if it has its exporter's exact form and each of its values is plainly what the
strict reader wants; then it says what the strict reader would read. Any other line is left to the strict
reader, which alone decides what is wrong with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.contracts.values import ValueLimits
from pipeline.sources.atas.tick_line import (
    UNKNOWN_WORD,
    plain_symbol,
    side_sign,
    side_word,
)
from pipeline.sources.atas.tick_scan import Form, Kind, Scanned, learn, scan, scanner
from pipeline.sources.text.lines import Block
from pipeline.tables.arrays import Bools, Floats, Ints

Places = NDArray[np.uint8]

_QUOTES = ("best_bid", "best_ask", "bid_volume", "ask_volume")
NUMBERS = ("price", "qty", *_QUOTES)
_KINDS = {
    "ts": Kind.INSTANT,
    "trade_id": Kind.ID,
    **dict.fromkeys(NUMBERS, Kind.NUMBER),
    **dict.fromkeys(("side", "exchange", "symbol"), Kind.WORD),
}
_NEEDED = ("ts", "price", "qty")
_SAMPLES, _SAMPLE_BYTES = 3, 4096
"""So many of a block's first lines are asked for the form."""

_WORD: msgspec.json.Decoder[str | None] = msgspec.json.Decoder(str | None)


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
    words: dict[str, tuple[list[str | None], Places]]
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
        words, index = self.words[name]
        counts: Counter[str] = Counter()
        for word, count in zip(words, np.bincount(index, minlength=len(words)), strict=True):
            if count:
                counts[known_as(word)] += int(count)
        return counts


def read_columns(block: Block, symbols: set[str], limits: ValueLimits) -> Columns | None:
    """The plainly good ticks of a block; None where no line shows a form, or nothing can scan.

    Args:
        block: lines of a tape.
        symbols: the names, as in a path, that a line's symbol may have.
        limits: a line with a number beyond them is left to the strict reader.
    """
    run = scanner()
    form = None if run is None or block.whole else _form(block.body)
    if run is None or form is None:
        return None
    return _judged(scan(run, block.body, block.count, form), block.count, symbols, limits)


def _form(body: bytes) -> Form | None:
    """The form of the block's lines, from the first line that is whole and has what a tick needs."""
    for line in body[:_SAMPLE_BYTES].split(b"\n")[:_SAMPLES]:
        form = learn(line, _KINDS)
        keys = [place.key for place in form.places] if form else []
        if form and len(set(keys)) == len(keys) and all(name in keys for name in _NEEDED):
            return form
    return None


def _judged(found: Scanned, lines: int, symbols: set[str], limits: ValueLimits) -> Columns:
    """The scanned rows without those of which a word, a number's sign or a key is not plainly right."""
    rows = lines - len(found.odd)
    good = (found.values["price"] > 0) & (found.values["qty"] > 0)
    for name in NUMBERS:
        if name in found.values and not _all_within(found.values[name], *limits.within[name]):
            good &= _within(found.values[name], *limits.within[name])
    for name, right in _right_words(found.words, symbols).items():
        if not all(right):
            good &= np.array(right, dtype=bool)[found.values[name]]
    sides, at = _words(found, "side")
    columns = Columns(
        places=np.delete(np.arange(lines), found.odd),
        ts=found.values["ts"],
        numbers={name: found.values[name] for name in NUMBERS if name in found.values},
        side=np.array([side_sign(word) or 0 for word in sides], dtype=np.int8)[at],
        trade_id=found.ids.get("trade_id", pa.nulls(rows, pa.string())),
        words={name: _words(found, name) for name in ("side", "exchange")},
        odd=found.odd.tolist(),
    )
    columns.leave_out(~good, odd=~good)
    return columns


def _all_within(values: Floats, low: float, high: float) -> bool:
    """Whether no number is null, 0, below 0 or beyond limits, seen at one glance."""
    return bool(len(values)) and bool(values.min() >= low) and bool(values.max() <= high)


def _within(values: Floats, low: float, high: float) -> Bools:
    """Which numbers are null, 0, or within limits."""
    size = np.abs(values)
    within: Bools = ~((size < low) & (size > 0) | (size > high))
    return within


def _words(found: Scanned, name: str) -> tuple[list[str | None], Places]:
    """The values of a field's distinct texts, and each row's position; null where there is no such field."""
    if name not in found.words:
        return [None], np.zeros(len(found.values["ts"]), dtype=np.uint8)
    return [_word(text) for text in found.words[name]], found.values[name]


def _right_words(words: dict[str, list[bytes]], symbols: set[str]) -> dict[str, list[bool]]:
    """Of each field's distinct texts, which may stand there; no key may be read elsewhere or stand twice."""
    owner: dict[str, str] = {}
    found = {}
    for name, texts in words.items():
        if name in _KINDS:
            found[name] = [_is_right(name, text, symbols) for text in texts]
            continue
        keys = [text[1:-1].decode() for text in texts]
        found[name] = [key not in _KINDS and owner.setdefault(key, name) == name for key in keys]
    return found


def _word(text: bytes) -> str | None:
    try:
        return _WORD.decode(text)
    except ValueError:
        return None


def _is_right(name: str, text: bytes, symbols: set[str]) -> bool:
    """Whether a JSON text is null or a word that the field may have."""
    if text != b"null" and not text.startswith(b'"'):
        return False
    word = _word(text)
    if name == "symbol":
        return word is None or plain_symbol(word) in symbols
    return name != "side" or side_word(word) != UNKNOWN_WORD
