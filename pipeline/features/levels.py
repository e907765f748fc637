"""Volume by price on the minute grid: what the tape's footprint says, in whole ticks and lots.

Belongs here: the value that the steps on price levels read, and how it is laid on the grid. What is read
off it is `profile.py` and `imbalance.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.errors import ContractError
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats, Ints
from pipeline.tables.exact import Units, decimal_places, to_units

PREFIX = "footprint."
PRICE, VOLUME, BUY, SELL = (PREFIX + name for name in ("price", "volume", "buy", "sell"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The traded price levels of each row, by row and rising price.

    Attributes:
        first: Where each row's levels begin, and the end; one longer than the grid.
        measured: Rows of whose trades all levels are known; a row without a trade has none.
        columns: `footprint.price` in ticks; `footprint.volume`, `.buy`, `.sell` in lots, -1 where null.
        places: Decimal places of a tick.
    """

    first: Ints
    measured: Bools
    columns: Mapping[str, Units]
    places: int

    def __getitem__(self, name: str) -> Units:
        """The column of that name over all levels."""
        return self.columns[name]

    def rows(self) -> Ints:
        """The row of each level."""
        return np.repeat(np.arange(len(self.measured)), np.diff(self.first))


def no_levels(measured: Bools) -> Levels:
    """A grid on which nothing traded at any price."""
    none = np.zeros(0, dtype=np.int64)
    return Levels(
        first=np.zeros(len(measured) + 1, dtype=np.int64),
        measured=measured,
        columns=dict.fromkeys((PRICE, VOLUME, BUY, SELL), none),
        places=0,
    )


def on_grid(table: pa.Table, edges: Ints, counts: Bools, measured: Bools) -> Levels:
    """The footprint's rows as levels of the grid.

    Args:
        table: `footprint` rows, one symbol's, any order of days.
        edges: Where each grid row opens, and where the last one ends: microseconds since 1970 UTC.
        counts: Grid rows whose levels are taken over.
        measured: See `Levels`.

    Raises:
        ContractError: a price stands twice in a minute, or the prices of one do not rise.
    """
    opens = arrays.ints(table["minute_open"])
    if np.any(opens[1:] < opens[:-1]):
        order = np.argsort(opens, kind="stable")
        table, opens = table.take(arrays.column(order)), opens[order]
    bounds = opens.searchsorted(edges)
    wanted = np.flatnonzero(counts)
    if wanted.size == 0:
        return no_levels(measured)
    reach = slice(bounds[wanted[0]], bounds[wanted[-1] + 1])
    taken = np.repeat(counts, np.diff(bounds))[reach.start - bounds[0] : reach.stop - bounds[0]]
    found = (arrays.floats(table[name])[reach] for name in ("price", "volume", "buy", "sell"))
    price, *sizes = (x if taken.all() else x[taken] for x in found)
    places, lots = decimal_places(price), decimal_places(*sizes)
    first = np.concatenate(([0], np.cumsum(np.where(counts, np.diff(bounds), 0))))
    return Levels(
        first=first,
        measured=measured,
        columns={
            PRICE: _rising(to_units(price, places), first),
            **{name: _units(x, lots) for name, x in zip((VOLUME, BUY, SELL), sizes, strict=True)},
        },
        places=places,
    )


def _units(values: Floats, places: int) -> Units:
    """Whole multiples, -1 where null."""
    units = to_units(values, places)
    units[np.isnan(values)] = -1
    return units


def _rising(price: Units, first: Ints) -> Units:
    """The prices, once they rise within each row."""
    falls = np.flatnonzero(price[1:] <= price[:-1]) + 1
    if np.any(first[first.searchsorted(falls)] != falls):
        raise ContractError(
            "footprint: got prices of a minute that do not rise, wanted each level once, sorted;"
            " run the step that writes it again"
        )
    return price
