"""The best quotes that the tape's trades saw: the minute's last one, and sums over the minute.

As `ticks.py`: the tape's minutes enter where they are the bar's, null elsewhere. Real exports mostly lack
the sizes; what needs them is null there.
"""

from __future__ import annotations

from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import measured
from pipeline.tables.arrays import Floats

BID, ASK = "ticks.best_bid", "ticks.best_ask"
BID_SIZE, ASK_SIZE = "ticks.bid_size", "ticks.ask_size"


@measured("quote per base", BID, ASK)
def mid(frame: Frame) -> Floats:
    """(best_bid + best_ask) / 2 of the minute's last quote."""
    return (frame[BID] + frame[ASK]) / 2


@measured("bps", BID, ASK)
def spread_bps(frame: Frame) -> Floats:
    """1e4 x (best_ask - best_bid) / mid of the minute's last quote."""
    return ratio(1e4 * (frame[ASK] - frame[BID]), mid(frame))


@measured("fraction", BID_SIZE, ASK_SIZE)
def queue_imb(frame: Frame) -> Floats:
    """(bid_size - ask_size) / (bid_size + ask_size) of the minute's last sizes, [-1, 1].

    Source: Stoikov 2018; Gould and Bonart 2016.
    """
    bid, ask = frame[BID_SIZE], frame[ASK_SIZE]
    return ratio(bid - ask, bid + ask)


@measured("quote per base", BID, ASK, BID_SIZE, ASK_SIZE)
def microprice(frame: Frame) -> Floats:
    """(best_ask bid_size + best_bid ask_size) / (bid_size + ask_size) of the minute's last quote.

    Source: Stoikov 2018, the weighted mid.
    """
    bid_size, ask_size = frame[BID_SIZE], frame[ASK_SIZE]
    return ratio(frame[ASK] * bid_size + frame[BID] * ask_size, bid_size + ask_size)


@measured("fraction", "ticks.eff_spread")
def eff_spread(frame: Frame) -> Floats:
    """Mean of 2 sign (price - mid) / mid over the minute's trades, weighted by traded value.

    Source: Huang and Stoll 1996.
    """
    return frame["ticks.eff_spread"]


@measured("as measured", "ticks.ofi")
def ofi(frame: Frame) -> Floats:
    """Sum over the minute's quotes of [b >= b'] qb - [b <= b'] qb' - [a <= a'] qa + [a >= a'] qa'.

    A quote is the one seen at a trade, with both sizes, ' the one before it in the same minute; quotes
    between trades are not on a tape. Source: Cont, Kukanov and Stoikov 2014.
    """
    return frame["ticks.ofi"]
