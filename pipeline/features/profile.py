"""Distances to the levels of the volume profile: point of control and value area."""

from __future__ import annotations

from pipeline.exact import Floats
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import Step


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
