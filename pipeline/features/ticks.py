"""What only the tape tells about a minute: the path of delta, the rhythm of trades, their sizes.

The tape's minutes enter where they are the bar's (`micro.py` sees to it), null elsewhere.
"""

from __future__ import annotations

from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formulas, measured
from pipeline.tables.arrays import Floats


@formulas("{which}_delta", "as measured", "ticks.delta_{which}", nulls="not_measured")
def running_delta(frame: Frame, which: str) -> Floats:
    """Lowest or highest running delta inside the minute, starting from 0.

    Source: freqtrade orderflow.
    """
    return frame[f"ticks.delta_{which}"]


@measured("ms", "ticks.gap_ms_mean")
def interarrival_mean(frame: Frame) -> Floats:
    """Mean time between successive trades of the minute; null below two trades."""
    return frame["ticks.gap_ms_mean"]


@measured("fraction", "ticks.gap_ms_std", "ticks.gap_ms_mean")
def interarrival_cv(frame: Frame) -> Floats:
    """s / m of the times between trades (s: population standard deviation, m: mean)."""
    return ratio(frame["ticks.gap_ms_std"], frame["ticks.gap_ms_mean"])


@measured("fraction", "ticks.gap_ms_std", "ticks.gap_ms_mean")
def burstiness(frame: Frame) -> Floats:
    """(s - m) / (s + m) of the times between trades, [-1, 1].

    Source: Goh and Barabasi 2008.
    """
    deviation, mean = frame["ticks.gap_ms_std"], frame["ticks.gap_ms_mean"]
    return ratio(deviation - mean, deviation + mean)


@measured("fraction", "ticks.qty_max", "ticks.volume")
def largest_share(frame: Frame) -> Floats:
    """Largest trade / volume of the minute, [0, 1]."""
    return ratio(frame["ticks.qty_max"], frame["ticks.volume"])


@measured("as measured", "ticks.qty_q95")
def size_q95(frame: Frame) -> Floats:
    """Smallest trade size of the minute that at least 95 % of its trades do not exceed.

    Source: nearest rank, numpy's inverted_cdf.
    """
    return frame["ticks.qty_q95"]
