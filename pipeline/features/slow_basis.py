"""How far the symbol stands from the one it is held against (`basis_against`): a perpetual from its spot."""

from __future__ import annotations

from pipeline.features import windows
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.tables.exact import Floats


class DailyBasis(Step):
    """Median of 1e4 x ln(close / close of the symbol in basis_against) over the day's common minutes.

    Null where no symbol is configured, or fewer minutes than daily_minutes_share_min are known of both.
    Source: the definition is ours.
    """

    def __init__(self) -> None:
        super().__init__(name="basis_1d", unit="bps", inputs=("basis_bps",))

    def __call__(self, frame: Frame) -> Floats:
        return frame["basis_bps"]


class BasisScore(Step):
    """(b - mean of b) / sample deviation of b over the trailing window, b the daily median basis.

    The last day is part of its window; null where b stands still. Source: the definition is ours.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"basis_{window}d_z",
            unit="standard deviations",
            inputs=("basis_bps",),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        basis = frame["basis_bps"]
        distance = basis - windows.mean(frame, basis, self.window)
        return ratio(distance, windows.deviation(frame, basis, self.window))
