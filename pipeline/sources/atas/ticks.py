"""TickTapeExporter: `tick.v1` to `tick.v3`, one trade a line.

`ts` is the exchange's time; `exchange` is a setting of the user and only a hint; v2 and v3 add fields that
repeat the quantity by side. A price or quantity of zero or NaN is a failed reflection in the exporter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, day_open_us, iso
from pipeline.free_form import Json
from pipeline.model.raw_names import spills_to
from pipeline.sources import tick_tape
from pipeline.sources.atas.tick_columns import NUMBERS, Columns, read_columns
from pipeline.sources.atas.tick_line import (
    UNKNOWN_WORD,
    Tick,
    id_text,
    plain_symbol,
    side_sign,
    side_word,
    tick_instant,
)
from pipeline.sources.klines.rows import is_of_many_days
from pipeline.sources.protocol import Feed, Parsed, Put, RawText, TapeAdapter
from pipeline.sources.text.jsonl import Batch, JsonLines
from pipeline.sources.text.lines import Block
from pipeline.tables import arrays
from pipeline.tables.prefetch import ahead

_MOST_EXCHANGES = 8
"""The ledger names so many; the field is free text."""

_ANY_DAY = range(-3_660_000, 3_660_000)

OTHER_DAY = ("A16", "of another day, which reads it from here")

_UTC = pa.timestamp("us", tz="UTC")
_SCHEMA = pa.schema(
    {
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
)


class AtasTicks(TapeAdapter):
    """The adapter."""

    name = "atas_ticks"
    sources = ("atas_ticks",)

    def claims(self, name: str, head: bytes) -> bool:
        """By the schema version, or by the fields that no bar has."""
        return b'"tick.v' in head or (b'"qty"' in head and b'"ts"' in head)

    def parse_tape(self, text: RawText, feed: Feed, put: Put) -> Parsed:
        """The ticks in file order; sorting and repeated trades are the feed's (`tick_tape.py`)."""
        lines = JsonLines(text, Tick)
        tape, order = _Tape(feed, lines, text.name), tick_tape.Order("ts")
        tables = (tape.take(block, columns) for block, columns in tape.by_columns(lines.blocks()))
        for rows in tick_tape.stretches(tables):
            order.see(rows)
            put(rows)
        lines.defects["A18"] += order.inversions
        return Parsed(
            rows=_SCHEMA.empty_table(),
            rejects=lines.rejects,
            read=lines.read - tape.other_days,
            blank_lines=lines.blank_lines,
            other_days=tape.other_days,
            notes={
                **lines.notes(),
                **tape.notes(),
                **order.notes(),
            },
            defects=lines.defects,
        )


class _Tape:
    """Takes what is plainly good by columns, judges the other ticks one by one, counts for the ledger."""

    def __init__(self, feed: Feed, lines: JsonLines[Tick], name: str) -> None:
        self._reach = _ANY_DAY if is_of_many_days(feed, name) else spills_to(name)
        self._opened = day_open_us(feed.day)
        self._values = feed.values
        self._names = {plain_symbol(feed.symbol), plain_symbol(feed.vendor_symbol)}
        self._lines = lines
        self._sides: Counter[str] = Counter()
        self._exchanges: Counter[str] = Counter()
        self._sub_ms = 0
        self.other_days = 0
        self._crossed = 0

    def by_columns(self, blocks: Iterator[Block]) -> Iterator[tuple[Block, Columns | None]]:
        """Each block in order with what of it can be read by columns, some blocks ahead of the caller."""
        return ahead(lambda block: read_columns(block, self._names, self._values), blocks)

    def take(self, block: Block, columns: Columns | None) -> pa.Table:
        """The block's good ticks as a table, in order of their lines; bad ones are set aside."""
        if columns is None:
            return self._take_lines(self._lines.batch(block, range(block.count)))
        table = self._take_columns(block, columns)
        if not columns.odd:
            return table
        others = self._take_lines(self._lines.batch(block, columns.odd))
        return pa.concat_tables([table, others]).sort_by("line") if others.num_rows else table

    def _take_columns(self, block: Block, columns: Columns) -> pa.Table:
        day = (columns.ts - self._opened) // DAY_US
        if day.any():
            elsewhere = np.isin(day, [other for other in np.unique(day) if other in self._reach])
            self.other_days += int(np.count_nonzero(elsewhere & (day != 0)))
            columns.leave_out(day != 0, odd=(day != 0) & ~elsewhere)
        self._crossed += columns.drop_crossed()
        self._sides.update(columns.side_words())
        self._exchanges.update(columns.exchanges())
        self._sub_ms += int(np.count_nonzero(columns.ts % 1000))
        return _table_of(block, columns)

    def _take_lines(self, batch: Batch[Tick]) -> pa.Table:
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

    def notes(self) -> Json:
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
        beyond = self._values.fault((name, getattr(tick, name)) for name in NUMBERS)
        if beyond is not None:
            return ("A10", beyond), 0
        try:
            instant = tick_instant(tick.ts)
        except ValueError as error:
            return ("A13", f"ts: {error}"), 0
        if side_word(tick.side) == UNKNOWN_WORD:
            return ("A13", f"side {tick.side!r}; wanted buy, sell, between, unknown or nothing"), 0
        if tick.symbol is not None and plain_symbol(tick.symbol) not in self._names:
            return ("A22", f"symbol {tick.symbol!r} in a tape of {sorted(self._names)[0]}"), 0
        if not 0 <= instant - self._opened < DAY_US:
            if (instant - self._opened) // DAY_US in self._reach:
                return OTHER_DAY, 0
            return ("A16", f"ts {iso(instant)} is not of the day under which the file lies"), 0
        return None, instant

    def _count(self, good: list[Tick], instants: list[int]) -> None:
        self._sides.update(side_word(tick.side) for tick in good)
        self._exchanges.update(tick.exchange or "" for tick in good)
        self._sub_ms += sum(1 for instant in instants if instant % 1000)
        self._crossed += sum(_drop_crossed(tick) for tick in good)


def _drop_crossed(tick: Tick) -> bool:
    """A best bid at or above the best ask, or a price of zero, is no quote."""
    bid, ask = tick.best_bid, tick.best_ask
    wrong = (bid is not None and bid <= 0) or (ask is not None and ask <= 0)
    if not wrong and (bid is None or ask is None or bid < ask):
        return False
    tick.best_bid = tick.best_ask = tick.bid_volume = tick.ask_volume = None
    return True


def _table(ticks: list[Tick], instants: list[int], numbers: list[int]) -> pa.Table:
    columns: dict[str, Sequence[object]] = {
        **{name: [getattr(tick, name) for tick in ticks] for name in NUMBERS},
        "ts": instants,
        "side": [side_sign(tick.side) for tick in ticks],
        "trade_id": [id_text(tick.trade_id) for tick in ticks],
        "line": numbers,
    }
    return pa.table({name: columns[name] for name in _SCHEMA.names}, _SCHEMA)


def _table_of(block: Block, columns: Columns) -> pa.Table:
    """As `_table`, of columns; NaN is null."""
    nothing = pa.nulls(len(columns.ts), pa.float64())
    numbers = columns.numbers.items()
    made = {
        **dict.fromkeys(NUMBERS, nothing),
        **{name: arrays.column(found, np.isnan(found)) for name, found in numbers},
        "ts": arrays.column(columns.ts).view(_UTC),
        "side": arrays.column(columns.side, columns.side == 0),
        "trade_id": columns.trade_id,
        "line": arrays.column(columns.places + block.number),
    }
    return pa.table({name: made[name] for name in _SCHEMA.names}, _SCHEMA)
