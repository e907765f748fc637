"""The tape behaves like a market, and is a pure function of seed, symbol and day."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ParameterError
from pipeline.sample.daily import midnight_levels
from pipeline.sample.draws import bells, below, uniforms, words
from pipeline.sample.instrument import instrument_of
from pipeline.sample.tape import day_tape

DAY = dt.date(2025, 1, 2)
DAYS = st.dates(dt.date(2010, 1, 1), dt.date(2099, 12, 31))
SYMBOLS = st.sampled_from(
    ["BTCUSDT", "ETHUSDT", "XRPETH", "1000PEPEUSDT", "A", "BTCUSD_PERP", "XUSD_250328"]
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**63), SYMBOLS, DAYS, st.integers(2, 400))
def test_every_tape_is_sound(seed: int, symbol: str, day: dt.date, trades: int) -> None:
    """Times stay inside the day and never step back; each trade is at its quote; all is positive."""
    tape = day_tape(seed, symbol, day, trades)
    start = (day - dt.date(1970, 1, 1)).days * 86_400_000_000
    at_quote = np.where(tape.side > 0, tape.ask_ticks, tape.bid_ticks)

    assert len(tape) == trades
    assert start <= tape.ts_us[0] <= tape.ts_us[-1] < start + 86_400_000_000
    assert np.all(np.diff(tape.ts_us) >= 0)
    assert np.all(tape.ts_us % 1_000 == 0)
    assert set(tape.side.tolist()) <= {-1, 1}
    assert np.array_equal(tape.price_ticks, at_quote)
    assert np.all((tape.bid_ticks > 0) & (tape.bid_ticks < tape.ask_ticks))
    assert np.all(tape.qty_lots >= 1)
    assert np.all(np.diff(tape.trade_id) == 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**63), SYMBOLS, DAYS, st.integers(0, 60))
def test_a_level_is_the_same_in_any_range(seed: int, symbol: str, day: dt.date, back: int) -> None:
    """The price at a midnight does not depend on where the range of days began."""
    first = day - dt.timedelta(days=back)

    assert midnight_levels(seed, symbol, first, back + 1)[-1] == midnight_levels(
        seed, symbol, day, 1
    )


def test_first_and_last_price_are_the_midnight_levels() -> None:
    """A day starts at its own level and ends at that of the next."""
    levels = midnight_levels(5, "BTCUSDT", DAY, 2)
    tape = day_tape(5, "BTCUSDT", DAY, 5_000)

    assert [tape.price_ticks[0], tape.price_ticks[-1]] == levels.tolist()
    assert tape.open_ticks == levels[0]


def test_market_facts() -> None:
    """A usual tape: equal stamps, runs of one side, heavy sizes, clustered variance, a busy afternoon."""
    tape = day_tape(1, "BTCUSDT", DAY, 20_000)
    minute = (tape.ts_us // 60_000_000) % 1440
    counts = np.bincount(minute, minlength=1440)
    closes = tape.price_ticks[np.searchsorted(minute, np.arange(1440), side="right") - 1]
    moves = np.abs(np.diff(np.log(closes)))

    assert 0.2 < np.mean(np.diff(tape.ts_us) == 0) < 0.4
    assert np.mean(tape.side[1:] == tape.side[:-1]) > 0.6
    assert 0.35 < np.mean(tape.side > 0) < 0.65
    assert tape.qty_lots.max() > 50 * np.median(tape.qty_lots)
    assert 20 < np.sum(counts == 0) < 200
    assert counts[780:960].mean() > 1.5 * counts[180:360].mean()
    assert np.corrcoef(moves[1:], moves[:-1])[0, 1] > 0.1
    assert 0.005 < np.sqrt(np.sum(moves**2)) < 0.1


@pytest.mark.parametrize(
    ("symbol", "low", "high"), [("BTCUSDT", 40_000, 220_000), ("ETHUSDT", 1_000, 10_000)]
)
def test_levels_stay_near_the_symbol(symbol: str, low: float, high: float) -> None:
    """Years of levels stay in the neighbourhood of the real price, and move by a few per cent a day."""
    levels = midnight_levels(1, symbol, dt.date(2018, 1, 1), 3_000)
    prices = levels / 10 ** instrument_of(symbol).price_decimals

    assert low < prices.min() < prices.max() < high
    assert 0.015 < np.std(np.diff(np.log(prices))) < 0.035


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=12))
def test_any_symbol_has_a_sensible_instrument(symbol: str) -> None:
    """Any name has a positive level, a usual size, and decimals whose product an archive can print."""
    instrument = instrument_of(symbol)

    assert instrument.level_ticks >= 10_000
    assert instrument.usual_lots >= 1
    assert 0 <= instrument.qty_decimals <= 3
    assert instrument.price_decimals + instrument.qty_decimals <= 8


@pytest.mark.parametrize("trades", [-1, 0, 1, 2_000_001])
def test_refuses_too_few_or_too_many(trades: int) -> None:
    """A tape has at least its first and its last trade."""
    with pytest.raises(ParameterError, match=f"got {trades}, wanted 2 to 2000000"):
        day_tape(1, "BTCUSDT", DAY, trades)


def test_draws_are_pinned() -> None:
    """The random words are Philox4x64-10 of a SHA-256 key: typed out, so that no library can change them."""
    assert words(2, "pin").tolist() == PINNED_WORDS
    assert words(2, "pin", at=1).tolist() != PINNED_WORDS
    assert bells(3, "pin", at=2).tolist() == bells(5, "pin").tolist()[2:]


def test_distributions() -> None:
    """Bells have mean 0 and variance 1, uniforms fill (0, 1], integers stay below their limit."""
    bell, flat, whole = bells(20_000, "b"), uniforms(20_000, "u"), below(7, 20_000, "w")

    assert abs(bell.mean()) < 0.03
    assert abs(bell.std() - 1.0) < 0.02
    assert 0.0 < flat.min() < 0.001 < 0.999 < flat.max() <= 1.0
    assert np.bincount(whole).min() > 2_600
    assert whole.max() == 6


PINNED_WORDS = [12_475_781_772_967_150_755, 13_403_603_084_696_991_220]
