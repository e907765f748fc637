"""The volume profile: point of control and value area, of the session, of four hours, as measured."""

from __future__ import annotations

import numpy as np

from pipeline.clock import DAY_US, MINUTES_PER_DAY
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.levels import PRICE, VOLUME
from pipeline.features.step import Step
from pipeline.features.value_area import areas
from pipeline.tables.exact import Floats


class LevelGap(Step):
    """level - close, level one of poc, vah, val as measured; null where the profile is not.

    Source: consumer list C.2 (the seed fills 0; here the gap stays null).
    """

    def __init__(self, level: str) -> None:
        super().__init__(
            name=f"{level}_gap",
            unit="quote per base",
            inputs=(level, "close"),
            nulls="not_measured",
        )

    def __call__(self, frame: Frame) -> Floats:
        level, close = self.inputs
        return frame[level] - frame[close]


class LevelGapBps(Step):
    """1e4 x (level - close) / close, level one of poc, vah, val as measured.

    Source: consumer list C.2.
    """

    def __init__(self, level: str) -> None:
        super().__init__(
            name=f"{level}_gap_bps", unit="bps", inputs=(level, "close"), nulls="not_measured"
        )

    def __call__(self, frame: Frame) -> Floats:
        level, close = self.inputs
        return ratio(1e4 * (frame[level] - frame[close]), frame[close])


class SessionProfile(Step):
    """poc, vah or val of all volume by price from 00:00 UTC of the row's minute on.

    The point of control is the price with the largest volume, of equals the nearest to the VWAP, then
    the lower; the value area grows from it by the larger pair of traded levels to at least 70 %.
    Source: ATAS DynamicLevels; Steidlmayer's market profile.
    """

    def __init__(self, level: str) -> None:
        super().__init__(
            name=f"{level}_session",
            unit="quote per base",
            inputs=(PRICE, VOLUME),
            window=MINUTES_PER_DAY,
            look_back=MINUTES_PER_DAY - 1,
            nulls="window",
        )

    @property
    def warm_up(self) -> int:
        """The session begins with the day: its first row is whole."""
        return 1

    def __call__(self, frame: Frame) -> Floats:
        minute = frame.opens_us() % DAY_US // frame.step_us
        begins = np.arange(len(frame)) - minute
        return _level(
            self.name, frame.shared("profile of the session", lambda: areas(frame, begins))
        )


class RollingProfile(Step):
    """poc, vah or val of the volume by price of the trailing window; see poc_session.

    Source: ATAS DynamicLevels.
    """

    def __init__(self, level: str, window: int) -> None:
        super().__init__(
            name=f"{level}_roll_{window}",
            unit="quote per base",
            inputs=(PRICE, VOLUME),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        begins = np.arange(len(frame)) - self.window + 1
        return _level(
            self.name, frame.shared(f"profile of {self.window}", lambda: areas(frame, begins))
        )


def _level(name: str, areas_of_rows: Floats) -> Floats:
    """The one of the three prices that a column is named after."""
    level: Floats = areas_of_rows[("poc", "vah", "val").index(name.partition("_")[0])]
    return level
