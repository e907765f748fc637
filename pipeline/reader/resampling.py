"""Minutes put together to longer bars, without a look ahead.

Belongs here: a pure function on rows of `bars_1m`. A bar is `[open, close)`, cut at 00:00 UTC, named by its
close; what is in it is known when its last minute is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US
from pipeline.errors import ContractError, ParameterError
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats, Ints
from pipeline.tables.exact import decimal_places, from_units, to_units

_TEXT = re.compile(r"([1-9][0-9]{0,3})(m|min|h|d)", re.ASCII)
_MINUTES = {"m": 1, "min": 1, "h": 60, "d": 1440}

KEYS = ("symbol", "ts", "minute_open", "minute_close", "available_at")

FIRST = ("open", "atas_open")
HIGHEST = ("high", "atas_high")
LOWEST = ("low", "atas_low")
LAST_KNOWN = ("close", "atas_close")
SUMS = (
    *("volume", "quote_volume", "trades", "taker_buy_volume", "delta"),
    *("atas_volume", "vbuy", "vsell"),
)
ALL = ("src_binance", "src_atas", "src_span_ok", "is_filled", "proven")
ANY = ("absorption_detected",)
OF_A_MINUTE = (
    *("poc", "vah", "val", "bar_vpo_price", "bar_vpo_vol", "bar_vpo_loc", "bar_vpo_side"),
    *("absorption_strength", "absorption_side"),
)
"""Columns that say something of one minute alone; a longer bar has none of them."""


@dataclass(frozen=True, slots=True)
class _Groups:
    """Rows in order, cut where each bar begins."""

    starts: Ints
    rows: int

    @property
    def lasts(self) -> Ints:
        """The last row of each."""
        lasts: Ints = np.append(self.starts, self.rows)[1:] - 1
        return lasts

    @property
    def counts(self) -> Ints:
        """Rows of each."""
        counts: Ints = np.diff(np.append(self.starts, self.rows))
        return counts


def minutes_of(every: str) -> int:
    """The minutes of `5m`, `1h`, `1d`.

    Raises:
        ParameterError: another form, or bars of that length do not fill a day.
    """
    found = _TEXT.fullmatch(every) if isinstance(every, str) else None
    minutes = int(found[1]) * _MINUTES[found[2]] if found else 0
    if not minutes or 1440 % minutes:
        raise ParameterError(
            f"every={every!r}: wanted minutes, hours or a day of which a day has a whole number:"
            " '5m', '15m', '1h', '4h', '1d'"
        )
    return minutes


def resample(bars: pa.Table, every: str) -> pa.Table:
    """Longer bars of minutes, by symbol and time.

    Prices are those of the minutes that have one: the first open, the highest high, the lowest low, the last
    close. Sums are null where a minute of the bar is not measured: nothing is filled. Other numbers
    (`cvd`, `oi`, depth, `basis_bps`, features) are those of the last minute, as they were known then;
    `qc_flags` has every flag of any minute; `src_*`, `is_filled` and `proven` are true where all minutes'
    are. What tells of one minute alone (point of control, value area, absorption's side) is left out.

    Args:
        bars: Rows of `bars_1m`, features beside them or not, with `symbol`, `ts` and `minute_open`.
        every: `5m`, `15m`, `1h`, `4h`, `1d`: a length of which a day has a whole number.

    Returns:
        By symbol and `ts`, the bar's close. `minute_open` and `minute_close` are the bar's edges,
        `available_at` that of its last minute; `minutes` counts its minutes with a close. A bar of which
        rows are missing is not there.

    Raises:
        ParameterError: of `every`.
        ContractError: a key column is missing.
    """
    minutes = minutes_of(every)
    missing = [name for name in ("symbol", "ts", "minute_open") if name not in bars.column_names]
    if missing:
        raise ContractError(f"resample: rows lack {', '.join(missing)}; load these columns too")
    bars = bars.sort_by([("symbol", "ascending"), ("ts", "ascending")])
    opened = arrays.ints(bars["minute_open"])
    groups = _groups(bars, opened, minutes)
    whole = groups.counts == minutes
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for name in bars.column_names:
        if name not in OF_A_MINUTE:
            columns[name] = _column(bars, name, groups)
    begin = opened[groups.starts] // (minutes * MINUTE_US) * (minutes * MINUTE_US)
    stamp = pa.timestamp("us", tz="UTC")
    for name, values in (
        ("ts", begin + minutes * MINUTE_US),
        ("minute_open", begin),
        ("minute_close", begin + minutes * MINUTE_US),
    ):
        if name in columns:
            columns[name] = pa.array(values).cast(stamp)
    if "close" in bars.column_names:
        known = np.isfinite(arrays.floats(bars["close"]))
        columns["minutes"] = pa.array(
            np.bincount(_numbers(groups)[known], minlength=len(groups.starts))
        )
    return pa.table(columns).filter(pa.array(whole))


def _groups(bars: pa.Table, opened: Ints, minutes: int) -> _Groups:
    rows = bars.num_rows
    if not rows:
        return _Groups(np.empty(0, dtype=np.int64), 0)
    names = bars["symbol"].combine_chunks().dictionary_encode().indices.to_numpy()
    bucket = opened // (minutes * MINUTE_US)
    changes = (np.diff(names) != 0) | (np.diff(bucket) != 0)
    return _Groups(np.flatnonzero(np.concatenate([[True], changes])), rows)


def _numbers(groups: _Groups) -> Ints:
    """The bar of each row."""
    numbers: Ints = np.repeat(np.arange(len(groups.starts)), groups.counts)
    return numbers


def _column(bars: pa.Table, name: str, groups: _Groups) -> pa.Array | pa.ChunkedArray:
    """The column of the longer bars; of a column with no rule of its own the last minute's."""
    column = bars[name]
    if name in (*SUMS, *FIRST, *HIGHEST, *LOWEST, *LAST_KNOWN):
        return _number(name, column, groups)
    if name in ALL or name in ANY:
        return _truth(column, groups, every=name in ALL)
    if name == "qc_flags":
        bits = arrays.ints(column)
        return pa.array(np.bitwise_or.reduceat(bits, groups.starts) if groups.rows else bits)
    return column.take(pa.array(groups.lasts))


def _number(name: str, column: pa.ChunkedArray, groups: _Groups) -> pa.Array:
    values = arrays.floats(column.cast(pa.float64()))
    if not groups.rows:
        found = values
    elif name in SUMS:
        found = _sums(values, groups)
    elif name in HIGHEST:
        found = np.fmax.reduceat(values, groups.starts)
    elif name in LOWEST:
        found = np.fmin.reduceat(values, groups.starts)
    else:
        found = values[_known(np.isfinite(values), groups, first=name in FIRST)]
    return pa.array(found, mask=~np.isfinite(found)).cast(column.type)


def _known(known: Bools, groups: _Groups, *, first: bool) -> Ints:
    """The first or last row of each bar that is known; of one without any, one that is not."""
    at = np.arange(groups.rows)
    if first:
        rows = np.minimum.reduceat(np.where(known, at, groups.rows), groups.starts)
        rows = np.where(_any(known, groups), rows, groups.starts)
    else:
        rows = np.maximum.reduceat(np.where(known, at, -1), groups.starts)
        rows = np.where(_any(known, groups), rows, groups.lasts)
    found: Ints = rows
    return found


def _any(values: Bools, groups: _Groups) -> Bools:
    return np.logical_or.reduceat(values, groups.starts)


def _sums(values: Floats, groups: _Groups) -> Floats:
    """The floats nearest to the exact sums of the values as decimals; NaN where one is not known."""
    places = decimal_places(values)
    units = np.add.reduceat(to_units(values, places), groups.starts)
    return np.where(_any(np.isnan(values), groups), np.nan, from_units(units, places))


def _truth(column: pa.ChunkedArray, groups: _Groups, *, every: bool) -> pa.Array:
    """Whether all, or any, of each bar's minutes are; null where one that is null could change it."""
    if not groups.rows:
        return column.combine_chunks()
    true = np.asarray(column.fill_null(False).to_numpy(), dtype=bool)
    known = np.asarray(column.is_valid().to_numpy(), dtype=bool)
    if every:
        found = np.logical_and.reduceat(true | ~known, groups.starts)
        decided = np.logical_and.reduceat(known, groups.starts) | ~found
    else:
        found = np.logical_or.reduceat(true, groups.starts)
        decided = np.logical_and.reduceat(known, groups.starts) | found
    return pa.array(found, mask=~decided)
