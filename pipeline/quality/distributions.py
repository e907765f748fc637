"""Do two feeds' returns come from one distribution? The two classic distances.

Belongs here: numbers -> one number. Limits stand in CONTROL.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DECILES = np.arange(1, 10) / 10


def ks_statistic(ours: Floats, theirs: Floats) -> float:
    """The two-sample Kolmogorov-Smirnov statistic: the largest gap of the empirical distributions.

    Args:
        ours: at least one finite value.
        theirs: the same.

    Returns:
        0 (equal) to 1 (apart).
    """
    every = np.sort(np.concatenate([ours, theirs]))
    one = np.searchsorted(np.sort(ours), every, side="right") / len(ours)
    other = np.searchsorted(np.sort(theirs), every, side="right") / len(theirs)
    return float(np.abs(one - other).max())


def psi(ours: Floats, theirs: Floats) -> float:
    """The population stability index over the deciles of `ours`: sum of (p - q) ln(p / q).

    Deciles that coincide (a market that hardly moves) are one edge. An empty bin counts as half an
    observation, so that one stray value cannot make the sum infinite.
    """
    edges = np.unique(np.quantile(ours, DECILES))
    p, q = (_shares(values, edges) for values in (ours, theirs))
    return float(np.sum((p - q) * np.log(p / q)))


def _shares(values: Floats, edges: Floats) -> Floats:
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    shares: Floats = np.maximum(counts, 0.5) / len(values)
    return shares
