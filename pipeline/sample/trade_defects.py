"""Damage to the exchange's archives of trades: each function is one fault of the catalogue, exactly injected.

Belongs here: `DayExport -> DayExport` functions that change rows of `trades` and `aggTrades`.
Does not belong here: damage to klines (`binance_defects.py`), the list of codes (`defects.py`).
What only `trades` has lost the aggregates of the same day still know; what both have lost nothing does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from pipeline.clock import DAY_US, MINUTE_US, epoch_us
from pipeline.sample.binance_defects import in_other_unit
from pipeline.sample.export import DayExport
from pipeline.sample.trade_archives import TRADES
from pipeline.sample.writers import unit_us

KEPT_MINUTES = range(120)
THINNED = range(13 * 60, 13 * 60 + 30)
THINNED_ONE_IN = 3
WITHOUT_QUANTITY = range(15 * 60, 16 * 60)
LATE, EARLY = range(3 * 60, 4 * 60), range(4 * 60, 5 * 60)
STRAYS, STRAY_DAYS = 10, 30
REPEATED_ROWS = 10
OTHER_UNIT = range(12 * 60, 24 * 60)
STILL = range(10 * 60, 11 * 60)

# Columns of both kinds, spot or futures.
_QTY, _QUOTE, _TIME, _MAKER = 2, 3, 4, 5
_FIRST, _LAST, _AGGREGATE_TIME = 3, 4, 5

Row = list[str]


def one_side(export: DayExport) -> DayExport:
    """D01."""
    true = "True" if export.market == "spot" else "true"
    return _with_trades(export, lambda row: [*row[:_MAKER], true, *row[_MAKER + 1 :]])


def cut_short(export: DayExport) -> DayExport:
    """D02."""
    kept = (row for row in export.trades if _minute(row[_TIME]) in KEPT_MINUTES)
    return replace(export, trades=tuple(kept))


def trades_missing(export: DayExport) -> DayExport:
    """D03."""
    thinned = [row for row in export.aggregates if _minute(row[_AGGREGATE_TIME]) in THINNED]
    lost = thinned[1::THINNED_ONE_IN]
    aggregates = {row[0] for row in lost}
    trades = {
        str(number) for row in lost for number in range(int(row[_FIRST]), int(row[_LAST]) + 1)
    }
    return replace(
        export,
        trades=tuple(row for row in export.trades if row[0] not in trades),
        aggregates=tuple(row for row in export.aggregates if row[0] not in aggregates),
    )


def no_quantity(export: DayExport) -> DayExport:
    """D04."""

    def emptied(row: Row) -> Row:
        if _minute(row[_TIME]) not in WITHOUT_QUANTITY:
            return row
        zeros = [re.sub("[0-9]", "0", row[at]) for at in (_QTY, _QUOTE)]
        return [*row[:_QTY], *(re.sub("^0+", "0", zero) for zero in zeros), *row[_QUOTE + 1 :]]

    return _with_trades(export, emptied)


def out_of_order(export: DayExport) -> DayExport:
    """D05."""
    rows = export.trades
    late, early = ([r for r in rows if _minute(r[_TIME]) in span] for span in (LATE, EARLY))
    before = [row for row in rows if _minute(row[_TIME]) < LATE.start]
    strays = _days_back(export, STRAY_DAYS)[:STRAYS]
    after = rows[len(before) + len(late) + len(early) :]
    return replace(export, trades=(*before, *early, *strays, *late, *after))


def month_without_the_day(export: DayExport) -> DayExport:
    """D08."""
    days = 1 if export.tape.day.day > 1 else -1
    other = tuple(_days_back(export, days))
    return replace(export, trades=other, monthly=frozenset({TRADES}))


def repeated_ids(export: DayExport) -> DayExport:
    """D06."""
    rows = export.aggregates
    twice = (row for row in rows[:REPEATED_ROWS] for _ in range(2))
    return replace(export, aggregates=(*twice, *rows[REPEATED_ROWS:]))


def mixed_units(export: DayExport) -> DayExport:
    """D07."""

    def changed(row: Row) -> Row:
        if _minute(row[_TIME]) not in OTHER_UNIT:
            return row
        return [*row[:_TIME], in_other_unit(row[_TIME]), *row[_TIME + 1 :]]

    return _with_trades(export, changed)


def stands_still(export: DayExport) -> DayExport:
    """D09."""
    return replace(
        export,
        trades=tuple(row for row in export.trades if _minute(row[_TIME]) not in STILL),
        aggregates=tuple(
            row for row in export.aggregates if _minute(row[_AGGREGATE_TIME]) not in STILL
        ),
    )


def _days_back(export: DayExport, days: int) -> list[Row]:
    """The trades as those of so many days before, with ids of these days."""
    ids = days * len(export.trades)
    time = days * DAY_US // unit_us(int(export.tape.ts_us[0]), export.market)
    return [
        [str(int(row[0]) - ids), *row[1:_TIME], str(int(row[_TIME]) - time), *row[_TIME + 1 :]]
        for row in export.trades
    ]


def _with_trades(export: DayExport, change: Callable[[Row], Row]) -> DayExport:
    return replace(export, trades=tuple(change(row) for row in export.trades))


def _minute(stamp: str) -> int:
    """The minute of the day."""
    return epoch_us(int(stamp)) % DAY_US // MINUTE_US
