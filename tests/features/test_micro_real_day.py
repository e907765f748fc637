"""A real day's minute features against independent computations: pandas, TA-Lib, scipy and others."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path

import bidask
import bottleneck
import numpy as np
import orderflow_metrics as flow
import pandas as pd
import pytest
import talib
from scipy import stats
from statsmodels.regression.rolling import RollingOLS

from kit import hand_values, real_tape
from kit.feature_frames import archive_rows, bars_of
from kit.shipped import FEATURES
from pipeline.features.micro import micro

REAL_DAY = dt.date(2025, 1, 2)
SUMS = 1e-8
"""Relative tolerance, of sums that pandas runs on from row to row."""


@pytest.fixture(scope="module")
def real(real_data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The perpetual's day of 2025-01-02: the archive's numbers, and the features of them."""
    folder = real_data / "btcusdt-2025-01-02" / "binance" / "futures_um"
    lines = pd.DataFrame(archive_rows(folder / "BTCUSDT-1m-2025-01-02.zip"))
    k = lines.drop(columns="ignore").astype(float).rename(columns={"count": "trades"})
    k["delta"] = (2 * k["taker_buy_volume"] - k["volume"]).round(3)
    k["cvd"] = k["delta"].cumsum().round(3)
    columns = ("open", "high", "low", "close", "volume", "quote_volume", "taker_buy_volume")
    given = {name: k[name].to_numpy() for name in (*columns, "delta", "cvd")}
    given["trades"] = k["trades"].astype(int).to_numpy()
    bars = bars_of(REAL_DAY, given)
    return k, micro(REAL_DAY, bars, None, FEATURES).to_pandas()


def _log_return(k: pd.DataFrame) -> pd.Series:
    return np.log(k["close"] / k["close"].shift(1))


def _rolled(x: pd.Series, window: int) -> pd.Series:
    return x.rolling(window, min_periods=window).sum()


def _corwin_schultz(k: pd.DataFrame) -> pd.Series:
    log_range = np.log(k["high"] / k["low"]) ** 2
    beta = log_range + log_range.shift(1)
    gamma = np.log(k["high"].rolling(2).max() / k["low"].rolling(2).min()) ** 2
    k2 = 3 - 2 * math.sqrt(2)
    alpha = (np.sqrt(2 * beta) - np.sqrt(beta)) / k2 - np.sqrt(gamma / k2)
    spread = (2 * (np.exp(alpha) - 1) / (1 + np.exp(alpha))).clip(lower=0)
    return _rolled(spread, 60) / 60


def _garman_klass(k: pd.DataFrame) -> pd.Series:
    u, c = np.log(k["high"] / k["low"]), np.log(k["close"] / k["open"])
    return 0.5 * u**2 - (2 * math.log(2) - 1) * c**2


def _rogers_satchell(k: pd.DataFrame) -> pd.Series:
    up = np.log(k["high"] / k["close"]) * np.log(k["high"] / k["open"])
    return up + np.log(k["low"] / k["close"]) * np.log(k["low"] / k["open"])


def _bipower(k: pd.DataFrame) -> pd.Series:
    r = _log_return(k).abs()
    return math.pi / 2 * _rolled(r * r.shift(1), 60)


def _roll(k: pd.DataFrame) -> pd.Series:
    change = k["close"].diff()
    covariance = change.rolling(120).cov(change.shift(1))
    return 2 * np.sqrt(-covariance.where(covariance < 0))


def _typical(k: pd.DataFrame) -> pd.Series:
    return pd.Series(talib.TYPPRICE(k["high"], k["low"], k["close"]))


def _kyle(k: pd.DataFrame) -> pd.Series:
    change = k["close"].diff()
    return k["delta"].rolling(60).cov(change) / k["delta"].where(change.notna()).rolling(60).var()


