"""The volume profile: point of control and value area, of the session, of four hours, as measured."""

from __future__ import annotations

import numpy as np

from pipeline.clock import DAY_US, MINUTES_PER_DAY
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.levels import PRICE, VOLUME
from pipeline.features.step import formulas
from pipeline.tables.arrays import Floats, Ints
from pipeline.tables.exact import from_units
from pipeline.tables.value_area import NOTHING, points, ranked


@formulas("{level}_gap", "quote per base", "{level}", "close", nulls="not_measured")
def gap(frame: Frame, level: str) -> Floats:
    """level - close, level one of poc, vah, val as measured; null where the profile is not.

    A gap stays null.
    """
    return frame[level] - frame["close"]


@formulas("{level}_gap_bps", "bps", "{level}", "close", nulls="not_measured")
def gap_bps(frame: Frame, level: str) -> Floats:
    """1e4 x (level - close) / close, level one of poc, vah, val as measured."""
    return ratio(1e4 * (frame[level] - frame["close"]), frame["close"])


@formulas("{level}_session", "quote per base", PRICE, VOLUME, window=MINUTES_PER_DAY, history=1)
def session(frame: Frame, level: str) -> Floats:
    """poc, vah or val of all volume by price from 00:00 UTC of the row's minute on.

    The point of control is the price with the largest volume, of equals the nearest to the VWAP, then
    the lower; the value area grows from it by the larger pair of traded levels to at least 70 %.
    Source: ATAS DynamicLevels; Steidlmayer's market profile.
    """
    minute = frame.opens_us() % DAY_US // frame.step_us
    return _profile(frame, "session", minute)[level]


@formulas("{level}_roll_{window}", "quote per base", PRICE, VOLUME)
def roll(frame: Frame, level: str, window: int) -> Floats:
    """poc, vah or val of the volume by price of the trailing window; see poc_session.

    Source: ATAS DynamicLevels.
    """
    return _profile(frame, f"last {window}", window - 1)[level]


def _profile(frame: Frame, name: str, back: Ints | int) -> dict[str, Floats]:
    """poc, vah and val of each row and the `back` rows before it, read once for all three."""
    begins = np.arange(len(frame)) - back
    found = frame.shared(f"profile of the {name}", lambda: areas(frame, begins))
    return dict(zip(("poc", "vah", "val"), found, strict=True))


def areas(frame: Frame, begins: Ints) -> Floats:
    """Shape (3, rows of the grid): point of control, upper and lower edge of the value area.

    Args:
        frame: Its asked-for rows are computed, all others are NaN.
        begins: First row of each row's window `[begins, row]`, negative where it is not on the grid.

    Returns:
        Prices; NaN where too much of the window is not measured or nothing traded in it.
    """
    levels, asked = frame.levels, len(frame) - frame.rows
    found = np.full((3, len(frame)), np.nan)
    rows = np.arange(asked, len(frame))
    whole = rows[begins[rows] >= 0]
    gone = np.concatenate(([0], np.cumsum(~levels.measured)))
    share = (gone[whole + 1] - gone[begins[whole]]) / (whole + 1 - begins[whole])
    whole = whole[share <= frame.rules.null_share_max]
    if whole.size == 0:
        return found
    ranks = frame.shared("ranks of prices", lambda: ranked(levels[PRICE]))
    at = points(levels.first, levels[VOLUME], ranks, begins[whole], whole + 1)
    traded = at[:, 0] != NOTHING[0]
    found[:, whole[traded]] = from_units(ranks[0][at[traded].T], levels.places)
    return found
