"""The shape of one candle of the exchange of record."""

from __future__ import annotations

import numpy as np

from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formula
from pipeline.tables.arrays import Floats

_PRICE = "quote per base"


def typical_price(frame: Frame) -> Floats:
    """(high + low + close) / 3."""
    return (frame["high"] + frame["low"] + frame["close"]) / 3


@formula("fraction", "high", "low")
def hl_range(frame: Frame) -> Floats:
    """(high - low) / ((high + low) / 2)."""
    high, low = frame["high"], frame["low"]
    return ratio(high - low, (high + low) / 2)


@formula("fraction", "high", "low", "close")
def spread_proxy(frame: Frame) -> Floats:
    """(high - low) / close; nearly collinear with hl_range."""
    return ratio(frame["high"] - frame["low"], frame["close"])


@formula(_PRICE, "high", "low")
def range1m(frame: Frame) -> Floats:
    """high - low = real_body + upper_wick + lower_wick."""
    return frame["high"] - frame["low"]


@formula(_PRICE, "open", "close")
def real_body(frame: Frame) -> Floats:
    """|close - open|, without sign: the direction is in ret_1m.

    Source: TA-Lib's real body.
    """
    return np.abs(frame["close"] - frame["open"])


@formula(_PRICE, "open", "high", "close")
def upper_wick(frame: Frame) -> Floats:
    """high - max(open, close).

    Source: TA-Lib's upper shadow.
    """
    return frame["high"] - np.maximum(frame["open"], frame["close"])


@formula(_PRICE, "open", "low", "close")
def lower_wick(frame: Frame) -> Floats:
    """min(open, close) - low.

    Source: TA-Lib's lower shadow.
    """
    return np.minimum(frame["open"], frame["close"]) - frame["low"]


@formula(_PRICE, "high", "low", "close")
def hlc3(frame: Frame) -> Floats:
    """(high + low + close) / 3.

    Source: TA-Lib TYPPRICE.
    """
    return typical_price(frame)


@formula("", "is_filled", "src_binance", nulls="never", type="int8")
def impute_flag(frame: Frame) -> Floats:
    """1 in a minute whose prices are not from its own trades: carried by the exchange, or no kline."""
    return np.maximum(frame["is_filled"], 1 - frame["src_binance"])
