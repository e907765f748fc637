"""What holding a perpetual cost: the rates that were settled between long and short positions.

Null where the exchange's funding archive of the day is not given, as for every market but perpetuals.
"""

from __future__ import annotations

from pipeline.features import windows
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.tables.exact import Floats

YEAR = 365


class FundingLast(Step):
    """The rate of the last settlement of the last completed day; positive where long positions paid.

    A settlement at 00:00 is the day's that begins then. Null unless the day's settlements cover its 24 hours.
    Source: Binance fundingRate archive, last_funding_rate.
    """

    def __init__(self) -> None:
        super().__init__(
            name="funding_last", unit="fraction per settlement", inputs=("funding_last",)
        )

    def __call__(self, frame: Frame) -> Floats:
        return frame["funding_last"]


class FundingMean(Step):
    """365 x mean of the days' sums of settled rates: a year's cost of a long position, not compounded.

    Source: Binance fundingRate archive; the annualisation is ours.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name=f"funding_{window}d",
            unit="fraction per year",
            inputs=("funding_sum",),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        return YEAR * windows.mean(frame, frame["funding_sum"], self.window)


class FundingScore(Step):
    """(f - mean of f) / sample deviation of f over the trailing window, f the day's sum of settled rates.

    The last day is part of its window; null where f stands still. Source: the definition is ours.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name="funding_z",
            unit="standard deviations",
            inputs=("funding_sum",),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        paid = frame["funding_sum"]
        distance = paid - windows.mean(frame, paid, self.window)
        return ratio(distance, windows.deviation(frame, paid, self.window))
