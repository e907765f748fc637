"""A raw line of the exchange's trades, read again by itself: the trade that it is, or why it is none.

Belongs here: what the line's own adapter makes of it, and under which row its id stands. Where its minute was
taken from is `tape_minute.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.contracts.ledger import LedgerEntry
from pipeline.free_form import Json
from pipeline.model.limits import Limits
from pipeline.provenance.prepared_day import Prepared
from pipeline.sources.binance.trade_line import AGGREGATES, TRADES, named_shape
from pipeline.sources.protocol import Feed
from pipeline.sources.registry import adapter_for
from pipeline.tables import arrays

_HEAD_LINES = 7
"""The header is looked for among so many first lines."""

_KINDS = {kind.source: kind for kind in (TRADES, AGGREGATES)}


@dataclass(slots=True)
class _Text:
    """A raw text in memory."""

    name: str
    limits: Limits
    head: bytes

    def blocks(self) -> Iterator[bytes]:
        """All of it."""
        yield self.head


def merged_trade(given: Prepared, feed: str, entry: LedgerEntry, text: bytes) -> Json:
    """Into which row a line went that has none of its own; or why it is no trade of the day."""
    trade = _trade_of(given, feed, entry, text)
    if isinstance(trade, str):
        return {"fate": "left", "why": trade}
    rows = given.rows[feed][0]
    same = np.ones(rows.table.num_rows, dtype=np.bool_)
    for name in {"trade_id", "agg_id", "ts"} & set(trade.column_names):
        same &= arrays.ints(rows.table[name]) == arrays.ints(trade[name])[0]
    if not same.any():
        return {"fate": "left", "why": "no row has its id: the file changed since it was read"}
    place = int(np.flatnonzero(same)[0])
    row = rows.table.slice(place, 1).to_pylist()[0]
    return {
        "fate": "merged",
        "into": f"{rows.path(row)}:{row['line']}",
        "minute_open": rows.minute(place),
        "why": "its id stands twice",
    }


def _trade_of(given: Prepared, feed: str, entry: LedgerEntry, text: bytes) -> pa.Table | str:
    """The one row of a line that is a trade of the day; else, in words, what the line is."""
    symbol = given.kitchen.symbols[given.symbol]
    header = _header(given, feed, entry)
    raw = _Text(entry.path, given.kitchen.limits, b"\n".join([*header, text]))
    parsed = adapter_for(feed, raw.name, raw.head).parse(
        raw,
        Feed(
            symbol=symbol.name,
            market=symbol.market,
            source=feed,
            vendor_symbol=symbol.vendor_name(feed),
            day=given.day,
        ),
    )
    if parsed.rows.num_rows:
        return parsed.rows
    if parsed.other_days:
        return "of another day, which reads it from a file of its own"
    if parsed.other_symbols:
        return "of another symbol"
    if "other_events" in parsed.notes:
        return "another event of the stream"
    if "not_on_the_market" in parsed.notes:
        return "of the insurance fund or a deleveraging, which no kline counts"
    return "a header, or text before it"


def _header(given: Prepared, feed: str, entry: LedgerEntry) -> list[bytes]:
    """The file's header, if it has one."""
    if not entry.inferred.get("header"):
        return []
    first = given.raw.at(entry.path, range(1, _HEAD_LINES)).values()
    kind = _KINDS[feed]
    words = ((line, tuple(line.decode("utf-8", "replace").split(","))) for line in first)
    return [line for line, names in words if named_shape(kind, names) is not None][:1]
