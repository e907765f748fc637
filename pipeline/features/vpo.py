"""The price with the largest volume inside the minute (VPO), as ATAS or the tape measured it."""

from __future__ import annotations

import numpy as np

from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import measured
from pipeline.tables.arrays import Floats


@measured("fraction", "bar_vpo_price", "atas_high", "atas_low")
def vpo_loc(frame: Frame) -> Floats:
    """(bar_vpo_price - low) / (high - low) of the ATAS bar, [0, 1]; null where high = low.

    The bar's own range is used, since ATAS may have recorded another instrument.

    """
    low = frame["atas_low"]
    return ratio(frame["bar_vpo_price"] - low, frame["atas_high"] - low)


@measured("fraction", "bar_vpo_vol", "atas_volume")
def vpo_intensity(frame: Frame) -> Floats:
    """bar_vpo_vol / atas_volume, [0, 1]: both as measured, in one unit."""
    return ratio(frame["bar_vpo_vol"], frame["atas_volume"])


@measured("sign", "bar_vpo_side", type="int8")
def vpo_bias(frame: Frame) -> Floats:
    """bar_vpo_side as a sign: bull +1, neutral 0, bear -1."""
    return np.sign(frame["bar_vpo_side"])
