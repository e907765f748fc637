"""The rows of one file of trades: which are of the day, what is wrong with the others, what each line became.

Belongs here: what holds for every form of such a file. How a form writes a row is its own module's.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, MINUTE_US, day_open_us, epoch_unit
from pipeline.free_form import Json
from pipeline.sources.binance.trade_columns import Columns, form_of, read_columns, table_of
from pipeline.sources.binance.trade_line import LIMITED, Kind, NoQuantityError, Shape, Trade
from pipeline.sources.klines.rows import is_of_many_days
from pipeline.sources.tally import Tally
from pipeline.sources.text.lines import Block, text_of
from pipeline.tables.prefetch import ahead

_MONTH = re.compile(r"(2[0-9]{3})-(0[1-9]|1[0-2])(?![0-9-])")
_WORDS = {1: "buy", -1: "sell", None: "unknown"}
_RECORDED = re.compile(r"\.jsonl?(\.(gz|zst))?$")
"""Answers of the API and recordings of the stream: they end when somebody stopped, not with a day."""

_ANY_DAY = range(-3_660_000, 3_660_000)


@dataclass(kw_only=True)
class TradeFile(Tally):
    """Takes a file's rows in order and counts for the ledger.

    A file of many days has rows of others, which are theirs; so are its broken lines behind a row of theirs.
    `ignored` counts headers and the text before them, `without_quantity` by minute of the day the rows set
    aside for a quantity of 0.
    """

    kind: Kind
    units: Counter[str] = field(default_factory=Counter)
    sides: Counter[str] = field(default_factory=Counter)
    without_quantity: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._opened = day_open_us(self.feed.day)
        self._many_days = is_of_many_days(self.feed, self.name)
        is_free = self._many_days or _RECORDED.search(self.name)
        self._span = _span(self.name, self.feed.day) if is_free else range(1)
        self._near = 0

    def tables(
        self, blocks: Iterable[Block], shape: Shape, skip: frozenset[int]
    ) -> Iterator[pa.Table]:
        """The day's rows, block by block, some blocks ahead of the caller.

        Args:
            blocks: consecutive lines.
            shape: of each.
            skip: numbers of lines that are no rows.
        """
        for block, columns in ahead(lambda one: self.read_columns(one, shape), blocks):
            yield self.rows(block, columns, shape, partial(self._take_line, block, shape, skip))

    def read_columns(self, block: Block, shape: Shape) -> Columns | None:
        """As `trade_columns.read_columns`, of the feed's day."""
        return read_columns(block, form_of(shape), self._opened, self.feed.values)

    def rows(
        self,
        block: Block,
        columns: Columns | None,
        shape: Shape,
        take: Callable[[int], Trade | None],
    ) -> pa.Table:
        """A block's trades of the day, in order.

        Args:
            block: lines.
            columns: what of it was read at once; None: nothing.
            shape: of that.
            take: the trade at any other place, by `take`.
        """
        if columns is None:
            return self._one_by_one(block, range(block.count), take)
        table = table_of(block, columns, shape)
        self._count_columns(columns)
        others = self._one_by_one(block, self._odd(columns), take)
        return pa.concat_tables([table, others]).sort_by("line") if others.num_rows else table

    def table(self, trades: Sequence[Trade], numbers: Sequence[int]) -> pa.Table:
        """Rows that were read one by one, as the clean table has them but for `file`."""
        columns: dict[str, Sequence[object]] = {
            name: [getattr(trade, name, None) for trade in trades] for name in self.kind.table
        }
        columns |= {self.kind.id_column: [trade.id for trade in trades], "line": numbers}
        return pa.table({n: pa.array(columns[n], kind) for n, kind in self.kind.table.items()})

    def take(self, block: Block, place: int, shape: Shape, fields: Sequence[bytes]) -> Trade | None:
        """The row at a place, if it is a trade of the day; else it is counted or set aside."""
        symbol = shape.symbol(fields)
        if symbol and symbol.upper() != self.feed.vendor_symbol.upper():
            self.other_symbols[symbol.upper()] += 1
            return None
        at = shape.instant(fields)
        if self._is_elsewhere(at):
            return None
        try:
            trade = self._within_limits(shape.read(fields, at))
        except NoQuantityError as error:
            self.set_aside(block, place, "D04", str(error))
            self._count_minute(at)
        except ValueError as error:
            self.set_aside(block, place, "B26", str(error))
        else:
            self.units[epoch_unit(trade.stamp)] += 1
            self.sides[_WORDS[trade.side]] += 1
            return trade
        return None

    def _within_limits(self, trade: Trade) -> Trade:
        beyond = self.feed.values.fault((name, getattr(trade, name)) for name in LIMITED)
        if beyond is not None:
            raise ValueError(beyond)
        return trade

    def refuse(self, block: Block, place: int, code: str, reason: str) -> None:
        """Sets a line aside of which not even the time can be read."""
        if not self._is_elsewhere(None):
            self.set_aside(block, place, code, reason)

    def _count_minute(self, at: int | None) -> None:
        """A row set aside for its quantity, in the minute of the day; such a row was read, and has a time."""
        if at is not None:
            self.without_quantity[(at - self._opened) // MINUTE_US] += 1

    def _is_elsewhere(self, at: int | None) -> bool:
        """Counts a row as read, or as another day's; one without a time goes with the row before it."""
        if at is not None:
            self._near = (at - self._opened) // DAY_US
        elif not self._many_days:
            self._near = 0
        self.other_days += self._near != 0
        self.read += self._near == 0
        self.defects["D05"] += self._near not in self._span
        return self._near != 0

    def check_symbols(self) -> None:
        """Once all rows were seen.

        Raises:
            SourceError: all of them are of other symbols.
        """
        if self.other_symbols and not (self.read or self.other_days):
            raise self.all_others()

    def notes(self) -> Json:
        """What the ledger says of the used rows; stamps in two units are told by value (D07)."""
        units = dict(sorted((+self.units).items()))
        if len(units) > 1:
            odd = sum(units.values()) - max(units.values())
            self.defects["D07"] += odd
            self.defects["B01"] += odd
        without = {str(minute): rows for minute, rows in sorted(self.without_quantity.items())}
        return {
            "unit": "mixed" if len(units) > 1 else next(iter(units), None),
            "units": units,
            "sides": dict(sorted((+self.sides).items())),
            **({"without_quantity": without} if without else {}),
        }

    def _odd(self, columns: Columns) -> Iterator[int]:
        """The places of a block's odd rows, each when the row before it was looked at."""
        last, behind = -1, np.searchsorted(columns.seen, columns.odd) - 1
        for place, row in zip(columns.odd, behind.tolist(), strict=True):
            if row >= 0 and columns.seen[row] > last:
                self._near = int(columns.days[row])
            yield place
            last = place
        if len(columns.seen) and columns.seen[-1] > last:
            self._near = int(columns.days[-1])

    def _one_by_one(
        self, block: Block, places: Iterable[int], take: Callable[[int], Trade | None]
    ) -> pa.Table:
        trades, numbers = [], []
        for place in places:
            trade = take(place)
            if trade is not None:
                trades.append(trade)
                numbers.append(block.number + place)
        return self.table(trades, numbers)

    def _take_line(
        self, block: Block, shape: Shape, skip: frozenset[int], place: int
    ) -> Trade | None:
        fields = text_of(block.lines[place]).strip().split(b",")
        if fields == [b""]:
            self.blank_lines += 1
        elif block.number + place in skip or shape.is_header(fields):
            self.ignored += 1
        else:
            return self.take(block, place, shape, fields)
        return None

    def _count_columns(self, columns: Columns) -> None:
        rows, elsewhere = len(columns.places), columns.days[columns.days != 0]
        self.read += rows
        self.other_days += len(elsewhere)
        self.defects["D05"] += int(
            np.count_nonzero((elsewhere < self._span.start) | (elsewhere >= self._span.stop))
        )
        makers = columns.values.get("maker")
        sold = int(np.count_nonzero(makers)) if makers is not None else 0
        bought = rows - sold if makers is not None else 0
        self.sides.update(buy=bought, sell=sold, unknown=rows - sold - bought)
        self.units.update(ms=rows - columns.micro, us=columns.micro)


def _span(name: str, day: dt.date) -> range:
    """The days, counted from this one, of the month in a file's name; any where there is none."""
    months = _MONTH.findall(name.rsplit("/", 1)[-1])
    if not months:
        return _ANY_DAY
    year, month = map(int, months[-1])
    first = dt.date(year, month, 1).toordinal() - day.toordinal()
    return range(first, first + calendar.monthrange(year, month)[1])
