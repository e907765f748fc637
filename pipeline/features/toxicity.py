"""How one-sided the flow is when time is counted in volume."""

from __future__ import annotations

import numpy as np

from pipeline.clock import MINUTES_PER_DAY
from pipeline.exact import Floats
from pipeline.features import windows
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.features.windows import Known

BUCKETS = 50
"""Of the authors; the buckets of one day."""


class Vpin(Step):
    """Mean of |buys - sells| / V over the 50 buckets, V = volume of the trailing day / 50.

    The buckets are the 50 equal parts of the day's volume that end with the row, so V is one day's mean
    and no origin or unfinished bucket enters. Buys and sells are the true ones (D); a minute that lies in
    two buckets is split in proportion. Caution: Andersen and Bondarenko 2014.
    Source: Easley, Lopez de Prado and O'Hara 2012.
    """

    def __init__(self) -> None:
        super().__init__(
            name="vpin",
            unit="fraction",
            inputs=("volume", "delta"),
            window=MINUTES_PER_DAY,
            look_back=MINUTES_PER_DAY - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        def reduce(known: Known, volume: Floats, delta: Floats) -> Floats:
            rows = [_flow_at_edges(v, d) for v, d in zip(volume, delta, strict=True)]
            flow = np.array(rows)
            return ratio(np.abs(flow[:, 1:] - flow[:, :-1]).sum(axis=1), volume.sum(axis=1))

        return windows.each(frame, (frame["volume"], frame["delta"]), self.window, reduce)


def _flow_at_edges(volume: Floats, delta: Floats) -> Floats:
    """Running D where the running volume passes 0, 1, ... `BUCKETS` equal parts."""
    held, flow = np.cumsum(volume), np.cumsum(delta)
    edges = held[-1] * (np.arange(BUCKETS + 1) / BUCKETS)
    if held[-1] == 0:
        return np.zeros(BUCKETS + 1)
    minute = held.searchsorted(edges[1:])
    before = np.concatenate((np.zeros(1), held))[minute]
    passed = np.concatenate((np.zeros(1), flow))[minute]
    part = (edges[1:] - before) / volume[minute]
    return np.concatenate((np.zeros(1), passed + part * delta[minute]))