def _clock(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda k: pd.Series(function(2 * np.pi * (np.arange(1, 1441) % 1440) / 1440))


def _regression(x: Callable[[pd.DataFrame], pd.Series], what: str) -> Callable[..., pd.Series]:
    def rolled(k: pd.DataFrame) -> pd.Series:
        change = k["close"].diff()
        given = pd.DataFrame({"const": 1.0, "x": x(k)})[1:]
        fit = RollingOLS(change[1:], given, window=60).fit()
        return getattr(fit, what)["x"].reindex(k.index)

    return rolled


def _signed_root(k: pd.DataFrame) -> pd.Series:
    return np.sign(k["delta"]) * np.sqrt(k["quote_volume"])


def _yang_zhang(window: int) -> Callable[[pd.DataFrame], pd.Series]:
    def rolled(k: pd.DataFrame) -> pd.Series:
        n = window
        before = k["close"].shift(1)
        jump, body = np.log(k["open"] / before), np.log(k["close"] / k["open"])
        share = 0.34 / (1.34 + (n + 1) / (n - 1))
        mean = _rolled(_rogers_satchell(k), n) / n
        return np.sqrt(jump.rolling(n).var() + share * body.rolling(n).var() + (1 - share) * mean)

    return rolled


def _sign_entropy(k: pd.DataFrame) -> pd.Series:
    return k["delta"].rolling(60).apply(flow.sign_entropy, raw=True)


def _edge(k: pd.DataFrame) -> pd.Series:
    candles = [k[name].to_numpy() for name in ("open", "high", "low", "close")]
    found = [
        bidask.edge(*(x[i - 239 : i + 1] for x in candles), sign=True) if i >= 239 else np.nan
        for i in range(len(k))
    ]
    return pd.Series(found)


ORACLES: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "ret_1m": lambda k: k["close"] / k["open"] - 1,
    "hl_range": lambda k: 2 * (k["high"] - k["low"]) / (k["high"] + k["low"]),
    "spread_proxy": lambda k: (k["high"] - k["low"]) / k["close"],
    "vol_1m": lambda k: np.log1p(k["volume"]),
    "cvd_norm": lambda k: _rolled(k["delta"], 60) / _rolled(k["volume"], 60),
    "rv_5m": lambda k: np.sqrt(_rolled(_log_return(k) ** 2, 5)),
    "range1m": lambda k: k["high"] - k["low"],
    "real_body": lambda k: (k["close"] - k["open"]).abs(),
    "upper_wick": lambda k: k["high"] - k[["open", "close"]].max(axis=1),
    "lower_wick": lambda k: k[["open", "close"]].min(axis=1) - k["low"],
    "hlc3": _typical,
    "ohlc_vol_norm": lambda k: k["volume"] / _typical(k),
    "trade_count": lambda k: k["trades"],
    "avg_size": lambda k: k["volume"] / k["trades"],
    "vwap_gap": lambda k: k["close"] / (k["quote_volume"] / k["volume"]) - 1,
    "taker_ratio": lambda k: k["taker_buy_volume"] / k["volume"],
    "delta": lambda k: k["delta"],
    "delta_ratio": lambda k: k["delta"] / k["volume"],
    "cvd_session": lambda k: k["cvd"],
    "cvd_roll_60": lambda k: _rolled(k["delta"], 60).round(3),
    "cvd_roll_240": lambda k: _rolled(k["delta"], 240).round(3),
    "cvd_divergence": lambda k: _log_return(k).rolling(60).corr(k["delta"]),
    "parkinson_30": lambda k: np.sqrt(
        _rolled(np.log(k["high"] / k["low"]) ** 2, 30) / 30 / (4 * math.log(2))
    ),
    "parkinson_60": lambda k: np.sqrt(
        _rolled(np.log(k["high"] / k["low"]) ** 2, 60) / 60 / (4 * math.log(2))
    ),
    "garman_klass_30": lambda k: np.sqrt(_rolled(_garman_klass(k), 30) / 30),
    "garman_klass_60": lambda k: np.sqrt(_rolled(_garman_klass(k), 60) / 60),
    "rogers_satchell_30": lambda k: np.sqrt(_rolled(_rogers_satchell(k), 30) / 30),
    "rogers_satchell_60": lambda k: np.sqrt(_rolled(_rogers_satchell(k), 60) / 60),
    "bipower_60": _bipower,
    "jump_share_60": lambda k: (1 - _bipower(k) / _rolled(_log_return(k) ** 2, 60)).clip(lower=0),
    "semivar_up_60": lambda k: _rolled(_log_return(k).clip(lower=0) ** 2, 60),
    "semivar_down_60": lambda k: _rolled(_log_return(k).clip(upper=0) ** 2, 60),
    "yang_zhang_30": _yang_zhang(30),
    "yang_zhang_60": _yang_zhang(60),
    "sign_entropy_60": _sign_entropy,
    "kyle_lambda_60": _kyle,
    "kyle_t_60": _regression(lambda k: k["delta"], "tvalues"),
    "kyle_root_60": _regression(_signed_root, "params"),
    "kyle_root_t_60": _regression(_signed_root, "tvalues"),
    "edge_spread": _edge,
    "amihud_60": lambda k: _rolled(_log_return(k).abs() / k["quote_volume"] * 1e6, 60) / 60,
    "roll_spread": _roll,
    "corwin_schultz": _corwin_schultz,
    "tod_sin": _clock(np.sin),
    "tod_cos": _clock(np.cos),
    "dow": lambda k: pd.Series(np.full(1440, REAL_DAY.weekday())),
    "min_to_funding": lambda k: pd.Series((480 - np.arange(1, 1441) % 480) % 480),
    "impute_flag": lambda k: pd.Series(np.zeros(1440)),
}
BY_SLICE = {"trend_proxy", "cvd_atr"}
OF_TWO_DAYS = {"amihud_1440", "vpin", *(f"own_absorb_{what}" for what in ("flag", "side", "score"))}
"""Features that look a whole day back: test_day_long.py holds them to their oracles."""

