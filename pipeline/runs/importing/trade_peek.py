"""What the rows of a file of the exchange's trades tell of themselves: their kind, hours and market.

Belongs here: a look at rows, before a file has a place. Reading them for a day is their adapter's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

from pipeline.clock import HOUR_US, day_of
from pipeline.errors import SourceError
from pipeline.model.limits import Limits
from pipeline.model.raw_names import RawPath
from pipeline.sources.binance import trade_json, trade_text
from pipeline.sources.binance.trade_line import AGGREGATES, TRADES, named_shape
from pipeline.sources.binance.trade_parquet import Rows, is_parquet
from pipeline.sources.binance.trade_text import Layout
from pipeline.sources.klines.rows import market_us
from pipeline.sources.rawfile import RawFile, open_raw
from pipeline.sources.text.lines import Seen, read_lines

KINDS = {"binance_trades": "trades", "binance_agg_trades": "aggTrades"}
"""Adapter -> what the public archive calls its files."""

_KINDS = {kind.source: kind for kind in (TRADES, AGGREGATES)}
_EVENTS = {kind.event.encode(): kind.source for kind in (TRADES, AGGREGATES)}
_EVENT = re.compile(rb'"e"\s*:\s*"([^"]*)"')
_JSON_STAMP = re.compile(rb'"(?:T|time)"\s*:\s*([0-9]{13,16})(?=[^0-9])')
_SAMPLE = 2_000
"""So many rows of each block are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePeek:
    """The rows of one kind in a file.

    `hours`: in how many hours of each date there are trades. `market`: `spot` or `futures` where the columns
    tell it.
    """

    adapter: str
    hours: Counter[str]
    market: str | None = None


def peek(raw: RawFile, adapter: str) -> list[TradePeek]:
    """What a file has that an adapter of `KINDS` claims; a recording of the stream may have both kinds.

    Raises:
        SourceError: the file cannot be read.
    """
    if is_parquet(raw.name, raw.head):
        return [TradePeek(adapter=adapter, hours=Counter())]
    layout = trade_text.layout_of(_KINDS[adapter], "spot", raw.head)
    if layout is None or trade_json.is_json(raw.head):
        return _of_json(raw, adapter)
    return [TradePeek(adapter=adapter, hours=_hours(_stamps(raw, layout)), market=_market(layout))]


def peek_parquet(file: RawPath, limits: Limits) -> list[TradePeek]:
    """The kind by the names of the columns; nothing where these are no trades, or it is no Parquet."""
    with open_raw(file, limits) as raw:
        if not is_parquet(raw.name, raw.head):
            return []
        try:
            with closing(Rows(raw)) as rows:
                return _of_columns(rows)
        except SourceError:
            return []  # who reads it as something else says why it cannot be read


def _of_columns(rows: Rows) -> list[TradePeek]:
    """Aggregates before single trades, of which they may have every column."""
    for kind in (AGGREGATES, TRADES):
        shape = named_shape(kind, tuple(rows.names))
        if shape is not None:
            time = rows.names[shape.at["time"]]
            stamps = (line for block in rows.blocks([time]) for line in block.lines)
            return [TradePeek(adapter=kind.source, hours=_hours(stamps))]
    return []


def _of_json(raw: RawFile, adapter: str) -> list[TradePeek]:
    found: dict[str, set[bytes]] = {}
    for block in trade_json.blocks_of(raw, Seen()):
        for line in block.lines:
            event, stamp = _EVENT.search(line), _JSON_STAMP.search(line)
            kind = _EVENTS.get(event[1]) if event else adapter
            if kind and stamp:
                found.setdefault(kind, set()).add(stamp[1])
    kinds = [kind for kind in _KINDS if kind in found] or [adapter]
    return [TradePeek(adapter=kind, hours=_hours(found.get(kind, ()))) for kind in kinds]


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
