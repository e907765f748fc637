"""How one-sided the flow is when time is counted in volume."""

from __future__ import annotations

import numpy as np

from pipeline.clock import MINUTES_PER_DAY
from pipeline.features import windows
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formula
from pipeline.tables.arrays import Floats, Ints

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
    found = windows.Trailing(frame, (frame["volume"], frame["delta"]), MINUTES_PER_DAY)
    flow = _flow_at_edges(found)
    one_sided = np.abs(np.diff(flow, axis=1)).sum(axis=1)
    return found.on_grid(ratio(one_sided, found.sums(found.series[0])))


def _flow_at_edges(found: windows.Trailing) -> Floats:
    """Running D of each window where its running volume passes 0, 1, ... `BUCKETS` equal parts."""
    volume, delta = found.series
    rows = np.arange(len(found.count))[:, None]
    held = _running(volume, found.window)
    edges = held[-1][:, None] * (np.arange(1, BUCKETS + 1) / BUCKETS)
    minute = _first_at_least(held, edges, volume)
    before = _at(held, minute)
    passed = _at(_running(delta, found.window, out=held), minute)
    part = (edges - before) / volume.take(minute + rows)
    flow: Floats = np.zeros((len(rows), BUCKETS + 1))
    flow[:, 1:] = passed + part * delta.take(minute + rows)
    return flow


def _at(held: Floats, places: Ints) -> Floats:
    """What `_running` holds at some places of each window, a window a row."""
    count = held.shape[1]
    found: Floats = held.take(places * count + np.arange(count)[:, None])
    return found


def _running(x: Floats, window: int, out: Floats | None = None) -> Floats:
    """Sums of the first 0, 1, 2, ... values of each window, shape (window + 1, windows).

    All windows take their next value at once, so that each adds one after the other and none waits.
    """
    count = max(len(x) - window + 1, 0)
    found = np.empty((window + 1, count)) if out is None else out
    found[0] = 0.0
    for row in range(window):
        np.add(found[row], x[row : row + count], out=found[row + 1])
    return found


def _first_at_least(held: Floats, edges: Floats, volume: Floats) -> Ints:
    """The position in each window of the first value whose running sum reaches each edge.

    It is near to where the running sum of all windows reaches it; where rounding says otherwise, it is
    looked for.
    """
    rows = np.arange(len(edges))[:, None]
    total = np.concatenate(([0.0], np.cumsum(volume)))
    guess = total[1:].searchsorted(total[: len(edges), None] + edges) - rows
    near: Ints = np.clip(guess, 0, len(held) - 2)
    wrong = (_at(held, near + 1) < edges) | ((near > 0) & (_at(held, near) >= edges))
    for row in np.flatnonzero(wrong.any(axis=1)).tolist():
        near[row] = held[1:, row].searchsorted(edges[row])
    return near
