"""One feed against the other."""

from __future__ import annotations

from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.tables.exact import Floats


class Basis(Step):
    """1e4 x ln(atas_close / close), as in bars_1m."""

    def __init__(self) -> None:
        super().__init__(name="basis_bps", unit="bps", inputs=("basis_bps",), nulls="not_measured")

    def __call__(self, frame: Frame) -> Floats:
        return frame["basis_bps"]


class VolumeRatio(Step):
    """atas_volume / volume, as measured; null in a minute without a trade."""

    def __init__(self) -> None:
        super().__init__(
            name="xfeed_vol_ratio",
            unit="as measured per base",
            inputs=("atas_volume", "volume"),
            nulls="not_measured",
        )

    def __call__(self, frame: Frame) -> Floats:
        return ratio(frame["atas_volume"], frame["volume"])
