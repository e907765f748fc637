"""TickTapeExporter: `tick.v1` to `tick.v3`, one trade a line.

`ts` is the exchange's time; `exchange` is a setting of the user and only a hint; v2 and v3 add fields that
repeat the quantity by side. A price or quantity of zero or NaN is a failed reflection in the exporter.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, day_open_us, iso, parse_instant
from pipeline.layout import spills_to
from pipeline.sources import tick_tape
from pipeline.sources.jsonl import Batch, JsonLines
from pipeline.sources.kline_rows import is_of_many_days
from pipeline.sources.protocol import Feed, Parsed, RawText

_SIDES = {"buy": 1, "sell": -1}
_SIDELESS = ("between", "unknown", "")
_MOST_EXCHANGES = 8
"""The ledger names so many; the field is free text."""

_ANY_DAY = range(-3_660_000, 3_660_000)

OTHER_DAY = ("A16", "of another day, which reads it from here")

_UTC = pa.timestamp("us", tz="UTC")
_COLUMNS: dict[str, pa.DataType] = {
    "ts": _UTC,
    "price": pa.float64(),
    "qty": pa.float64(),
    "side": pa.int8(),
    "best_bid": pa.float64(),
    "best_ask": pa.float64(),
    "bid_volume": pa.float64(),
    "ask_volume": pa.float64(),
    "trade_id": pa.string(),
    "line": pa.int64(),
}


class Tick(msgspec.Struct, gc=False):
    """One line. What a version does not have is null."""

    ts: str
    price: float | None = None
    qty: float | None = None
    side: str | None = None
    symbol: str | None = None
    exchange: str | None = None
    best_bid: float | None = None
    best_ask: float | None = None
    bid_volume: float | None = None
    ask_volume: float | None = None
    trade_id: str | int | None = None


class AtasTicks:
    """The adapter."""

    name = "atas_ticks"
    sources = ("atas_ticks",)

    def claims(self, name: str, head: bytes) -> bool:
        """By the schema version, or by the fields that no bar has."""
        return b'"tick.v' in head or (b'"qty"' in head and b'"ts"' in head)

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """Reads a tape in file order; sorting and repeated trades are the feed's (`tick_tape.py`)."""
        lines = JsonLines(text, Tick)
        tape = _Tape(feed, lines, text.name)
        tables = [tape.take(batch) for batch in lines.batches()]
        rows = pa.concat_tables([_table([], [], []), *tables])
        inversions, step_back_us = tick_tape.order(rows)
        lines.defects["A18"] += inversions
        return Parsed(
            rows=rows,
            rejects=lines.rejects,
            read=lines.read - tape.other_days,
            blank_lines=lines.blank_lines,
            other_days=tape.other_days,
            notes={
                **lines.notes(),
                **tape.notes(),
                "inversions": inversions,
                "largest_step_back_us": step_back_us,
            },
            defects=lines.defects,
        )


