"""How much was traded, in how many trades, at which mean price."""

from __future__ import annotations

from pipeline.features.arithmetic import ln, ratio
from pipeline.features.candle import typical_price
from pipeline.features.frame import Frame
from pipeline.features.step import Step
from pipeline.tables.exact import Floats


class LogVolume(Step):
    """ln(1 + volume).

    Source: consumer list C.2.
    """

    def __init__(self) -> None:
        super().__init__(name="vol_1m", unit="log base", inputs=("volume",))

    def __call__(self, frame: Frame) -> Floats:
        return ln(1 + frame["volume"])


class NormalisedVolume(Step):
    """volume / hlc3: the minute's volume per unit of its typical price.

    Source: parity set of the seed, which names it and leaves the formula open; the definition is ours.
    """

    def __init__(self) -> None:
        super().__init__(
            name="ohlc_vol_norm",
            unit="base^2 per quote",
            inputs=("high", "low", "close", "volume"),
        )

    def __call__(self, frame: Frame) -> Floats:
        return ratio(frame["volume"], typical_price(frame))


class TradeCount(Step):
    """Number of trades of the minute.

    Source: exchange klines, column count.
    """

    def __init__(self) -> None:
        super().__init__(name="trade_count", unit="", inputs=("trades",), type="int64")

    def __call__(self, frame: Frame) -> Floats:
        return frame["trades"]


class AverageSize(Step):
    """volume / trades; null in a minute without a trade.

    Source: exchange klines.
    """

    def __init__(self) -> None:
        super().__init__(name="avg_size", unit="base", inputs=("volume", "trades"))

    def __call__(self, frame: Frame) -> Floats:
        return ratio(frame["volume"], frame["trades"])


class VwapGap(Step):
    """(close - vwap) / vwap with vwap = quote_volume / volume; null in a minute without a trade.

    Source: exchange klines.
    """

    def __init__(self) -> None:
        super().__init__(
            name="vwap_gap", unit="fraction", inputs=("close", "volume", "quote_volume")
        )

    def __call__(self, frame: Frame) -> Floats:
        vwap = ratio(frame["quote_volume"], frame["volume"])
        return ratio(frame["close"] - vwap, vwap)


class TakerRatio(Step):
    """taker_buy_volume / volume, [0, 1]; null in a minute without a trade.

    Source: exchange klines.
    """

    def __init__(self) -> None:
        super().__init__(name="taker_ratio", unit="fraction", inputs=("taker_buy_volume", "volume"))

    def __call__(self, frame: Frame) -> Floats:
        return ratio(frame["taker_buy_volume"], frame["volume"])
