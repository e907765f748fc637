"""The shape of one candle of the exchange of record."""

from __future__ import annotations

import numpy as np

from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.tables.exact import Floats

_PRICE = "quote per base"


def typical_price(frame: Frame) -> Floats:
    """(high + low + close) / 3."""
    return (frame["high"] + frame["low"] + frame["close"]) / 3


class RelativeRange(Step):
    """(high - low) / ((high + low) / 2).

    Source: consumer list C.2.
    """

    def __init__(self) -> None:
        super().__init__(name="hl_range", unit="fraction", inputs=("high", "low"))

    def __call__(self, frame: Frame) -> Floats:
        high, low = frame["high"], frame["low"]
        return ratio(high - low, (high + low) / 2)


class SpreadProxy(Step):
    """(high - low) / close; nearly collinear with hl_range.

    Source: consumer list C.2.
    """

    def __init__(self) -> None:
        super().__init__(name="spread_proxy", unit="fraction", inputs=("high", "low", "close"))

    def __call__(self, frame: Frame) -> Floats:
        return ratio(frame["high"] - frame["low"], frame["close"])


class Range(Step):
    """high - low = real_body + upper_wick + lower_wick.

    Source: parity set of the seed.
    """

    def __init__(self) -> None:
        super().__init__(name="range1m", unit=_PRICE, inputs=("high", "low"))

    def __call__(self, frame: Frame) -> Floats:
        return frame["high"] - frame["low"]


class RealBody(Step):
    """|close - open|, without sign: the direction is in ret_1m.

    Source: parity set of the seed; TA-Lib's real body.
    """

    def __init__(self) -> None:
        super().__init__(name="real_body", unit=_PRICE, inputs=("open", "close"))

    def __call__(self, frame: Frame) -> Floats:
        return np.abs(frame["close"] - frame["open"])


class UpperWick(Step):
    """high - max(open, close).

    Source: parity set of the seed; TA-Lib's upper shadow.
    """

    def __init__(self) -> None:
        super().__init__(name="upper_wick", unit=_PRICE, inputs=("open", "high", "close"))

    def __call__(self, frame: Frame) -> Floats:
        return frame["high"] - np.maximum(frame["open"], frame["close"])


class LowerWick(Step):
    """min(open, close) - low.

    Source: parity set of the seed; TA-Lib's lower shadow.
    """

    def __init__(self) -> None:
        super().__init__(name="lower_wick", unit=_PRICE, inputs=("open", "low", "close"))

    def __call__(self, frame: Frame) -> Floats:
        return np.minimum(frame["open"], frame["close"]) - frame["low"]


class TypicalPrice(Step):
    """(high + low + close) / 3.

    Source: parity set of the seed; TA-Lib TYPPRICE.
    """

    def __init__(self) -> None:
        super().__init__(name="hlc3", unit=_PRICE, inputs=("high", "low", "close"))

    def __call__(self, frame: Frame) -> Floats:
        return typical_price(frame)


class Imputed(Step):
    """1 in a minute whose prices are not from its own trades: carried by the exchange, or no kline.

    Source: parity set of the seed.
    """

    def __init__(self) -> None:
        super().__init__(
            name="impute_flag",
            unit="",
            inputs=("is_filled", "src_binance"),
            nulls="never",
            type="int8",
        )

    def __call__(self, frame: Frame) -> Floats:
        return np.maximum(frame["is_filled"], 1 - frame["src_binance"])
