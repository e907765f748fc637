"""One feed against the other."""

from __future__ import annotations

import numpy as np

from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import measured
from pipeline.tables.arrays import Floats


@measured("bps", "basis_bps")
def basis_bps(frame: Frame) -> Floats:
    """1e4 x ln(atas_close / close), as in bars_1m."""
    return frame["basis_bps"]


@measured("as measured per base", "atas_volume", "volume", "src_atas")
def xfeed_vol_ratio(frame: Frame) -> Floats:
    """atas_volume / volume, as measured; null in a minute without a trade."""
    return np.where(frame["src_atas"] == 1, ratio(frame["atas_volume"], frame["volume"]), np.nan)
