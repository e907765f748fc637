"""Klines as the exchange's REST interface answers, saved as JSON: an array of arrays, page after page.

Belongs here: `[[open_time, "open", ...], ...]` of twelve columns, whole or a row a line. Pages overlap by a
row or more (B18); a candle that was still forming stands again, finished, on the next page (B17).
"""

from __future__ import annotations

import re
from itertools import islice

from pipeline.sources.binance.klines import read_row
from pipeline.sources.klines.column_names import ARCHIVE
from pipeline.sources.klines.rows import KlineFile
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.text.json_array import records
from pipeline.sources.text.json_value import cell, value_of
from pipeline.sources.text.lines import text_of

_EPOCH = re.compile(rb"[0-9]{9,19}")
_TRIED = 5
"""A file is known by its first rows, of which one may be damaged."""


class BinanceRest:
    """The adapter."""

    name = "binance_rest"
    sources = ("binance_1m", "binance_1d")

    def claims(self, name: str, head: bytes) -> bool:
        """By arrays of twelve values, of which the first is an epoch number."""
        rows = islice(records(name, [head]), _TRIED)
        return any(_is_row(fields) for block in rows for fields in map(_fields, block.lines))

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """The day's rows; see `KlineFile` for what becomes of the others."""
        file = KlineFile(feed, text, live=True)
        blank = 0
        for block in records(text.name, text.blocks()):
            for place, line in enumerate(block.lines):
                if text_of(line).strip():
                    read_row(file, block, place, _fields(line))
                else:
                    blank += 1
        return file.finish({"encoding": "utf-8", "format": "REST answer"}, blank)


def _is_row(fields: list[bytes]) -> bool:
    return len(fields) == len(ARCHIVE) and _EPOCH.fullmatch(fields[0]) is not None


def _fields(line: bytes) -> list[bytes]:
    """The columns as text; a line that is no array of plain values is one column, which no kline is."""
    try:
        row = value_of(line)
    except ValueError:
        return [line]
    is_row = isinstance(row, list) and len(row) == len(ARCHIVE)
    if not is_row or not all(isinstance(value, (str, int, float)) for value in row):
        return [line]
    return [cell(value) for value in row]