FROM_LEVELS = {*real_tape.IMBALANCE, *(n for names in real_tape.PROFILES.values() for n in names)}
"""Features of the footprint: test_profile.py and test_imbalance.py hold them to theirs."""

FROM_ATAS = set(hand_values.OF_THE_BAR | hand_values.OF_THE_TAPE)
"""Features of what ATAS or a tape measured: test_micro.py holds them to values worked out by hand."""


@pytest.mark.parametrize("name", ORACLES)
def test_real_day_equals_pandas(name: str, real: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Nulls at the same minutes and values within 1e-8 of pandas on the exchange's own archive.

    One value may not be compared by its own size: near 0 the tolerance is that of the column.
    """
    klines, features = real
    expected = ORACLES[name](klines).to_numpy(dtype=float)
    actual = features[name].to_numpy(dtype=float)
    scale = np.nanmax(np.abs(expected))

    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    np.testing.assert_allclose(actual, expected, rtol=SUMS, atol=SUMS * max(scale, 1e-300))


def test_every_feature_has_an_oracle() -> None:
    """A feature that is registered is compared to something from outside, here or below."""
    features = set(FEATURES.schema("micro").names) - {"symbol", "ts", "available_at"}

    assert features == set(ORACLES) | BY_SLICE | OF_TWO_DAYS | FROM_LEVELS | FROM_ATAS


@pytest.mark.parametrize("minute", [149, 150, 700, 1439])
def test_trend_proxy_equals_talib(minute: int, real: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """The trend is TA-Lib's EMA20 and EMA50 of exactly the last 150 closes."""
    klines, features = real
    closes = klines["close"].to_numpy()[minute - 149 : minute + 1]
    expected = (talib.EMA(closes, 20)[-1] - talib.EMA(closes, 50)[-1]) / closes[-1]

    assert features["trend_proxy"][minute] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("minute", [140, 141, 700, 1439])
def test_cvd_atr_equals_talib(minute: int, real: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """The divisor is TA-Lib's ATR14 of exactly the last 140 true ranges."""
    klines, features = real
    prices = (klines[c].to_numpy()[minute - 140 : minute + 1] for c in ("high", "low", "close"))
    expected = klines["cvd"][minute] / talib.ATR(*prices, 14)[-1]

    assert features["cvd_atr"][minute] == pytest.approx(expected, rel=1e-9)


def test_warm_up_is_null(real: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Without a day before, a feature is null until its warm-up is full and known from there on."""
    _, features = real
    first = {n: int(features[n].first_valid_index()) for n in ("rv_5m", "trend_proxy", "cvd_atr")}

    assert first == {"rv_5m": 5, "trend_proxy": 149, "cvd_atr": 140}


def test_unmeasured_atas_is_null(real: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Without ATAS columns every feature that needs them is null, never 0."""
    _, features = real

    assert features[sorted(FROM_ATAS | FROM_LEVELS)].isna().all(axis=None)


def test_kyle_lambda_is_a_regression(real: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Kyle's lambda of the last hour is scipy's slope of price change on delta."""
    klines, features = real
    change = klines["close"].diff()

    expected = stats.linregress(klines["delta"][-60:], change[-60:]).slope

    assert features["kyle_lambda_60"].iloc[-1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("minute", [60, 700, 1439])
def test_range_volatilities_equal_orderflow_metrics(
    minute: int, real: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    """The last hour's Yang-Zhang, Parkinson, Garman-Klass and Rogers-Satchell are the library's."""
    klines, features = real
    candles = [
        flow.Candle(open=k.open, high=k.high, low=k.low, close=k.close)
        for k in klines[minute - 60 : minute + 1].itertuples()
    ]
    hour = candles[1:]
    expected = {
        "yang_zhang_60": flow.yang_zhang_volatility(candles),
        "parkinson_60": flow.parkinson_volatility(hour),
        "garman_klass_60": flow.garman_klass_volatility(hour),
        "rogers_satchell_60": flow.rogers_satchell_volatility(hour),
    }

    assert {n: features[n][minute] for n in expected} == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("window", [60, 240])
def test_rolling_delta_equals_bottleneck(
    window: int, real: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    """The rolling sums of delta are bottleneck's, to its running sum's noise."""
    klines, features = real
    expected = bottleneck.move_sum(klines["delta"].to_numpy(), window)

    np.testing.assert_allclose(features[f"cvd_roll_{window}"], expected, rtol=0, atol=1e-8)
