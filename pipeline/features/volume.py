"""How much was traded, in how many trades, at which mean price."""

from __future__ import annotations

from pipeline.features.arithmetic import ln, ratio
from pipeline.features.candle import typical_price
from pipeline.features.frame import Frame
from pipeline.features.step import formula
from pipeline.tables.arrays import Floats


@formula("log base", "volume")
def vol_1m(frame: Frame) -> Floats:
    """ln(1 + volume)."""
    return ln(1 + frame["volume"])


@formula("base^2 per quote", "high", "low", "close", "volume")
def ohlc_vol_norm(frame: Frame) -> Floats:
    """volume / hlc3: the minute's volume per unit of its typical price.

    The definition is this kitchen's own.
    """
    return ratio(frame["volume"], typical_price(frame))


@formula("", "trades", type="int64")
def trade_count(frame: Frame) -> Floats:
    """Number of trades of the minute.

    Source: exchange klines, column count.
    """
    return frame["trades"]


@formula("base", "volume", "trades")
def avg_size(frame: Frame) -> Floats:
    """volume / trades; null in a minute without a trade.

    Source: exchange klines.
    """
    return ratio(frame["volume"], frame["trades"])


@formula("fraction", "close", "volume", "quote_volume")
def vwap_gap(frame: Frame) -> Floats:
    """(close - vwap) / vwap with vwap = quote_volume / volume; null in a minute without a trade.

    Source: exchange klines.
    """
    vwap = ratio(frame["quote_volume"], frame["volume"])
    return ratio(frame["close"] - vwap, vwap)


@formula("fraction", "taker_buy_volume", "volume")
def taker_ratio(frame: Frame) -> Floats:
    """taker_buy_volume / volume, [0, 1]; null in a minute without a trade.

    Source: exchange klines.
    """
    return ratio(frame["taker_buy_volume"], frame["volume"])
