"""How the exchange prints its trades: rows of `trades` and `aggTrades`, as each market's archives have them.

Belongs here: columns and their order, headers, words for true and false, and what one aggregate is.
Does not belong here: what was traded (`tape.py`), damage (`trade_defects.py`).
"""

from __future__ import annotations

import numpy as np

from pipeline.sample.tape import Tape
from pipeline.sample.writers import decimals, shown_decimals, unit_us
from pipeline.tables.arrays import Ints

TRADES, AGGREGATES = "binance_trades", "binance_agg_trades"

_HEADERS = {
    TRADES: "id,price,qty,quote_qty,time,is_buyer_maker",
    AGGREGATES: (
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
    ),
}


def header(feed: str, market: str) -> str:
    """The first line of the market's archives; empty where they have none."""
    if market == "spot":
        return ""
    return _HEADERS[feed].replace(
        "quote_qty", "base_qty" if market == "futures_cm" else "quote_qty"
    )


def trade_rows(tape: Tape, market: str) -> list[list[str]]:
    """A row a trade, in the order of the ids."""
    coin = tape.instrument
    price, qty, quote = shown_decimals(coin, market)
    columns = (
        _text(tape.trade_id),
        decimals(tape.price_ticks, coin.price_decimals, price),
        decimals(tape.qty_lots, coin.qty_decimals, qty),
        decimals(coin.amounts(tape.price_ticks, tape.qty_lots), coin.quote_digits, quote),
        *_time_and_flags(tape, np.arange(len(tape)), market),
    )
    return [list(row) for row in zip(*columns, strict=True)]


def aggregate_rows(tape: Tape, market: str) -> list[list[str]]:
    """A row for trades of one millisecond, price and side that follow each other; ids of their own."""
    coin = tape.instrument
    price, qty, _ = shown_decimals(coin, market)
    first = _first_fills(tape)
    last = np.append(first[1:], len(tape)) - 1
    columns = (
        _text(tape.trade_id[: len(first)]),
        decimals(tape.price_ticks[first], coin.price_decimals, price),
        decimals(np.add.reduceat(tape.qty_lots, first), coin.qty_decimals, qty),
        _text(tape.trade_id[first]),
        _text(tape.trade_id[last]),
        *_time_and_flags(tape, first, market),
    )
    return [list(row) for row in zip(*columns, strict=True)]


def _first_fills(tape: Tape) -> Ints:
    """Where an order begins to take at a price."""
    begins = np.ones(len(tape), dtype=np.bool_)
    begins[1:] = (
        (np.diff(tape.ts_us) != 0) | (np.diff(tape.price_ticks) != 0) | (np.diff(tape.side) != 0)
    )
    return np.flatnonzero(begins)


def _time_and_flags(tape: Tape, rows: Ints, market: str) -> list[list[str]]:
    """The stamp, whether the buyer's order lay in the book, and on spot whether the match was the best."""
    false, true = ("False", "True") if market == "spot" else ("false", "true")
    stamps = _text(tape.ts_us[rows] // unit_us(int(tape.ts_us[0]), market))
    maker = [true if side < 0 else false for side in tape.side[rows].tolist()]
    return [stamps, maker, *([[true] * len(rows)] if market == "spot" else [])]


def _text(values: Ints) -> list[str]:
    return [str(value) for value in values.tolist()]