class _Tape:
    """Judges ticks one by one and keeps the counts for the ledger."""

    def __init__(self, feed: Feed, lines: JsonLines[Tick], name: str) -> None:
        self._reach = _ANY_DAY if is_of_many_days(feed, name) else spills_to(name)
        self._opened = day_open_us(feed.day)
        self._names = {_plain(feed.symbol), _plain(feed.vendor_symbol)}
        self._lines = lines
        self._sides: Counter[str] = Counter()
        self._exchanges: Counter[str] = Counter()
        self._sub_ms = 0
        self.other_days = 0
        self._crossed = 0

    def take(self, batch: Batch[Tick]) -> pa.Table:
        """The good ticks of a batch as a table; the others are set aside."""
        good, instants, numbers = [], [], []
        for index, tick in enumerate(batch.records):
            fault, instant = self._judge(tick)
            if fault == OTHER_DAY:
                self.other_days += 1
                continue
            if fault is not None:
                self._lines.reject(batch, index, *fault)
                continue
            good.append(tick)
            instants.append(instant)
            numbers.append(batch.block.numbers[batch.places[index]])
        self._count(good, instants)
        return _table(good, instants, numbers)

    def notes(self) -> dict[str, Any]:
        """Counts over the good ticks; `sub_ms` near the number of rows means a PC clock (A17)."""
        return {
            "sides": dict(sorted(self._sides.items())),
            "exchanges": dict(sorted(self._exchanges.most_common(_MOST_EXCHANGES))),
            "sub_ms": self._sub_ms,
            "crossed_quotes": self._crossed,
        }

    def _judge(self, tick: Tick) -> tuple[tuple[str, str] | None, int]:
        price, qty = tick.price, tick.qty
        if price is None or qty is None or price <= 0 or qty <= 0:
            return ("A10", f"price {price}, qty {qty}; wanted both above 0"), 0
        try:
            instant, _ = _instant(tick.ts)
        except ValueError as error:
            return ("A13", f"ts: {error}"), 0
        if tick.symbol is not None and _plain(tick.symbol) not in self._names:
            return ("A22", f"symbol {tick.symbol!r} in a tape of {sorted(self._names)[0]}"), 0
        if not 0 <= instant - self._opened < DAY_US:
            if (instant - self._opened) // DAY_US in self._reach:
                return OTHER_DAY, 0
            return ("A16", f"ts {iso(instant)} is not of the day under which the file lies"), 0
        return None, instant

    def _count(self, good: list[Tick], instants: list[int]) -> None:
        self._sides.update(_side_word(tick.side) for tick in good)
        self._exchanges.update(tick.exchange or "" for tick in good)
        self._sub_ms += sum(1 for instant in instants if instant % 1000)
        self._crossed += sum(_drop_crossed(tick) for tick in good)


def _side_word(side: str | None) -> str:
    word = (side or "").lower()
    return word if word in _SIDES or word in _SIDELESS else "other"


def _drop_crossed(tick: Tick) -> bool:
    """A best bid at or above the best ask, or a price of zero, is no quote."""
    bid, ask = tick.best_bid, tick.best_ask
    wrong = (bid is not None and bid <= 0) or (ask is not None and ask <= 0)
    if not wrong and (bid is None or ask is None or bid < ask):
        return False
    tick.best_bid = tick.best_ask = tick.bid_volume = tick.ask_volume = None
    return True


@lru_cache(maxsize=1024)
def _second_us(text: str) -> int:
    return parse_instant(text + "Z")[0]


def _instant(text: str) -> tuple[int, int | None]:
    """As `clock.parse_instant`; the exporters' own form takes a short cut, second by second."""
    digits = text[20:27]
    usual = len(text) == 28 and text[27] == "Z" and text[19] == "."
    if usual and digits.isascii() and digits.isdigit():
        return _second_us(text[:19]) + int(digits[:6]), 0
    return parse_instant(text)


@lru_cache(maxsize=1024)
def _plain(symbol: str) -> str:
    """As the exporters write a symbol into a path."""
    return symbol.replace("/", "_").replace(" ", "_").upper()


def _table(ticks: list[Tick], instants: list[int], numbers: list[int]) -> pa.Table:
    ids = [None if t.trade_id in (None, "") else str(t.trade_id) for t in ticks]
    sides = [_SIDES.get((t.side or "").lower()) for t in ticks]
    quotes = ("best_bid", "best_ask", "bid_volume", "ask_volume")
    columns: dict[str, Any] = {
        "ts": pa.array(np.array(instants, dtype=np.int64)).cast(_UTC),
        "price": [t.price for t in ticks],
        "qty": [t.qty for t in ticks],
        "side": sides,
        **{name: [getattr(t, name) for t in ticks] for name in quotes},
        "trade_id": ids,
        "line": numbers,
    }
    return pa.table({name: pa.array(columns[name], kind) for name, kind in _COLUMNS.items()})
