"""The exchange's trades as JSON: REST answers, an array or a page a line, and recordings of the stream.

    [{"a": 26129, "p": "0.01633102", "q": "4.7044", "f": 27781, "l": 27781, "T": 1498793709153, "m": true}]
    {"stream": "btcusdt@trade", "data": {"e": "trade", "s": "BTCUSDT", "t": 12345, "p": "0.001", ...}}

A recording may hold other events and other symbols: those lines are counted and left. Futures streams also
tell of what the insurance fund and deleveraging did (`X`), which the archives and klines do not count.
Belongs here: objects -> the columns of a row, as text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

import pyarrow as pa

from pipeline.free_form import Json
from pipeline.sources.binance.trade_file import TradeFile
from pipeline.sources.binance.trade_line import TRADES, Kind, Shape, Trade, named_shape
from pipeline.sources.protocol import RawText
from pipeline.sources.text.json_array import elements, is_array
from pipeline.sources.text.json_value import cell, value_of
from pipeline.sources.text.lines import BOM, Block, Seen, read_lines, text_of

_MARKET = (None, "MARKET")
_HEAD_BYTES, _SAMPLES = 1 << 16, 64

_OTHER_SYMBOL = "other_symbols"
_NOTHING = Shape(kind=TRADES, names=())


def is_json(head: bytes) -> bool:
    """Whether one of a text's first lines begins as JSON does."""
    lines = head[:_HEAD_BYTES].removeprefix(BOM).split(b"\n")[:_SAMPLES]
    return any(line.lstrip()[:1] in (b"{", b"[") for line in lines)


def blocks_of(text: RawText, seen: Seen) -> Iterator[Block]:
    """The objects, in blocks: of an array its elements, of pages those of one after the other, else lines.

    Raises:
        SourceError: an element longer than any line of an export.
    """
    if not is_array(text.head):
        yield from read_lines(text.name, text.blocks(), seen)
    elif is_pages(text.head):
        yield from _pages(text.name, read_lines(text.name, text.blocks(), seen))
    else:
        seen.bom = text.head.startswith(BOM)
        yield from elements(text.name, text.blocks())


def is_of(kind: Kind, head: bytes) -> bool:
    """Whether one of the first objects is an event of this kind, or the first has the keys of an answer."""
    cut = elements("", [head]) if is_array(head) else read_lines("", [head], Seen())
    lines = islice((line for block in cut for line in block.lines if line.strip()), _SAMPLES)
    objects = [found for found in map(_object, lines) if found]
    if any("e" in found for found in objects):
        return any(found.get("e") == kind.event for found in objects)
    return bool(objects) and named_shape(kind, tuple(objects[0])) is not None


def tables(file: TradeFile, blocks: Iterator[Block], others: Counter[str]) -> Iterator[pa.Table]:
    """The day's trades, block by block; `others` counts the lines that are none of this feed's."""
    for block in blocks:
        objects = [_object(line) if text_of(line).strip() else None for line in block.lines]
        take = partial(_take, file, block, objects, others)
        shape = next((s for found in objects if found and (s := _shape(file, found))), None)
        if shape is None or block.whole:
            columns = None
        else:
            rows = [_as_row(file, shape, found) for found in objects]
            text = Block(body=b"\n".join(rows), number=block.number, offset=0)
            shape = shape.without_symbol()
            columns = file.read_columns(text, shape)
        yield file.rows(block, columns, shape or _NOTHING, take)


def _shape(file: TradeFile, found: Json) -> Shape | None:
    return named_shape(file.kind, tuple(found))


def _as_row(file: TradeFile, shape: Shape, found: Json | None) -> bytes:
    """The object as the row that the scanner reads; nothing where it may not be read so."""
    if not found or _none_of_ours(file, found) or _shape(file, found) is not shape:
        return b""
    values = list(found.values())
    row = b",".join(cell(values[at]) for name, at in shape.at.items() if name != "symbol")
    return b"" if b"\n" in row else row


def _take(
    file: TradeFile,
    block: Block,
    objects: Sequence[Json | None],
    others: Counter[str],
    place: int,
) -> Trade | None:
    found = objects[place]
    if found is None:
        file.blank_lines += 1
        return None
    other = _none_of_ours(file, found)
    if other == _OTHER_SYMBOL:
        file.other_symbols[_symbol(found)] += 1
        return None
    if other is not None:
        others[other] += 1
        return None
    shape = _shape(file, found)
    if shape is None:
        keys = ", ".join(found)[:120] or "none"
        wanted = ", ".join(file.kind.needed)
        file.refuse(block, place, "B26", f"an object of a trade has {wanted}; got {keys}")
        return None
    return file.take(block, place, shape, [cell(value) for value in found.values()])


def _object(line: bytes) -> Json:
    """The trade's own object, out of its envelope; empty where the line is none."""
    try:
        found = value_of(line)
    except ValueError:
        return {}
    if isinstance(found, dict) and isinstance(found.get("data"), dict):
        found = found["data"]
    return found if isinstance(found, dict) else {}


def _none_of_ours(file: TradeFile, found: Json) -> str | None:
    """What a good object is that is no trade of this feed, as the ledger counts it."""
    event, symbol = found.get("e"), _symbol(found)
    if (isinstance(event, str) and event != file.kind.event) or "result" in found:
        return "other_events"
    if symbol and symbol != file.feed.vendor_symbol.upper():
        return _OTHER_SYMBOL
    if event is not None and found.get("X") not in _MARKET:
        return "not_on_the_market"
    return None


def _symbol(found: Json) -> str:
    symbol = found.get("s", found.get("symbol"))
    return symbol.upper() if isinstance(symbol, str) else ""


def is_pages(head: bytes) -> bool:
    """Whether the first line is a whole array, and not the only one."""
    first, feed, rest = head.removeprefix(BOM).lstrip().partition(b"\n")
    return bool(feed and first.rstrip().endswith(b"]") and rest.lstrip()[:1] == b"[")


def _pages(name: str, lines: Iterator[Block]) -> Iterator[Block]:
    """The elements of every line's array, numbered through; a line that is none is one element."""
    number = 1
    for block in lines:
        for place, line in enumerate(block.lines):
            if not is_array(line):
                cut = [Block(body=line, number=1, offset=0, torn=block.torn, whole=True)]
            else:
                cut = list(elements(name, [line]))
            for one in cut:
                yield Block(
                    body=one.body,
                    number=number,
                    offset=block.offsets[place] + one.offset,
                    torn=one.torn and block.torn,
                    whole=True,
                )
                number += 1
