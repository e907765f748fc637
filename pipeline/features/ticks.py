"""What only the tape tells about a minute: the path of delta, the rhythm of trades, their sizes.

The tape's minutes enter where they are the bar's (`micro.py` sees to it), null elsewhere.
"""

from __future__ import annotations

from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.tables.exact import Floats


class FromTape(Step):
    """A step that reads minute statistics."""

    def __init__(self, name: str, unit: str, *inputs: str) -> None:
        super().__init__(
            name=name,
            unit=unit,
            inputs=tuple(f"ticks.{column}" for column in inputs),
            nulls="not_measured",
        )

    def columns(self, frame: Frame) -> tuple[Floats, ...]:
        """The declared inputs, in their order."""
        return tuple(frame[name] for name in self.inputs)


class DeltaExtreme(FromTape):
    """Lowest or highest running delta inside the minute, starting from 0.

    Source: freqtrade orderflow.
    """

    def __init__(self, which: str) -> None:
        super().__init__(f"{which}_delta", "as measured", f"delta_{which}")

    def __call__(self, frame: Frame) -> Floats:
        (value,) = self.columns(frame)
        return value


class GapMean(FromTape):
    """Mean time between successive trades of the minute; null below two trades."""

    def __init__(self) -> None:
        super().__init__("interarrival_mean", "ms", "gap_ms_mean")

    def __call__(self, frame: Frame) -> Floats:
        (value,) = self.columns(frame)
        return value


class GapVariation(FromTape):
    """s / m of the times between trades (s: population standard deviation, m: mean)."""

    def __init__(self) -> None:
        super().__init__("interarrival_cv", "fraction", "gap_ms_std", "gap_ms_mean")

    def __call__(self, frame: Frame) -> Floats:
        return ratio(*self.columns(frame))


class Burstiness(FromTape):
    """(s - m) / (s + m) of the times between trades, [-1, 1].

    Source: Goh and Barabasi 2008.
    """

    def __init__(self) -> None:
        super().__init__("burstiness", "fraction", "gap_ms_std", "gap_ms_mean")

    def __call__(self, frame: Frame) -> Floats:
        deviation, mean = self.columns(frame)
        return ratio(deviation - mean, deviation + mean)


class LargestShare(FromTape):
    """Largest trade / volume of the minute, [0, 1]."""

    def __init__(self) -> None:
        super().__init__("largest_share", "fraction", "qty_max", "volume")

    def __call__(self, frame: Frame) -> Floats:
        return ratio(*self.columns(frame))


class LargeSize(FromTape):
    """Smallest trade size of the minute that at least 95 % of its trades do not exceed.

    Source: nearest rank, numpy's inverted_cdf.
    """

    def __init__(self) -> None:
        super().__init__("size_q95", "as measured", "qty_q95")

    def __call__(self, frame: Frame) -> Floats:
        (value,) = self.columns(frame)
        return value
