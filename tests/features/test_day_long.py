"""Features of a whole trailing day, on two real days: pandas, TA-Lib and buckets filled trade by trade."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import talib

from kit import real_tape
from kit.shipped import FEATURES
from pipeline.features.micro import micro

DAY = 1440


@pytest.fixture(scope="module")
def real(real_data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The exchange's 2880 minutes, and the features of the second day."""
    bars = real_tape.bars(real_data)
    return real_tape.klines(real_data), micro(real_tape.DAYS[1], bars, None, FEATURES).to_pandas()


def plain_vpin(volume: list[Fraction], delta: list[Fraction]) -> float:
    """Fifty buckets filled minute by minute in exact fractions; a minute is split where one is full."""
    size = sum(volume) / 50
    buckets, room, flow = [], size, Fraction(0)
    for v, d in zip(volume, delta, strict=True):
        left = v
        while left > 0:
            part = min(left, room)
            flow += d * part / v
            left, room = left - part, room - part
            if room == 0:
                buckets.append(abs(flow) / size)
                room, flow = size, Fraction(0)
    assert len(buckets) == 50
    return float(sum(buckets) / 50)


@pytest.mark.parametrize("minute", [0, 1, 333, 900, 1439])
def test_vpin_equals_filled_buckets(minute: int, real: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """The value is that of exact buckets over the trailing day, within 1e-9."""
    klines, features = real
    window = klines[minute + 1 : minute + 1 + DAY]
    volume, delta = ([Fraction(str(x)) for x in window[name]] for name in ("volume", "delta"))

    assert features["vpin"][minute] == pytest.approx(plain_vpin(volume, delta), rel=1e-9)


def test_amihud_of_a_day_equals_pandas(real: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """The mean over the trailing day's traded minutes, within 1e-9."""
    klines, features = real
    r = np.log(klines["close"] / klines["close"].shift(1)).abs()
    impact = r / klines["quote_volume"].where(klines["quote_volume"] > 0) * 1e6
    expected = impact.rolling(DAY, min_periods=1).mean()[DAY:]

    np.testing.assert_allclose(features["amihud_1440"], expected, rtol=1e-9)


def _absorbed(k: pd.DataFrame, row: int) -> bool:
    window = k[row - DAY + 1 : row + 1]
    share = (window["delta"].abs() / window["volume"]).fillna(0.0)
    heavy, one_sided = (
        x.iloc[-1] >= np.quantile(x, 0.8, method="inverted_cdf") for x in (window["volume"], share)
    )
    prices = (k[name].to_numpy()[row - 140 : row + 1] for name in ("high", "low", "close"))
    body = k["close"][row] - k["open"][row]
    still = abs(body) <= 0.1 * talib.ATR(*prices, 14)[-1]
    return bool(heavy and one_sided and still and body * k["delta"][row] <= 0)


def test_own_absorption_equals_its_definition(real: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Flag, side and score of every 5th minute, by numpy's quantile and TA-Lib's ATR."""
    klines, features = real
    seen = set()
    for minute in [*range(0, DAY, 5), *np.flatnonzero(features["own_absorb_flag"] == 1).tolist()]:
        flag, side, score = (features[f"own_absorb_{n}"][minute] for n in ("flag", "side", "score"))
        row = minute + DAY
        delta, volume = klines["delta"][row], klines["volume"][row]
        seen.add(flag)

        assert flag == _absorbed(klines, row)
        assert score == pytest.approx(abs(delta) / volume if flag else 0.0)
        assert side == -np.sign(delta) if flag else np.isnan(side)

    assert seen == {0, 1}
