"""How one-sided the flow is when time is counted in volume."""

from __future__ import annotations

import numpy as np

from pipeline.clock import MINUTES_PER_DAY
from pipeline.features import windows
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formula
from pipeline.tables.arrays import Bools, Floats

BUCKETS = 50
"""Of the authors; the buckets of one day."""


@formula("fraction", "volume", "delta", window=MINUTES_PER_DAY, nulls="window")
def vpin(frame: Frame) -> Floats:
    """Mean of |buys - sells| / V over the 50 buckets, V = volume of the trailing day / 50.

    The buckets are the 50 equal parts of the day's volume that end with the row, so V is one day's mean
    and no origin or unfinished bucket enters. Buys and sells are the true ones (D); a minute that lies in
    two buckets is split in proportion. Caution: Andersen and Bondarenko 2014.
    Source: Easley, Lopez de Prado and O'Hara 2012.
    """

    def reduce(known: Bools, volume: Floats, delta: Floats) -> Floats:
        flow = _flow_at_edges(volume, delta)
        return ratio(np.abs(np.diff(flow, axis=1)).sum(axis=1), volume.sum(axis=1))

    return windows.each(frame, (frame["volume"], frame["delta"]), MINUTES_PER_DAY, reduce)


def _flow_at_edges(volume: Floats, delta: Floats) -> Floats:
    """Running D of each window where its running volume passes 0, 1, ... `BUCKETS` equal parts."""
    held, flow = (_from_zero(x) for x in (volume, delta))
    edges = held[:, -1:] * (np.arange(1, BUCKETS + 1) / BUCKETS)
    minute = np.array([h.searchsorted(e) for h, e in zip(held[:, 1:], edges, strict=True)])
    before, passed, traded, signed = (
        np.take_along_axis(x, minute, axis=1) for x in (held, flow, volume, delta)
    )
    part = (edges - before) / traded
    return np.pad(passed + part * signed, ((0, 0), (1, 0)))


def _from_zero(x: Floats) -> Floats:
    """Sums of the first 0, 1, 2, ... values of each window."""
    sums = np.zeros((x.shape[0], x.shape[1] + 1))
    np.cumsum(x, axis=1, out=sums[:, 1:])
    return sums
