"""Diagonal imbalance of the minute's footprint: aggressors who outnumbered those one level away.

Levels are the minute's traded ones, as in freqtrade's orderflow: the level "above" is the next at which
anything traded. Borders are governed (imbalance_ratio, imbalance_share_min, imbalance_run); ATAS's own
minimum of 30 contracts fits one instrument, so it is a share of the minute's volume here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.features.frame import Frame
from pipeline.features.levels import BUY, PRICE, SELL, VOLUME
from pipeline.features.step import formulas
from pipeline.tables.arrays import Bools, Floats, Ints
from pipeline.tables.exact import Units, beyond, from_units

LEVELS = (PRICE, VOLUME, BUY, SELL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Minutes:
    """The levels of the asked-for rows; `row` of each level and `first` count from the first of them."""

    row: Ints
    first: Ints
    measured: Bools
    levels: dict[str, Units]

    @classmethod
    def since(cls, frame: Frame, asked: int) -> _Minutes:
        """The levels of the minutes from position `asked` on."""
        first = frame.levels.first[asked:]
        return cls(
            row=np.repeat(np.arange(frame.rows), np.diff(first)),
            first=first - first[0],
            measured=frame.levels.measured[asked:],
            levels={name: frame.levels[name][first[0] :] for name in LEVELS},
        )

    def totals(self, values: Units | Bools) -> Units:
        """Sum of a level column in each row."""
        running = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(values)))
        return np.diff(running[self.first])

    def sided(self) -> Bools:
        """Measured rows in which the sides of all trades are known."""
        part = self.levels[BUY] + self.levels[SELL] != self.levels[VOLUME]
        known: Bools = self.measured & (self.totals(part.astype(np.bool_)) == 0)
        return known


def imbalanced(minutes: _Minutes, side: str, frame: Frame) -> Bools:
    """The levels that are imbalanced to a side, "buy" or "sell"; see imbalance_buy."""
    buy, sell = minutes.levels[BUY], minutes.levels[SELL]
    mine, other, step = (buy, sell, 1) if side == "buy" else (sell, buy, -1)
    neighbour = np.roll(minutes.row, step) == minutes.row
    neighbour[: step if step > 0 else 0] = False
    neighbour[step if step < 0 else len(neighbour) :] = False
    rules, traded = frame.rules, minutes.totals(minutes.levels[VOLUME])
    outweighs = beyond(mine, rules.imbalance_ratio, np.roll(other, step)) >= 0
    is_much = beyond(mine, rules.imbalance_share_min, traded[minutes.row]) >= 0
    found: Bools = neighbour & outweighs & is_much
    return found


def _side(minutes: _Minutes, side: str, frame: Frame) -> tuple[Floats, Floats, Floats]:
    """Imbalanced levels, stacks and the lowest stack's lowest price, of each row."""
    flag = imbalanced(minutes, side, frame)
    stacks = _stacks(flag, minutes.row, frame.rules.imbalance_run)
    lowest = np.full(frame.rows, np.nan)
    price = minutes.levels[PRICE][stacks[::-1]]
    lowest[minutes.row[stacks[::-1]]] = from_units(price, frame.levels.places)
    count = np.bincount(minutes.row[stacks], minlength=frame.rows).astype(np.float64)
    return minutes.totals(flag).astype(np.float64), count, lowest


def _stacks(flag: Bools, row: Ints, run: int) -> Ints:
    """The lowest levels of the runs of at least `run` imbalanced levels of one row."""
    at = np.flatnonzero(flag)
    apart = (np.diff(at, prepend=-2) > 1) | (np.diff(row[at], prepend=-1) > 0)
    starts = np.flatnonzero(apart)
    lengths = np.diff(np.append(starts, at.size))
    return at[starts[lengths >= run]]


@formulas("imbalance_{side}", "", *LEVELS, nulls="not_measured", type="int32")
def imbalance(frame: Frame, side: str) -> Floats:
    """Levels of the minute where buys are >= 3 x the sells one traded level below (sell: mirrored).

    A level also needs 1 % of the minute's volume; the lowest level has none below, the highest none
    above. Null where a side is not known. Source: ATAS Imbalance; freqtrade orderflow.
    """
    return _read(frame, side)[0]


@formulas("stacked_{side}", "", *LEVELS, nulls="not_measured", type="int32")
def stacked(frame: Frame, side: str) -> Floats:
    """Runs of at least 3 neighbouring imbalanced levels of the minute; see imbalance_buy.

    Source: ATAS StackedImbalance; freqtrade orderflow.
    """
    return _read(frame, side)[1]


@formulas("stacked_{side}_price", "quote per base", *LEVELS, nulls="not_measured")
def stacked_price(frame: Frame, side: str) -> Floats:
    """Lowest price of the minute's lowest stack; null where there is none.

    Source: ATAS StackedImbalance; freqtrade orderflow.
    """
    return _read(frame, side)[2]


def _read(frame: Frame, side: str) -> list[Floats]:
    """The three features of a side, NaN before the asked-for rows."""
    asked = len(frame) - frame.rows
    minutes = frame.shared("levels by minute", lambda: _Minutes.since(frame, asked))

    def read() -> list[Floats]:
        found = np.full((3, len(frame)), np.nan)
        found[:, asked:] = np.where(minutes.sided(), _side(minutes, side, frame), np.nan)
        return list(found)

    return frame.shared(f"imbalance to the {side}", read)
