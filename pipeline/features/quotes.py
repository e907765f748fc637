"""The best quotes that the tape's trades saw: the minute's last one, and sums over the minute.

As `ticks.py`: the tape's minutes enter where they are the bar's, null elsewhere. Real exports mostly lack
the sizes; what needs them is null there.
"""

from __future__ import annotations

from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.ticks import FromTape
from pipeline.tables.exact import Floats


class Mid(FromTape):
    """(best_bid + best_ask) / 2 of the minute's last quote."""

    def __init__(self) -> None:
        super().__init__("mid", "quote per base", "best_bid", "best_ask")

    def __call__(self, frame: Frame) -> Floats:
        bid, ask = self.columns(frame)
        return (bid + ask) / 2


class QuotedSpread(FromTape):
    """1e4 x (best_ask - best_bid) / mid of the minute's last quote."""

    def __init__(self) -> None:
        super().__init__("spread_bps", "bps", "best_bid", "best_ask")

    def __call__(self, frame: Frame) -> Floats:
        bid, ask = self.columns(frame)
        return ratio(1e4 * (ask - bid), (bid + ask) / 2)


class QueueImbalance(FromTape):
    """(bid_size - ask_size) / (bid_size + ask_size) of the minute's last sizes, [-1, 1].

    Source: Stoikov 2018; Gould and Bonart 2016.
    """

    def __init__(self) -> None:
        super().__init__("queue_imb", "fraction", "bid_size", "ask_size")

    def __call__(self, frame: Frame) -> Floats:
        bid, ask = self.columns(frame)
        return ratio(bid - ask, bid + ask)


class MicroPrice(FromTape):
    """(best_ask bid_size + best_bid ask_size) / (bid_size + ask_size) of the minute's last quote.

    Source: Stoikov 2018, the weighted mid.
    """

    def __init__(self) -> None:
        super().__init__(
            "microprice", "quote per base", "best_bid", "best_ask", "bid_size", "ask_size"
        )

    def __call__(self, frame: Frame) -> Floats:
        bid, ask, bid_size, ask_size = self.columns(frame)
        return ratio(ask * bid_size + bid * ask_size, bid_size + ask_size)


class EffectiveSpread(FromTape):
    """Mean of 2 sign (price - mid) / mid over the minute's trades, weighted by traded value.

    Source: Huang and Stoll 1996.
    """

    def __init__(self) -> None:
        super().__init__("eff_spread", "fraction", "eff_spread")

    def __call__(self, frame: Frame) -> Floats:
        (value,) = self.columns(frame)
        return value


class OrderFlowImbalance(FromTape):
    """Sum over the minute's quotes of [b >= b'] qb - [b <= b'] qb' - [a <= a'] qa + [a >= a'] qa'.

    A quote is the one seen at a trade, with both sizes, ' the one before it in the same minute; quotes
    between trades are not on a tape. Source: Cont, Kukanov and Stoikov 2014.
    """

    def __init__(self) -> None:
        super().__init__("ofi", "as measured", "ofi")

    def __call__(self, frame: Frame) -> Floats:
        (value,) = self.columns(frame)
        return value
