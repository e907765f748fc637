"""How far the symbol stands from the one it is held against (`basis_against`): a perpetual from its spot."""

from __future__ import annotations

from pipeline.features import windows
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formula, formulas
from pipeline.tables.arrays import Floats


@formula("bps", "basis_bps")
def basis_1d(frame: Frame) -> Floats:
    """Median of 1e4 x ln(close / close of the symbol in basis_against) over the day's common minutes.

    Null where no symbol is configured, or fewer minutes than daily_minutes_share_min are known of both.
    Source: the definition is ours.
    """
    return frame["basis_bps"]


@formulas("basis_{window}d_z", "standard deviations", "basis_bps")
def basis_d_z(frame: Frame, window: int) -> Floats:
    """(b - mean of b) / sample deviation of b over the trailing window, b the daily median basis.

    The last day is part of its window; null where b stands still. Source: the definition is ours.
    """
    basis = frame["basis_bps"]
    distance = basis - windows.mean(frame, basis, window)
    return ratio(distance, windows.deviation(frame, basis, window))
