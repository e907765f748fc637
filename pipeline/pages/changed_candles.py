"""What a revision did to a symbol's candles: the old ones, and the new ones over them.

Belongs here: bars of two revisions -> one drawing of the minutes around those that changed.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTES_PER_DAY
from pipeline.quality.picture import on_day
from pipeline.quality.svg import Drawing, Panel, Scale, strokes
from pipeline.tables.arrays import Floats, Ints

PRICES = ("open", "high", "low", "close")

_MOST, _LEAST = 144, 30
"""Candles of a drawing; fewer minutes are one each."""

_STEP, _HEIGHT, _MARGIN = 10, 200, 5
_LABELS = 5


def changed_candles(day: dt.date, symbol: str, before: pa.Table, after: pa.Table) -> Drawing | None:
    """The candles of both sides where they differ, with some minutes around.

    Args:
        day: The UTC date.
        symbol: For the title.
        before: The earlier revision's `bars_1m` of the symbol.
        after: The later one's.

    Returns:
        The drawing; None where no price differs.
    """
    sides = [np.stack([on_day(bars, day, name) for name in PRICES]) for bars in (before, after)]
    differs = ~((sides[0] == sides[1]) | (np.isnan(sides[0]) & np.isnan(sides[1]))).all(axis=0)
    if not differs.any():
        return None
    first, each, count = _window(np.flatnonzero(differs))
    old, new = (_candles(side[:, first : first + each * count], each) for side in sides)
    ends = np.linspace(first, first + each * count, _LABELS).astype(int).tolist()
    along = tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in ends)
    minutes = int(differs.sum())
    return Drawing(
        title=f"{symbol}, {minutes} changed {'minute' if minutes == 1 else 'minutes'}",
        panels=(_panel(old, new, f"candles of {each} min, {along[0]} to {along[-1]}"),),
        along=along,
        legend=(
            ("still", f"before, {each} min a candle"),
            ("first", "after, up"),
            ("second", "after, down"),
        ),
    )


def _panel(old: Floats, new: Floats, words: str) -> Panel:
    scale = Scale.over(np.concatenate([old[1:3], new[1:3]], axis=None), _HEIGHT, steps=5)
    width, rises = _STEP * new.shape[1], new[3] >= new[0]
    shapes = [
        scale.grid(width),
        *_shapes(scale, old, ("still wick", "still thick")),
        *_shapes(scale, np.where(rises, new, np.nan), ("first wick", "first body")),
        *_shapes(scale, np.where(rises, np.nan, new), ("second wick", "second body")),
    ]
    return Panel(
        words=words,
        shapes=tuple(shape for shape in shapes if shape[1]),
        width=width,
        height=_HEIGHT,
        size="tall",
        scale=scale.labels,
    )


def _window(changed: Ints) -> tuple[int, int, int]:
    """First minute, minutes a candle, candles: all that changed, some around, and no more than the day."""
    low = max(0, int(changed[0]) - _MARGIN)
    high = min(MINUTES_PER_DAY, int(changed[-1]) + 1 + _MARGIN)
    each = -(-(high - low) // _MOST)
    count = max(_LEAST, -(-(high - low) // each))
    return max(0, min(low, MINUTES_PER_DAY - each * count)), each, count


def _candles(minutes: Floats, each: int) -> Floats:
    """Open, high, low, close of candles of so many minutes; NaN without a price."""
    parts = minutes.reshape(len(PRICES), -1, each)
    places = np.arange(parts.shape[1])
    known = np.isfinite(parts[0])
    return np.stack(
        [
            parts[0][places, known.argmax(axis=1)],
            np.fmax.reduce(parts[1], axis=1),
            np.fmin.reduce(parts[2], axis=1),
            parts[3][places, each - 1 - known[:, ::-1].argmax(axis=1)],
        ]
    )


def _shapes(scale: Scale, candles: Floats, names: tuple[str, str]) -> list[tuple[str, str]]:
    """Wicks and bodies, each a path with its class."""
    opened, high, low, close = candles
    middles = range(_STEP // 2, _STEP * len(opened), _STEP)
    bodies = scale.at(np.fmax(opened, close)), scale.at(np.fmin(opened, close))
    return [
        (names[0], strokes(middles, scale.at(high), scale.at(low))),
        (names[1], strokes(middles, *bodies)),
    ]
