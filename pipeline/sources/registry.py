"""Every vendor format that the kitchen reads. A new one is a file here and a line in `ADAPTERS`."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.sources.atas.bars import AtasBars
from pipeline.sources.atas.simplified import AtasSimplified
from pipeline.sources.atas.ticks import AtasTicks
from pipeline.sources.binance.funding import BinanceFunding
from pipeline.sources.binance.klines import BinanceKlines
from pipeline.sources.binance.metrics import BinanceMetrics
from pipeline.sources.binance.rest import BinanceRest
from pipeline.sources.binance.trades import BINANCE_AGG_TRADES, BINANCE_TRADES
from pipeline.sources.own.csv_table import BinanceFetcher
from pipeline.sources.own.json_table import BinanceJson, is_json
from pipeline.sources.own.parquet_table import BinanceParquet
from pipeline.sources.protocol import Adapter

_DAMAGED_MAX = 6
"""So many lines may stand before a table that are none of it."""

ADAPTERS: tuple[Adapter, ...] = (
    BINANCE_TRADES,
    BINANCE_AGG_TRADES,
    BinanceKlines(),
    BinanceFunding(),
    BinanceMetrics(),
    BinanceFetcher(),
    BinanceParquet(),
    BinanceRest(),
    AtasBars(),
    AtasSimplified(),
    AtasTicks(),
    BinanceJson(),
)
"""In the order in which they are asked: formats with marks of their own before names of columns."""


def claimant(name: str, head: bytes) -> Adapter | None:
    """The adapter whose format a file of that name and first bytes has, or None."""
    return next((adapter for adapter in ADAPTERS if adapter.claims(name, head)), None)


def adapter_for(source: str, name: str, head: bytes) -> Adapter:
    """The adapter that reads a file filed under a source.

    A file that none of the source's adapters claims is read by the first of them: a damaged first line
    shall not cost the others, and of a wrong file every line becomes a reject. JSON is the JSON table's,
    which says what its objects lack.
    """
    fitting = sorted(
        (one for one in ADAPTERS if source in one.sources),
        key=lambda adapter: adapter.sources.index(source),
    )
    tables = [adapter for adapter in fitting if isinstance(adapter, BinanceJson) and is_json(head)]
    heads = [head, *_later(head)] if tables else [head]
    claims = (adapter for text in heads for adapter in fitting if adapter.claims(name, text))
    return next(claims, [*tables, *fitting][0])


def _later(head: bytes) -> Iterator[bytes]:
    """What follows each of the first lines: a stray bracket before a table does not make it JSON."""
    for _ in range(_DAMAGED_MAX):
        head = head.partition(b"\n")[2]
        yield head
