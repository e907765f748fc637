"""Returns of single minutes. Sums of their squares are `volatility.py`."""

from __future__ import annotations

from pipeline.features.arithmetic import ln, previous, ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formula
from pipeline.tables.arrays import Floats


def log_return(frame: Frame) -> Floats:
    """The return r = ln(close / previous close); 0 in a minute without a trade, whose price is carried."""
    return ln(ratio(frame["close"], previous(frame["close"])))


@formula("fraction", "open", "close")
def ret_1m(frame: Frame) -> Floats:
    """close / open - 1 of the minute."""
    return ratio(frame["close"], frame["open"]) - 1
