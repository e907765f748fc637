"""The still picture of a day: candles, volume, cumulative delta, and marks on the time axis.

Belongs here: a day's published bars -> one drawing. A candle is of ten minutes, so that each has pixels
enough; its extremes are those of its minutes. Paths are made in `svg.py`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.free_form import Json
from pipeline.quality.svg import HOURS, Drawing, Panel, Scale, reduced, ribbon, runs, strokes
from pipeline.quality.wording import price
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats

CANDLE_MINUTES = 10
CANDLES = MINUTES_PER_DAY // CANDLE_MINUTES
_STEP = 5
WIDTH = _STEP * CANDLES
MIDDLES = range(_STEP // 2, WIDTH, _STEP)
_MARK = 8

_LEGEND = (
    ("first", "closes at or above its open"),
    ("second", "closes below"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candles:
    """Of each candle's minutes: the first open, extremes, the last close, the volume; NaN without a price."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def picture(bars: pa.Table, day: dt.date, heat: list[Json]) -> Drawing | None:
    """The picture of a symbol's day.

    Args:
        bars: Its `bars_1m`.
        day: The UTC date.
        heat: The report's strips, whose minutes that are missing or in an outage are marked.

    Returns:
        The drawing; None where no minute has a price.
    """
    names = ("open", "high", "low", "close", "volume", "cvd", "qc_flags")
    minutes = {name: on_day(bars, day, name) for name in names}
    if not np.isfinite(minutes["close"]).any():
        return None
    candles = _candles(minutes)
    flagged = minutes["qc_flags"] > 0
    panels = [
        _price(candles),
        _volume(candles.volume),
        _cvd(minutes["cvd"]),
        _marked(heat, flagged),
    ]
    known = minutes["close"][np.isfinite(minutes["close"])]
    first = minutes["open"][np.isfinite(minutes["open"])][0]
    return Drawing(
        title="The day",
        words=f"Open {price(first)}, high {price(np.nanmax(minutes['high']))},"
        f" low {price(np.nanmin(minutes['low']))}, close {price(known[-1])}."
        f" A candle is {CANDLE_MINUTES} minutes, UTC; below: volume, cumulative delta.",
        panels=tuple(panel for panel in panels if panel),
        along=HOURS,
        in_parts=True,
        legend=_LEGEND,
    )


def on_day(bars: pa.Table, day: dt.date, column: str) -> Floats:
    """A column of the bars on the day's 1440 minutes, NaN where there is no row or value."""
    at = (arrays.ints(bars["minute_open"]) - day_open_us(day)) // MINUTE_US
    values = np.full(MINUTES_PER_DAY, np.nan)
    values[at] = arrays.floats(bars[column])
    return values


def _candles(minutes: dict[str, Floats]) -> _Candles:
    return _Candles(
        open=_first_known(minutes["open"]),
        high=reduced(minutes["high"], CANDLES)[1],
        low=reduced(minutes["low"], CANDLES)[0],
        close=_first_known(minutes["close"][::-1])[::-1],
        volume=np.nansum(minutes["volume"].reshape(CANDLES, CANDLE_MINUTES), axis=1),
    )


def _first_known(values: Floats) -> Floats:
    """The first value of each candle that is known, NaN where none is."""
    rows = values.reshape(CANDLES, CANDLE_MINUTES)
    first: Floats = rows[np.arange(CANDLES), np.isfinite(rows).argmax(axis=1)]
    return first


def _price(candles: _Candles) -> Panel:
    scale = Scale.over(np.concatenate([candles.low, candles.high]), 200, steps=5)
    rises = candles.close >= candles.open
    upper = scale.at(np.fmax(candles.open, candles.close))
    lower = scale.at(np.fmin(candles.open, candles.close))
    shapes = [scale.grid(WIDTH)]
    for colour, of in (("first", rises), ("second", ~rises)):
        body = strokes(MIDDLES, _only(upper, of), _only(lower, of))
        wick = strokes(MIDDLES, _only(scale.at(candles.high), of), _only(scale.at(candles.low), of))
        shapes += [(f"{colour} wick", wick), (f"{colour} body", body)]
    return Panel(
        words=f"price, from {scale.labels[-1]} to {scale.labels[0]}",
        shapes=tuple(shape for shape in shapes if shape[1]),
        width=WIDTH,
        height=200,
        size="tall",
        scale=scale.labels,
    )


def _only(values: Floats, of: Bools) -> Floats:
    return np.where(of, values, np.nan)


def _volume(volume: Floats) -> Panel | None:
    if not volume.any():
        return None
    scale = Scale.over(np.append(volume, 0.0), 50)
    tops = scale.at(np.where(volume > 0, volume, np.nan))
    return Panel(
        words=f"volume of each candle, up to {scale.labels[0]}",
        shapes=(("still body", strokes(MIDDLES, tops, np.full(CANDLES, 50.0))),),
        width=WIDTH,
        height=50,
        size="low",
        scale=(scale.labels[0], "volume"),
    )


def _cvd(cvd: Floats) -> Panel | None:
    if not np.isfinite(cvd).any():
        return None
    scale = Scale.over(cvd, 80)
    lows, highs = (scale.at(edge) for edge in reduced(cvd, CANDLES))
    return Panel(
        words=f"cumulative delta, from {scale.labels[-1]} to {scale.labels[0]}",
        shapes=(scale.grid(WIDTH), ("third", ribbon(MIDDLES, lows, highs))),
        width=WIDTH,
        height=80,
        size="middle",
        scale=scale.labels,
    )


def _marked(heat: list[Json], flagged: Bools) -> Panel | None:
    """A line each for minutes that are missing, in an outage, flagged; those that there are."""
    letters = np.array(list("".join(heat[0]["rows"])))
    kinds = (
        ("gap", "bad", letters == "X"),
        ("outage", "outage", letters == "o"),
        ("flag", "aside", flagged),
    )
    shown = [(name, colour, mask) for name, colour, mask in kinds if mask.any()]
    if not shown:
        return None
    shapes = [
        (
            f"{colour} marks",
            runs((start, stop, _MARK * row + _MARK // 2) for start, stop in _spans(mask)),
        )
        for row, (_, colour, mask) in enumerate(shown)
    ]
    told = ", ".join(f"{name} in {int(mask.sum())} minutes" for name, _, mask in shown)
    return Panel(
        words=f"marks: {told}",
        shapes=tuple(shapes),
        width=MINUTES_PER_DAY,
        height=_MARK * len(shown),
        size=f"marks{len(shown)}",
        scale=tuple(name for name, _, _ in shown),
    )


def _spans(mask: Bools) -> list[tuple[int, int]]:
    """Start and stop of each run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
