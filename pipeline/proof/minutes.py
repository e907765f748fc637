"""Minutes of a tape and of klines in one form, and where two of them differ.

Belongs here: what a column of one says of the same column of the other. A tape's minutes are those that its
footprint is made with (`bars/`); none are made here. Whether a tape is believed is `day.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.alignment.grid import Grid, on_grid
from pipeline.clock import MINUTE_US, MINUTES_PER_DAY
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats, Ints
from pipeline.tables.exact import (
    LOT_DECIMALS,
    Units,
    decimal_places,
    from_units,
    times,
    to_units,
)
from pipeline.tables.parts import Parts, as_parts

PRICES = ("open", "high", "low", "close")
SUMS = ("volume", "quote_volume", "trades", "taker_buy_volume")
COLUMNS = (*PRICES, *SUMS)

_ROUNDED_TWICE = 2
"""The exchange rounds each trade's value, and so does whoever values a price level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """A day's 1440 minutes of one witness.

    `values` has the columns on the minutes, NaN where the witness does not know: all of a minute that it has
    no row of, the prices of one without a trade, whose sums are 0. `known`: it can tell whether there was a
    trade. `rounding` are columns that it cannot add up exactly: by so many units of 1e-8 it may be off.
    """

    values: dict[str, Floats]
    known: Bools
    rounding: dict[str, Ints]

    @property
    def traded(self) -> Bools:
        """Minutes with a trade."""
        return np.isfinite(self.values["close"])


def of_klines(klines: pa.Table, opened_us: int) -> Minutes:
    """The minutes of a `clean_klines` table. A row without prices tells nothing."""
    grid = on_grid(klines, opened_us)
    values = {name: grid.floats(name) for name in COLUMNS}
    known = np.isfinite(values["close"])
    without = known & (values["volume"] == 0) & (np.nan_to_num(values["trades"]) == 0)
    return Minutes(values=_quieted(values, without), known=known, rounding={})


def of_tape(
    levels: pa.Table | Parts, stats: pa.Table, opened_us: int, contract: int | None = None
) -> Minutes:
    """The minutes of a tape.

    Args:
        levels: schema `footprint`, of the whole day.
        stats: schema `minute_stats`, made with it.
        opened_us: 00:00 UTC of the day.
        contract: what one unit of size is worth in quote currency, where sizes are contracts.
    """
    grid = on_grid(stats, opened_us)
    values = {name: grid.floats(name) for name in (*PRICES, "volume", "trades")}
    values["taker_buy_volume"] = _taker_buys(grid)
    value = _Value.of(as_parts(levels), opened_us)
    quiet = ~grid.present
    trades = grid.ints("trades")
    rounding = {}
    if contract is None:
        values["quote_volume"] = value.quote()
        if value.places > LOT_DECIMALS:
            rounding["quote_volume"] = trades
    else:
        values["quote_volume"] = values["volume"] * contract
        sided = np.isfinite(values["taker_buy_volume"])
        values["volume"] = value.base("volume", contract)
        bought = value.base("buy", contract)
        values["taker_buy_volume"] = np.where(sided, bought, np.nan)
        rounding = dict.fromkeys(("volume", "taker_buy_volume"), _ROUNDED_TWICE * trades)
    every = np.ones(MINUTES_PER_DAY, dtype=bool)
    return Minutes(values=_quieted(values, quiet), known=every, rounding=rounding)


def differing(one: Minutes, other: Minutes) -> dict[str, Bools]:
    """Column -> minutes in which both know it and it is not the same number."""
    found = {}
    for name in COLUMNS:
        ours, theirs = one.values[name], other.values[name]
        both = np.isfinite(ours) & np.isfinite(theirs)
        slack = one.rounding.get(name, 0) + other.rounding.get(name, 0)
        found[name] = both & _unequal(ours, theirs, slack)
    return found


def any_of(masks: Iterable[Bools]) -> Bools:
    """Minutes of the day that any mask has; none where there is no mask."""
    found = np.zeros(MINUTES_PER_DAY, dtype=np.bool_)
    for mask in masks:
        found |= mask
    return found


def agreeing(one: Minutes, other: Minutes, but: tuple[str, ...] = ()) -> Bools:
    """Minutes of which both know, and in which no column differs, save those named."""
    apart = any_of(mask for name, mask in differing(one, other).items() if name not in but)
    agreed: Bools = one.known & other.known & ~apart & (one.traded == other.traded)
    return agreed


def _taker_buys(grid: Grid) -> Floats:
    """Volume that the buyers took, where the side of every trade is known."""
    buy, sell, volume = (grid.floats(name) for name in ("vbuy", "vsell", "volume"))
    places = decimal_places(buy, sell, volume)
    taken = to_units(buy, places) + to_units(sell, places)
    return np.where(taken == to_units(volume, places), buy, np.nan)


def _quieted(values: dict[str, Floats], quiet: Bools) -> dict[str, Floats]:
    """Without the prices that a minute without a trade carries, and with its sums, which are 0."""
    nothing = dict.fromkeys(PRICES, np.nan) | dict.fromkeys(SUMS, 0.0)
    return {name: np.where(quiet, nothing[name], column) for name, column in values.items()}


def _unequal(one: Floats, other: Floats, slack: Ints | int = 0) -> Bools:
    """Where two columns of decimals differ, compared as integers; by more than `slack` units of 1e-8."""
    places = decimal_places(one, other)
    apart = to_units(one, places) != to_units(other, places)
    if np.any(slack):
        rounded = [to_units(column, LOT_DECIMALS) for column in (one, other)]
        apart &= np.abs(rounded[0] - rounded[1]) > slack
    unequal: Bools = np.asarray(apart, dtype=np.bool_)
    return unequal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """Traded levels, read part by part, and the scales of their integers: what they are worth."""

    levels: Parts
    opened_us: int
    price_places: int
    volume_places: int

    @classmethod
    def of(cls, levels: Parts, opened_us: int) -> _Value:
        price_places = volume_places = 0
        for part in levels.tables(["price", "volume", "buy"]):
            price, *volumes = (arrays.floats(column) for column in part.columns)
            price_places = max(price_places, decimal_places(price))
            volume_places = max(volume_places, decimal_places(*volumes))
        return cls(
            levels=levels,
            opened_us=opened_us,
            price_places=price_places,
            volume_places=volume_places,
        )

    @property
    def places(self) -> int:
        """Of price x size."""
        return self.price_places + self.volume_places

    def quote(self) -> Floats:
        """Price x volume by minute."""
        return from_units(self._by_minute("volume", times), self.places)

    def base(self, name: str, size: int) -> Floats:
        """Contracts in a column x their size / price by minute, each level to the nearest 1e-8."""

        def lots(price: Units, contracts: Units) -> Units:
            worth = contracts.astype(object) * size * 10 ** (LOT_DECIMALS + self.price_places)
            per_lot = price.astype(object) * 10**self.volume_places
            found: Units = (2 * worth + per_lot) // (2 * per_lot)
            return found

        return from_units(self._by_minute(name, lots), LOT_DECIMALS)

    def _by_minute(self, name: str, worth: Callable[[Units, Units], Units]) -> Units:
        """Sums, in unlimited integers, of what price and size of each level are worth."""
        sums = np.zeros(MINUTES_PER_DAY, dtype=object)
        for part in self.levels.tables(["minute_open", "price", name]):
            minute = (arrays.ints(part["minute_open"]) - self.opened_us) // MINUTE_US
            price = to_units(arrays.floats(part["price"]), self.price_places)
            units = worth(price, to_units(arrays.floats(part[name]), self.volume_places))
            start = np.flatnonzero(np.diff(minute, prepend=-1))
            sums[minute[start]] += np.add.reduceat(units, start)
        return sums
