"""What the rows of a file of the exchange's trades tell of themselves: their hours, and of which market.

Belongs here: a look at rows, before a file has a place. Reading them for a day is their adapter's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress

from pipeline.clock import HOUR_US, day_of
from pipeline.sources.binance import trade_json, trade_parquet, trade_text
from pipeline.sources.binance.trade_line import AGGREGATES, TRADES
from pipeline.sources.binance.trade_text import Layout
from pipeline.sources.klines.rows import market_us
from pipeline.sources.rawfile import RawFile
from pipeline.sources.text.lines import Seen, read_lines

KINDS = {"binance_trades": "trades", "binance_agg_trades": "aggTrades"}
"""Adapter -> what the public archive calls its files."""

_KINDS = {kind.source: kind for kind in (TRADES, AGGREGATES)}
_JSON_STAMP = re.compile(rb'"(?:T|time)"\s*:\s*([0-9]{13,16})(?=[^0-9])')
_SAMPLE = 2_000
"""So many rows of each block are looked at."""


def peek(raw: RawFile, adapter: str) -> tuple[Counter[str], str | None]:
    """In how many hours of each date there are trades, and the market where the columns tell it.

    Nothing of Parquet, which is not read for this; the market is `spot`, `futures` or None.

    Raises:
        SourceError: the file cannot be read.
    """
    if trade_parquet.is_parquet(raw.name, raw.head):
        return Counter(), None
    layout = trade_text.layout_of(_KINDS[adapter], "spot", raw.head)
    if layout is None or trade_json.is_json(raw.head):
        stamps = (stamp for block in raw.blocks() for stamp in _JSON_STAMP.findall(block))
        return _hours(stamps), None
    return _hours(_stamps(raw, layout)), _market(layout)


def _stamps(raw: RawFile, layout: Layout) -> Iterator[bytes]:
    place = layout.shape.at["time"]
    for block in read_lines(raw.name, raw.blocks(), Seen()):
        for line in block.lines[:: block.count // _SAMPLE + 1]:
            fields = line.split(b",")
            if len(fields) == len(layout.shape.names):
                yield fields[place]


def _hours(stamps: Iterable[bytes]) -> Counter[str]:
    hours: set[int] = set()
    for stamp in stamps:
        with suppress(ValueError):
            hours.add(market_us(int(stamp)) // HOUR_US)
    return Counter(day_of(hour * HOUR_US).isoformat() for hour in sorted(hours))


def _market(layout: Layout) -> str | None:
    """By a column that spot alone has; without a header its absence says nothing."""
    if "best" in layout.shape.at:
        return "spot"
    return "futures" if "is_buyer_maker" in layout.header else None
