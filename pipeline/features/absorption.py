"""The exporter's absorption heuristic: null where it was not measured, never 0."""

from __future__ import annotations

import numpy as np

from pipeline.exact import Floats
from pipeline.features.frame import Frame
from pipeline.features.step import Step


class AbsorptionFlag(Step):
    """absorption_detected as 1 or 0.

    Source: consumer list C.2; the ATAS exporter.
    """

    def __init__(self) -> None:
        super().__init__(
            name="absorb_flag",
            unit="",
            inputs=("absorption_detected",),
            nulls="not_measured",
            type="int8",
        )

    def __call__(self, frame: Frame) -> Floats:
        return frame["absorption_detected"]


class AbsorptionSide(Step):
    """absorption_side as a sign: buy +1, sell -1; null where none was detected.

    Source: consumer list C.2; the ATAS exporter.
    """

    def __init__(self) -> None:
        super().__init__(
            name="absorb_side",
            unit="sign",
            inputs=("absorption_side",),
            nulls="not_measured",
            type="int8",
        )

    def __call__(self, frame: Frame) -> Floats:
        return np.sign(frame["absorption_side"])


class AbsorptionStrength(Step):
    """absorption_strength as exported.

    Source: consumer list C.2; the ATAS exporter.
    """

    def __init__(self) -> None:
        super().__init__(
            name="absorb_strength",
            unit="as measured",
            inputs=("absorption_strength",),
            nulls="not_measured",
        )

    def __call__(self, frame: Frame) -> Floats:
        return frame["absorption_strength"]
