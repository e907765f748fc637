"""Volume by price on the minute grid: what the tape's footprint says, in whole ticks and lots.

Belongs here: the value that the steps on price levels read, and how it is laid on the grid. What is read
off it is `profile.py` and `imbalance.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import ContractError
from pipeline.exact import Ints, decimal_places, to_units
from pipeline.features.columns import as_floats

Bools = npt.NDArray[np.bool_]

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
    columns: Mapping[str, Ints]
    places: int

    def __getitem__(self, name: str) -> Ints:
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


def on_grid(table: pa.Table, places: Ints, counts: Bools, measured: Bools) -> Levels:
    """The footprint's rows as levels of the grid.

    Args:
        table: `footprint` rows, one symbol's, any order of days.
        places: The grid row of each table row, outside the grid where it is not on it.
        counts: Grid rows whose levels are taken over.
        measured: See `Levels`.

    Raises:
        ContractError: a price stands twice in a minute, or the prices of one do not rise.
    """
    inside = (places >= 0) & (places < len(counts))
    taken = np.flatnonzero(inside & counts[np.where(inside, places, 0)])
    reach = slice(int(taken.min(initial=len(places))), int(taken.max(initial=-1)) + 1)
    table, places, taken = table[reach], places[reach], taken - reach.start
    if np.any(np.diff(places[taken]) < 0):
        taken = taken[np.argsort(places[taken], kind="stable")]
    columns = {name: as_floats(table, name)[taken] for name in ("price", "volume", "buy", "sell")}
    price_places = decimal_places(columns["price"])
    lots = decimal_places(*(columns[name] for name in ("volume", "buy", "sell")))
    units = {
        PREFIX + name: np.where(
            np.isnan(x), -1, to_units(x, price_places if name == "price" else lots)
        )
        for name, x in columns.items()
    }
    row = places[taken]
    if np.any((np.diff(row) == 0) & (np.diff(units[PRICE]) <= 0)):
        raise ContractError(
            "footprint: got prices of a minute that do not rise, wanted each level once, sorted;"
            " run the step that writes it again"
        )
    return Levels(
        first=np.searchsorted(row, np.arange(len(counts) + 1)),
        measured=measured,
        columns=units,
        places=price_places,
    )
