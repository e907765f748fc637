"""A body of rows of klines by columns: those that are plainly good, and where they stand.

A row is taken here only if each of its values is spelt as both the scanner and the strict reader
(`klines.py`) accept it, and if it breaks no rule; then it is the row that one would read. Without the
compiled scanner every row goes to the strict reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.clock import DAY_US, EPOCH_UNITS, day_open_us
from pipeline.contracts.values import ValueLimits
from pipeline.model.contract_size import contract_usd
from pipeline.sources.atas.tick_scan import Form, Kind, Place, scan, scanner
from pipeline.sources.klines.column_names import ARCHIVE
from pipeline.sources.klines.rows import Kline
from pipeline.sources.protocol import Feed
from pipeline.tables.arrays import Bools, Ints

PRICES = ("open", "high", "low", "close")
AMOUNTS = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")
_FORM = Form(
    places=tuple(
        Place(
            key=name,
            kind=Kind.NUMBER if name in (*PRICES, *AMOUNTS) else Kind.WHOLE,
            before=b"," if place else b"",
        )
        for place, name in enumerate(ARCHIVE)
    ),
    tail=b"",
)
_UNITS = tuple(EPOCH_UNITS)
_UNIT_US = np.array([*EPOCH_UNITS.values(), 0])
"""Of each unit, and last of none."""

_LEAST = (10**9, 10**12, 10**15)
"""The stamps of 2001-09-09 in these units, which tell one from the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Rows of the feed's day that break no rule, in file order: their units of time, and their places."""

    rows: list[Kline]
    units: list[str]
    places: Ints


def plain_rows(body: bytes, lines: int, feed: Feed) -> Plain:
    """Those among the lines of a body; none where nothing can scan it."""
    run = scanner()
    if run is None or not lines:
        return Plain(rows=[], units=[], places=np.zeros(0, np.int64))
    found = scan(run, body, lines, _FORM)
    opened, unit = _instants(found.values["open_time"])
    values = found.values | amounts(found.values, feed) | {"trades": found.values["count"]}
    good = _on_grid(opened, *_instants(found.values["close_time"]), feed)
    good &= _keeps_rules(values) & _within(found.values, feed.values) & _within(values, feed.values)
    columns = [values[name] for name in Kline._fields[1:-2]]
    texts = [repeat(None) if x is None else x[good].tolist() for x in columns]
    rows = zip(opened[good].tolist(), *texts, repeat(False), repeat(feed.kind.step()))
    return Plain(
        rows=list(map(Kline._make, rows)),
        units=[_UNITS[at] for at in unit[good].tolist()],
        places=np.delete(np.arange(lines), found.odd)[good],
    )


def stretches(places: Ints, plain: Plain) -> Iterator[tuple[int, list[Kline], list[str]]]:
    """Plain rows that follow each other in a block, with the place of the first; every other place alone.

    Args:
        places: rising, in the block.
        plain: the plain ones among these, by their positions there.
    """
    is_plain = np.zeros(len(places), dtype=np.bool_)
    is_plain[plain.places] = True
    goes_on = is_plain[1:] & is_plain[:-1] & (np.diff(places) == 1)
    ends = [*(np.flatnonzero(~goes_on) + 1).tolist(), *([len(places)] if len(places) else [])]
    taken = 0
    for begin, end in pairwise([0, *ends]):
        until = taken + (end - begin) * bool(is_plain[begin])
        yield int(places[begin]), plain.rows[taken:until], plain.units[taken:until]
        taken = until


def amounts(given: Mapping[str, Any], feed: Feed) -> dict[str, Any]:
    """The amounts of a row, or of rows by columns, by what they mean: COIN-M calls contracts a volume."""
    if feed.market != "futures_cm":
        return {name: given[name] for name in AMOUNTS}
    return {
        "volume": given["quote_volume"],
        "quote_volume": given["volume"] * contract_usd(feed.vendor_symbol),
        "taker_buy_volume": given["taker_buy_quote_volume"],
        "taker_buy_quote_volume": None,
    }


def _instants(stamps: Ints) -> tuple[Ints, Ints]:
    """Stamps of any unit in us, and the unit's place among all; 0 before 2001."""
    unit = np.searchsorted(_LEAST, stamps, side="right") - 1
    return stamps * _UNIT_US[unit], unit


def _on_grid(opened: Ints, closed: Ints, unit: Ints, feed: Feed) -> Bools:
    """Rows of the day that open on the grid and whose close time is the last unit before the next."""
    step, since = feed.kind.step(), opened - day_open_us(feed.day)
    good: Bools = (since >= 0) & (since < DAY_US) & (since % step == 0)
    good &= closed + _UNIT_US[unit] == opened + step
    return good


def _keeps_rules(values: Mapping[str, NDArray[Any]]) -> Bools:
    """Rows that `broken_rule` has nothing to say about; a null number is NaN and passes no test."""
    low, high = values["low"], values["high"]
    ends = [values["open"], values["close"]]
    good: Bools = (low > 0) & (low <= np.minimum(*ends)) & (np.maximum(*ends) <= high)
    for name in AMOUNTS:
        if values[name] is not None:
            good &= values[name] >= 0
    return good & (values["taker_buy_volume"] <= values["volume"])


def _within(values: Mapping[str, NDArray[Any]], limits: ValueLimits) -> Bools:
    """Rows whose numbers are all 0 or within their limits."""
    good = np.ones(len(values["open"]), dtype=np.bool_)
    for name in (*PRICES, *AMOUNTS, "trades"):
        column = values.get(name)
        if column is not None:
            low, high = limits.within[name]
            good &= (column == 0) | ((column >= low) & (column <= high))
    return good
