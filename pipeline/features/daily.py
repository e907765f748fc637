"""One day of the exchange of record as one row: prices, exact sums, realised variance."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.clock import DAY_US, MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.contracts.schema import conform, empty
from pipeline.features.arithmetic import ln, previous, ratio
from pipeline.tables import arrays
from pipeline.tables.arrays import Floats
from pipeline.tables.exact import decimal_sum

_SUMS = ("volume", "quote_volume", "taker_buy_volume")
_COPIED = ("open", "high", "low", "close", *_SUMS, "trades")
Row = dict[str, float | str | None]

SAMPLED = 5
"""Minutes between the prices of the subsampled variance."""


def daily_stats(
    day: dt.date,
    minutes: pa.Table | None,
    daily: pa.Table | None,
    schema: pa.Schema,
    share_min: float,
    against: pa.Table | None = None,
) -> pa.Table:
    """The day's `daily_stats`: of its minutes when they cover enough of it, else of its daily kline.

    Args:
        day: The UTC day `[00:00, 24:00)`.
        minutes: `clean_klines` of the day, may be None or without rows.
        daily: `clean_daily` rows, may be None; a row of another day is left aside.
        schema: `daily_stats` of SCHEMA_data.
        share_min: `daily_minutes_share_min` of SCHEMA_features: so much of a day's minutes is enough.
        against: `clean_klines` of the day of the symbol that this one is held against, or None.

    Returns:
        One row, or none when neither suffices. Sums are exact; a sum over minutes of which one lacks
        the value is null. open is the first traded minute's, close the last's. rv is the sum of
        squared 1-minute log returns from the day's first price on, rv_5m of 5-minute returns,
        averaged over the five offsets; the price of a missing minute is that of the one before.
        basis_bps is the median of 1e4 ln(close / other close) over the minutes that both have. Funding and
        open interest are null: `derivatives.py` puts them in.
    """
    row = _of_minutes(day, minutes, share_min) or _of_kline(day, daily)
    if row is None:
        return empty(schema)
    basis = (
        None
        if minutes is None or against is None
        else _basis(_measured(day, minutes), _measured(day, against), share_min)
    )
    stamped = {"day_open": day_open_us(day), "basis_bps": basis, **row}
    columns = {f.name: pa.array([stamped.get(f.name)], type=f.type) for f in schema}
    return conform(pa.table(columns), schema, "daily_stats")


def _of_minutes(day: dt.date, minutes: pa.Table | None, share: float) -> Row | None:
    if minutes is None:
        return None
    measured = _measured(day, minutes)
    if measured.num_rows == 0 or measured.num_rows / MINUTES_PER_DAY < share:
        return None
    traded = measured.filter(pc.greater(measured["volume"].fill_null(1.0), 0.0))
    traded = traded if traded.num_rows else measured
    prices = _prices(day, measured)
    return {
        "open": traded["open"][0].as_py(),
        "high": pc.max(traded["high"]).as_py(),
        "low": pc.min(traded["low"]).as_py(),
        "close": traded["close"][-1].as_py(),
        **{name: _sum(measured, name) for name in _SUMS},
        "trades": None if measured["trades"].null_count else pc.sum(measured["trades"]).as_py(),
        "minutes": measured.num_rows,
        "rv": _variance(prices),
        "rv_5m": sum(_variance(prices[k::SAMPLED]) for k in range(SAMPLED)) / SAMPLED,
        "origin": "minutes",
    }


def _measured(day: dt.date, minutes: pa.Table) -> pa.Table:
    """The day's minutes with prices, sorted; a table may also have the minute after its last."""
    opened = minutes["minute_open"].cast(pa.int64())
    inside = pc.less(opened, day_open_us(day) + DAY_US)
    return minutes.filter(pc.and_(pc.is_valid(minutes["close"]), inside)).sort_by("minute_open")


def _basis(minutes: pa.Table, against: pa.Table, share: float) -> float | None:
    """Median distance of the closes of the minutes that both have; None where those are too few."""
    mine, other = (_closes(table) for table in (minutes, against))
    both = [minute for minute in mine if minute in other]
    if len(both) / MINUTES_PER_DAY < share:
        return None
    prices = (np.array([closes[minute] for minute in both]) for closes in (mine, other))
    return float(np.median(1e4 * ln(ratio(*prices))))


def _closes(table: pa.Table) -> dict[int, float]:
    """Open of each measured minute -> its close."""
    opens = table["minute_open"].cast(pa.int64()).to_pylist()
    return dict(zip(opens, table["close"].to_pylist(), strict=True))


def _of_kline(day: dt.date, daily: pa.Table | None) -> Row | None:
    if daily is None:
        return None
    opens = daily["day_open"].cast(pa.int64())
    found = daily.filter(pc.equal(opens, day_open_us(day)))
    if found.num_rows != 1:
        return None
    copied = {name: found[name][0].as_py() for name in _COPIED}
    return {**copied, "minutes": 0, "rv": None, "rv_5m": None, "origin": "daily_kline"}


def _sum(table: pa.Table, name: str) -> float | None:
    return None if table[name].null_count else decimal_sum(table[name].to_pylist())


def _prices(day: dt.date, measured: pa.Table) -> Floats:
    """The day's first price, then the close of each of its 1440 minutes, carried over gaps."""
    opens = arrays.ints(measured["minute_open"])
    places = (opens - day_open_us(day)) // MINUTE_US + 1
    prices = np.full(MINUTES_PER_DAY + 1, np.nan)
    prices[0] = measured["open"][0].as_py()
    prices[places] = arrays.floats(measured["close"])
    last = np.maximum.accumulate(np.where(np.isnan(prices), 0, np.arange(prices.size)))
    return prices[last]


def _variance(prices: Floats) -> float:
    r = ln(ratio(prices, previous(prices)))[1:]
    return float((r * r).sum())
