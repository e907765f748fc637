"""Do both feeds' returns come from one distribution? The two classic distances.

Belongs here: how far apart they lie, over the day, where both feeds tell of one instrument: two may well
move by other amounts. Limits stand in CONTROL.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.quality.facts import DayFacts, Minutes
from pipeline.quality.oddities import Measure, Oddity, nothing, on_day
from pipeline.tables.arrays import Floats

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


def _common_returns(facts: DayFacts) -> tuple[Floats, Floats]:
    """1-minute log returns of the exchange and of ATAS, of the minutes that give both."""
    ours, theirs = (np.diff(np.log(on_day(facts, name))) for name in ("close", "atas_close"))
    common = np.isfinite(ours) & np.isfinite(theirs)
    return ours[common], theirs[common]


def _drift(distance: Callable[[Floats, Floats], float], name: str) -> Measure:
    def measure(facts: DayFacts, minutes: Minutes) -> Oddity:
        if not facts.same_instrument:
            return nothing("the feeds were not identified as one instrument")
        ours, theirs = _common_returns(facts)
        if len(ours) < facts.control.evidence["minutes_min"]:
            return nothing(f"{len(ours)} minutes give returns of both feeds, too few to compare")
        apart = distance(ours, theirs)
        note = f"{name} {apart:.4f} between the returns of {len(ours)} common minutes"
        return Oddity(measured=apart, note=note, at_fault=np.zeros_like(minutes.traded))

    return measure


DRIFTS: dict[str, Measure] = {
    "return_psi": _drift(psi, "PSI"),
    "return_ks": _drift(ks_statistic, "KS"),
}
"""Check of CONTROL -> what measures it."""
