"""Klines as the exchange's REST interface answers, saved as JSON: an array of arrays, page after page.

Belongs here: `[[open_time, "open", ...], ...]` of twelve columns, whole or a row a line. Pages overlap by a
row or more (B18); a candle that was still forming stands again, finished, on the next page (B17).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pipeline.sources.binance_klines import COLUMNS, read_row
from pipeline.sources.json_array import elements, is_array
from pipeline.sources.kline_rows import KlineFile, is_of_many_days
from pipeline.sources.lines import BOM, Block, Seen, read_lines
from pipeline.sources.protocol import Feed, Parsed, RawText

_ROW = re.compile(rb'\s*(?:\{\s*"data"\s*:\s*)?\[\s*(?:\[\s*)?"?[0-9]{9,19}"?\s*,')


class BinanceRest:
    """The adapter."""

    name = "binance_rest"
    sources = ("binance_1m", "binance_1d")

    def claims(self, name: str, head: bytes) -> bool:
        """By an array that begins with an epoch number."""
        return _ROW.match(head.removeprefix(BOM)) is not None

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The day's rows; see `KlineFile` for what becomes of the others."""
        file = KlineFile(feed, is_of_many_days(feed, text.name), live=True)
        blank = 0
        for block in _rows(text):
            for place, line in enumerate(block.lines):
                if line.strip():
                    read_row(file, block, place, _fields(line))
                else:
                    blank += 1
        return file.finish({"encoding": "utf-8", "format": "REST answer"}, blank)


def _rows(text: RawText) -> Iterator[Block]:
    if is_array(text.head):
        yield from elements(text.name, text.blocks())
        return
    yield from read_lines(text.name, text.blocks(), Seen())


def _fields(line: bytes) -> list[bytes]:
    """The columns as text; a line that is no array of plain values is one column, which no kline is."""
    try:
        row: list[Any] = msgspec.json.decode(line.strip().removesuffix(b","), type=list)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return [line]
    if len(row) != len(COLUMNS) or not all(isinstance(value, (str, int, float)) for value in row):
        return [line]
    return [value.encode() if isinstance(value, str) else repr(value).encode() for value in row]
