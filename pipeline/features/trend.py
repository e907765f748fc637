"""Direction over minutes."""

from __future__ import annotations

from pipeline.features import windows
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formula
from pipeline.tables.arrays import Floats

FAST, SLOW = 20, 50
CLOSES = 150


@formula("fraction", "close", window=CLOSES, nulls="window")
def trend_proxy(frame: Frame) -> Floats:
    """(EMA20 - EMA50) / close, each EMA TA-Lib's (seed: plain mean) over exactly 150 closes.

    The fixed length makes a row the same in every batch; by then the seed of EMA50 weighs 2 %.
    Source: TA-Lib EMA.
    """
    close = frame["close"]
    fast, slow = (
        windows.weighted(frame, close, windows.ema_kernel(span, CLOSES)) for span in (FAST, SLOW)
    )
    return ratio(fast - slow, close)
