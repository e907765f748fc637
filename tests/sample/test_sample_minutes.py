"""Minute bars of a tape small enough to add up by hand."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from pipeline.sample.bars import whole_day
from pipeline.sample.instrument import instrument_of
from pipeline.sample.minutes import minute_bars, volume_points
from pipeline.sample.tape import Tape

DAY = dt.date(1970, 1, 1)
TRADES = [
    # ms, price, lots, side
    (60_000, 100, 5, 1),
    (60_000, 103, 2, 1),
    (119_999, 99, 5, -1),
    (180_000, 101, 1, -1),
    (86_399_999, 98, 4, 1),
]


@pytest.fixture
def tape() -> Tape:
    """Five trades: three in minute 1 (both edges), one in minute 3, one in the last."""
    ms, price, lots, side = (
        np.array(column, dtype=np.int64) for column in zip(*TRADES, strict=True)
    )
    return Tape(
        seed=0,
        instrument=instrument_of("BTCUSDT"),
        day=DAY,
        open_ticks=97,
        ts_us=ms * 1_000,
        price_ticks=price,
        qty_lots=lots,
        side=side.astype(np.int8),
        bid_ticks=price,
        ask_ticks=price + 1,
        trade_id=np.arange(5),
    )


def test_bars_by_hand(tape: Tape) -> None:
    """Minutes are `[open, open + 60 s)`; a quiet one carries the last price, at first the day's level."""
    bars = minute_bars(tape)
    names = ("open", "high", "low", "close", "volume", "quote", "trades", "buy_volume", "buy_quote")

    def row(minute: int) -> list[int]:
        return [int(getattr(bars, name)[minute]) for name in names]

    assert len(bars) == 1440
    assert row(0) == [97, 97, 97, 97, 0, 0, 0, 0, 0]
    assert row(1) == [100, 103, 99, 99, 12, 500 + 206 + 495, 3, 7, 500 + 206]
    assert row(2) == [99, 99, 99, 99, 0, 0, 0, 0, 0]
    assert row(3) == [101, 101, 101, 101, 1, 101, 1, 0, 0]
    assert row(1438) == [101, 101, 101, 101, 0, 0, 0, 0, 0]
    assert row(1439) == [98, 98, 98, 98, 4, 392, 1, 4, 392]


def test_points_by_hand(tape: Tape) -> None:
    """Of two prices with the largest volume the lower one is the point, and its own sides tilt it."""
    points = volume_points(tape)

    assert points.minute.tolist() == [1, 3, 1439]
    assert points.price.tolist() == [99, 101, 98]
    assert points.volume.tolist() == [5, 1, 4]
    assert points.tilt.tolist() == [-1, -1, 1]


def test_whole_day_by_hand(tape: Tape) -> None:
    """The day opens at its first minute, closes at its last, and sums the rest."""
    day = whole_day(minute_bars(tape))
    found = [int(x[0]) for x in (day.open, day.high, day.low, day.close, day.volume, day.trades)]

    assert found == [97, 103, 97, 98, 17, 5]
    assert (len(day), day.width_us) == (1, 86_400_000_000)
