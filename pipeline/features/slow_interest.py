"""How much is open in a perpetual: contracts held at the end of each day, in base currency.

Null where the exchange's metrics archive of the day is not given, as for every market but USD-M futures.
"""

from __future__ import annotations

from pipeline.features import windows
from pipeline.features.arithmetic import previous, ratio
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.tables.exact import Floats


class InterestChange(Step):
    """O / O of that many days before - 1, O the open interest at the end of the day.

    Null where one of the two is. Source: Binance metrics archive, sum_open_interest, by the instant at which
    it was known.
    """

    def __init__(self, days: int) -> None:
        super().__init__(
            name=f"oi_chg_{days}d",
            unit="fraction",
            inputs=("open_interest",),
            window=days + 1,
            look_back=days,
        )

    def __call__(self, frame: Frame) -> Floats:
        held = frame["open_interest"]
        return ratio(held, previous(held, self.look_back)) - 1


class InterestToVolume(Step):
    """O / mean of the days' volume over the trailing window: days of trading that are held open.

    Source: the definition is ours.
    """

    def __init__(self, window: int) -> None:
        super().__init__(
            name="oi_to_vol",
            unit="days",
            inputs=("open_interest", "volume"),
            window=window,
            look_back=window - 1,
            nulls="window",
        )

    def __call__(self, frame: Frame) -> Floats:
        return ratio(frame["open_interest"], windows.mean(frame, frame["volume"], self.window))
