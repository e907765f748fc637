"""Order flow by minute: does it fit the volume, and the delta with its running sum.

Belongs here: sums and differences of volumes, exact in lots. Does not belong here: which feeds may be
asked (`align.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.alignment.identity import BASE
from pipeline.tables.arrays import Bools, Floats
from pipeline.tables.exact import Units, beyond, decimal_places, from_units, lots, more, to_units


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Aggressive buys and sells by minute, NaN where not measured."""

    buy: Floats
    sell: Floats

    @property
    def measured(self) -> Bools:
        """Minutes with both."""
        return np.isfinite(self.buy) & np.isfinite(self.sell)

    def within(self, minutes: Bools) -> Sides:
        """As measured in these minutes alone."""
        return Sides(
            buy=np.where(minutes, self.buy, np.nan), sell=np.where(minutes, self.sell, np.nan)
        )


def exceeds(sides: Sides, volume: Floats) -> Bools:
    """Minutes whose buys and sells are more than the volume, by more than noise (defect A07)."""
    total, whole = _held_against(sides, volume)
    return sides.measured & np.isfinite(volume) & more(total, whole)


def falls_short(sides: Sides, volume: Floats, share_max: float) -> Bools:
    """Minutes whose buys and sells miss more than this share of the volume (defect A06)."""
    total, whole = _held_against(sides, volume)
    return sides.measured & (whole > 0) & (beyond(whole - total, share_max, whole) > 0)


def _held_against(sides: Sides, volume: Floats) -> tuple[Units, Units]:
    """Buys and sells, and the volume, in units of one scale."""
    places = decimal_places(sides.buy, sides.sell, volume)
    total = to_units(sides.buy, places) + to_units(sides.sell, places)
    return total, to_units(volume, places)


def kline_sides(taker_buy: Floats, volume: Floats) -> Sides:
    """The exchange's own order flow: taker buys, and the rest of the volume."""
    places = decimal_places(taker_buy, volume)
    known = np.isfinite(taker_buy) & np.isfinite(volume)
    sell = from_units(to_units(volume, places) - to_units(taker_buy, places), places)
    return Sides(buy=np.where(known, taker_buy, np.nan), sell=np.where(known, sell, np.nan))


def in_base(sides: Sides, unit: str, size: int, volume: Floats, quote_volume: Floats) -> Sides:
    """A feed's order flow in base currency.

    Args:
        sides: as the feed has it.
        unit: `base`, or one that measures value: `quote`, `contracts`.
        size: quote value of one unit.
        volume: the minute's traded base on the exchange, NaN where unknown.
        quote_volume: the same trades' value.

    Returns:
        Value turned by the minute's mean price (quote_volume / volume), to eight decimals: all
        of the minute's value gives all of its volume. Buys and sells of one minute differ in price by
        less than its range, which is the error of each. Unknown where the exchange has no trade.
    """
    if unit == BASE:
        return sides
    traded = (volume > 0) & (quote_volume > 0)
    per_value = np.where(traded, volume, np.nan) / np.where(traded, quote_volume, 1.0)
    buy, sell = (lots(x * size * per_value) for x in (sides.buy, sides.sell))
    return Sides(buy=buy, sell=sell)


def delta_columns(sources: dict[str, Sides], minutes: int) -> dict[str, pa.Array]:
    """`delta`, `delta_source` and `cvd` from the first source that measured the minute.

    Args:
        sources: by name, the preferred first, all in base units.
        minutes: length of the day.

    Returns:
        delta = buys - sells; cvd its running sum from 00:00 UTC, whole lots summed, so that no order of
        summation shows. Both null in a minute that no source measured; the sum then goes on.
    """
    places = decimal_places(*(v for s in sources.values() for v in (s.buy, s.sell)))
    delta: Units = np.zeros(minutes, dtype=np.int64)
    source = np.full(minutes, "", dtype=object)
    for name, sides in reversed(sources.items()):
        units = to_units(sides.buy, places) - to_units(sides.sell, places)
        delta = np.where(sides.measured, units, delta)
        source[sides.measured] = name
    unknown = source == ""
    return {
        "delta": pa.array(from_units(delta, places), mask=unknown),
        "delta_source": pa.array(source, pa.string(), mask=unknown),
        "cvd": pa.array(from_units(np.cumsum(delta), places), mask=unknown),
    }
