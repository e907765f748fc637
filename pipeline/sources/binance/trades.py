"""The exchange's own trades, single (`trades`) and aggregated (`aggTrades`), of all markets and in all forms.

    id,price,qty,quote_qty,time,is_buyer_maker                                          USD-M
    26129,0.01633102,4.70443515,27781,27781,1498793709153,True,True                     spot, aggregated

Daily and monthly archives with a header or without, plain or packed, Parquet, REST answers and recordings of
the stream. COIN-M counts contracts: `qty` is as written, `base_qty` beside it where the file has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa

from pipeline.errors import SourceError
from pipeline.free_form import Json
from pipeline.sources import tick_tape
from pipeline.sources.binance import trade_json, trade_text
from pipeline.sources.binance.trade_file import TradeFile
from pipeline.sources.binance.trade_line import AGGREGATES, TRADES, Kind, Shape, named_shape
from pipeline.sources.binance.trade_parquet import Rows, is_parquet
from pipeline.sources.binance.trade_text import Layout
from pipeline.sources.protocol import Feed, Parsed, Put, RawText, TapeAdapter
from pipeline.sources.text.lines import Seen, read_lines
from pipeline.tables.prefetch import beside


class BinanceTradeFiles(TapeAdapter):
    """The adapter of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.name = kind.source
        self.sources = (kind.source,)

    def claims(self, name: str, head: bytes) -> bool:
        """By its header, its first row, the keys of its first object; Parquet by the name of the file."""
        if is_parquet(name, head):
            return self._kind.mark in name
        return trade_json.is_of(self._kind, head) or any(
            trade_text.layout_of(self._kind, market, head) for market in ("spot", "futures_cm")
        )

    def parse_tape(self, text: RawText, feed: Feed, put: Put) -> Parsed:
        """The day's rows in the file's order; sorting and repeated ids are the feed's (`trade_tape.py`).

        Raises:
            SourceError: Parquet that cannot be read, or without the columns of a trade; all rows are of
                other symbols.
        """
        file = TradeFile(feed=feed, kind=self._kind, name=text.name)
        ids, stamps = tick_tape.Order(self._kind.id_column), tick_tape.Order("ts")
        notes: Json = {}
        for rows in tick_tape.stretches(self._tables(file, text, notes)):
            ids.see(rows)
            stamps.see(rows)
            put(rows)
        file.check_symbols()
        notes |= file.notes()
        file.defects["D05"] += ids.inversions
        notes |= {"ids_out_of_order": ids.inversions, **stamps.notes()}
        return file.parsed(pa.schema(self._kind.table).empty_table(), notes)

    def _tables(self, file: TradeFile, text: RawText, notes: Json) -> Iterator[pa.Table]:
        """The day's rows as they stand in the file; fills the notes on how it was written."""
        if is_parquet(text.name, text.head):
            yield from self._parquet(file, text, notes)
            return
        seen = Seen()
        layout = trade_text.layout_of(self._kind, file.feed.market, text.head)
        if layout is None and trade_json.is_json(text.head):
            others: Counter[str] = Counter()
            yield from trade_json.tables(file, trade_json.blocks_of(text, seen), others)
            notes |= {"form": "JSON objects", **dict(sorted(others.items()))}
        else:
            layout = layout or trade_text.usual_layout(self._kind, file.feed.market)
            blocks = beside(read_lines(text.name, text.blocks(), seen))
            yield from file.tables(blocks, layout.shape, layout.skip)
            file.ignored -= bool(layout.header)
            notes |= layout.notes()
        notes["encoding"] = "utf-8-sig" if seen.bom else "utf-8"

    def _parquet(self, file: TradeFile, text: RawText, notes: Json) -> Iterator[pa.Table]:
        with closing(Rows(text)) as rows:
            shape = named_shape(self._kind, tuple(rows.names))
            if shape is None:
                raise SourceError(
                    f"{text.name}: columns {', '.join(rows.names)[:200]}; wanted"
                    f" {', '.join(self._kind.needed)}; write it again",
                    code="B02",
                )
            columns = [rows.names[place] for place in shape.at.values()]
            known = Shape(kind=self._kind, names=tuple(shape.at))
            yield from file.tables(rows.blocks(columns), known, frozenset())
            notes |= Layout(shape=shape, header=tuple(rows.names)).notes()
            notes["encoding"] = "parquet"


BINANCE_TRADES = BinanceTradeFiles(TRADES)
BINANCE_AGG_TRADES = BinanceTradeFiles(AGGREGATES)
