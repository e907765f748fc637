"""Bars in integers: what klines and ATAS bars are printed from.

Belongs here: the value that holds them, and joining or summing bars.
Does not belong here: making them from trades (`minutes.py`) or printing them (`writers.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.clock import DAY_US
from pipeline.tables.arrays import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Bars `[open_us, open_us + width_us)`, one array element each.

    Prices are in ticks, `volume` and `buy_volume` in lots, `quote` and `buy_quote` as
    `Instrument.amounts`.
    A bar without a trade has volume 0 and the close before it as its four prices.
    """

    open_us: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    quote: Ints
    trades: Ints
    buy_volume: Ints
    buy_quote: Ints
    width_us: int

    def __len__(self) -> int:
        return len(self.open_us)

    def __getitem__(self, rows: slice) -> Bars:
        """The bars of these rows."""
        return Bars(width_us=self.width_us, **{n: getattr(self, n)[rows] for n in _ARRAYS})


_SUMS = ("volume", "quote", "trades", "buy_volume", "buy_quote")
_ARRAYS = ("open_us", "open", "high", "low", "close", *_SUMS)


def whole_day(minutes: Bars) -> Bars:
    """One row: the day that these minutes make."""
    sums = {name: getattr(minutes, name).sum(keepdims=True) for name in _SUMS}
    return Bars(
        open_us=minutes.open_us[:1],
        open=minutes.open[:1],
        high=minutes.high.max(keepdims=True),
        low=minutes.low.min(keepdims=True),
        close=minutes.close[-1:],
        width_us=DAY_US,
        **sums,
    )


def joined(parts: list[Bars]) -> Bars:
    """The rows of all parts, of one width, one after another."""
    arrays = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _ARRAYS}
    return Bars(width_us=parts[0].width_us, **arrays)
