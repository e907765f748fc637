"""Slow features against independent computations: pandas, TA-Lib and scipy."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import talib
from scipy import stats

from kit.feature_frames import DAY, random_history
from kit.shipped import FEATURES
from pipeline.features.macro import macro
from pipeline.features.registry import MACRO
from pipeline.features.step import Step

YESTERDAY = DAY - dt.timedelta(days=1)
KEYS = {"symbol", "day", "valid_from", "computed_through", "days_in_history"}


def _percentile(x: pd.Series) -> float:
    """The last value's mid-rank percentile among the 365 before it."""
    return stats.percentileofscore(x.iloc[-366:-1], x.iloc[-1], kind="mean") / 100


def _regime(x: pd.Series) -> int:
    """Low below 0.33, high above 0.67; to change, a percentile must pass the border by 0.05."""
    year, state = x.iloc[-366:-1], None
    for value in x.iloc[-366:]:
        p = stats.percentileofscore(year, value, kind="mean") / 100
        if state is None:
            state = -1 if p < 0.33 else 1 if p > 0.67 else 0
        elif state == 0:
            state = -1 if p < 0.28 else 1 if p > 0.72 else 0
        elif state == -1:
            state = 1 if p > 0.72 else 0 if p >= 0.38 else -1
        else:
            state = -1 if p < 0.28 else 0 if p <= 0.62 else 1
    return int(state or 0)


def _last_week(d: pd.DataFrame) -> float:
    """Range of the newest whole Monday-to-Sunday week."""
    weeks = d.groupby(d.index.to_period("W-SUN"))
    whole = [week for _, week in weeks if len(week) == 7][-1]
    return (whole["high"].max() - whole["low"].min()) / whole["open"].iloc[0]


def oracle(history: pa.Table) -> dict[str, float | None]:
    """Every slow feature of a gapless history, by other libraries; None where it is too short."""
    d = history.to_pandas().set_index("day_open").tz_localize(None)
    c, days = d["close"], len(d)
    rv30 = np.sqrt(365 * d["rv"].rolling(30).mean())
    r = np.log(c / c.shift(1))
    cc30 = np.sqrt(365 * (r**2).rolling(30).mean())
    ratio = np.log(d["quote_volume"].rolling(7).mean() / d["quote_volume"].rolling(90).mean())
    impact = np.log(c / d["open"]).abs() / d["quote_volume"] * 1e6
    amihud = impact.rolling(30).mean()
    sma = pd.Series(talib.SMA(c.to_numpy(), 200))
    fit = stats.linregress(np.arange(90), np.log(c.iloc[-90:])) if days >= 90 else None
    last = c.to_numpy()[-600:]
    bottom, top = d["low"].iloc[-30:].min(), d["high"].iloc[-30:].max()
    held, paid = d["open_interest"], d["funding_sum"]
    found = {
        "ma200_anchor": (200, lambda: c.iloc[-1] / sma.iloc[-1] - 1),
        "ma200_slope": (220, lambda: sma.iloc[-1] / sma.iloc[-21] - 1),
        "trend_tstat": (90, lambda: fit.slope / fit.stderr),
        "ema_cross": (600, lambda: (talib.EMA(last, 50)[-1] - talib.EMA(last, 200)[-1]) / last[-1]),
        "rv_1d": (1, lambda: math.sqrt(365 * d["rv"].iloc[-1])),
        "rv_7d": (7, lambda: math.sqrt(365 * d["rv"].iloc[-7:].mean())),
        "rv_30d": (30, lambda: rv30.iloc[-1]),
        "rv_5m_1d": (1, lambda: math.sqrt(365 * d["rv_5m"].iloc[-1])),
        "rv_cc_30d": (31, lambda: cc30.iloc[-1]),
        "vol_percentile": (395, lambda: _percentile(rv30)),
        "vol_regime": (395, lambda: _regime(rv30)),
        "vol_regime_cc": (396, lambda: _regime(cc30)),
        "vol_of_vol": (31, lambda: np.log(np.sqrt(d["rv"])).diff().iloc[-30:].std()),
        "drawdown_365": (365, lambda: c.iloc[-1] / c.iloc[-365:].max() - 1),
        "range_1d": (1, lambda: ((d["high"] - d["low"]) / d["open"]).iloc[-1]),
        "range_7d": (13, lambda: _last_week(d)),
        "pos_in_range_30d": (30, lambda: (c.iloc[-1] - bottom) / (top - bottom)),
        "volume_ratio": (90, lambda: ratio.iloc[-1]),
        "volume_regime": (455, lambda: _percentile(ratio)),
        "amihud_30d": (30, lambda: amihud.iloc[-1]),
        "liq_regime": (395, lambda: _percentile(amihud)),
        "basis_1d": (1, lambda: d["basis_bps"].iloc[-1]),
        "basis_30d_z": (30, lambda: stats.zscore(d["basis_bps"].iloc[-30:], ddof=1)[-1]),
    }
    found |= {
        "funding_last": (1, lambda: d["funding_last"].iloc[-1]),
        "funding_7d": (7, lambda: 365 * paid.rolling(7).mean().iloc[-1]),
        "funding_z": (90, lambda: stats.zscore(paid.iloc[-90:], ddof=1)[-1]),
        "oi_chg_1d": (2, lambda: held.pct_change(1).iloc[-1]),
        "oi_chg_7d": (8, lambda: held.pct_change(7).iloc[-1]),
        "oi_to_vol": (7, lambda: held.iloc[-1] / d["volume"].rolling(7).mean().iloc[-1]),
    }
    return {name: value() if days >= need else None for name, (need, value) in found.items()}


def row(history: pa.Table, day: dt.date = DAY) -> dict[str, object]:
    """The one row of a symbol, as a plain value."""
    (found,) = macro("BTCUSDT", day, history, 90.0, FEATURES).to_pylist()
    return found


@pytest.mark.parametrize("days", [1, 31, 220, 395, 396, 400, 455, 600, 700])
def test_slow_features_equal_other_libraries(days: int) -> None:
    """Every slow feature is within 1e-9 of TA-Lib, scipy and pandas, and null before its warm-up."""
    history = random_history(YESTERDAY, days)
    found = row(history)
    actual = {name: value for name, value in found.items() if name not in KEYS}

    assert actual == {
        name: value if value is None else pytest.approx(value, rel=1e-9)
        for name, value in oracle(history).items()
    }


def test_oracle_knows_every_slow_feature() -> None:
    """A slow feature that is registered is compared to something from outside."""
    names = set(oracle(random_history(YESTERDAY, 1)))

    assert names == {step.name for step in MACRO}


@pytest.mark.parametrize("step", MACRO, ids=lambda step: step.name)
def test_warm_up_counts_days(step: Step) -> None:
    """A feature is null one day short of its warm-up and known with it, at the declared length."""
    need, name = step.warm_up, step.name

    enough = row(random_history(YESTERDAY, need))[name]
    short = row(random_history(YESTERDAY, need).slice(1))[name]

    assert enough is not None
    assert short is None


def test_keys_say_what_was_known_when() -> None:
    """The row holds from 00:00 plus the latency, and names the last completed day and their number."""
    found = row(random_history(YESTERDAY, 40))
    midnight = dt.datetime(DAY.year, DAY.month, DAY.day, tzinfo=dt.UTC)

    assert found["day"] == midnight
    assert found["valid_from"] == midnight + dt.timedelta(seconds=90)
    assert found["computed_through"] == midnight - dt.timedelta(days=1)
    assert found["days_in_history"] == 40


def test_no_history_gives_a_row_of_nulls() -> None:
    """On the first day ever there is one row, and nothing in it is made up."""
    table = macro("BTCUSDT", DAY, random_history(YESTERDAY, 5).slice(0, 0), 0.0, FEATURES)
    (found,) = table.to_pylist()

    assert found["computed_through"] is None
    assert found["days_in_history"] == 0
    assert all(value is None for name, value in found.items() if name not in KEYS)


def test_missing_yesterday_is_not_replaced() -> None:
    """When the last day is missing, what needs it is null, windows go on, and the keys say so."""
    history = random_history(YESTERDAY, 300)
    found = row(history.slice(0, 299))

    assert found["computed_through"].date() == DAY - dt.timedelta(days=2)  # type: ignore[attr-defined]
    assert found["ma200_anchor"] is found["rv_1d"] is found["drawdown_365"] is None
    assert found["rv_30d"] == pytest.approx(
        math.sqrt(365 * np.mean(history["rv"].to_numpy()[-30:-1]))
    )


@pytest.mark.parametrize(("gaps", "known"), [(10, True), (11, False)])
def test_gap_above_five_percent_is_null(gaps: int, known: bool) -> None:
    """A 200-day mean bears 10 missing days, not 11."""
    history = random_history(YESTERDAY, 300)
    kept = pa.concat_tables([history.slice(0, 150), history.slice(150 + gaps)])

    assert (row(kept)["ma200_anchor"] is not None) is known


def test_daily_klines_alone_give_close_volatility() -> None:
    """Days without minutes leave rv null and rv_cc_30d known."""
    history = random_history(YESTERDAY, 400)
    for name in ("rv", "rv_5m"):
        place = history.schema.get_field_index(name)
        history = history.set_column(place, history.schema.field(name), pa.nulls(400, pa.float64()))
    found = row(history)

    assert found["rv_1d"] is found["rv_30d"] is found["vol_regime"] is None
    assert found["rv_cc_30d"] is not None
    assert found["vol_regime_cc"] in (-1, 0, 1)


def test_row_alone_equals_the_row_of_a_longer_history() -> None:
    """Days that no step reaches change nothing, to the bit."""
    history = random_history(YESTERDAY, 900)

    long = macro("BTCUSDT", DAY, history, 0.0, FEATURES)

    assert macro("BTCUSDT", DAY, history.slice(300), 0.0, FEATURES).equals(long)


def test_schema_is_the_documents() -> None:
    """The table has the governed columns and types, units in their metadata."""
    table = macro("BTCUSDT", DAY, random_history(YESTERDAY, 3), 0.0, FEATURES)

    assert table.schema.equals(FEATURES.schema("macro"), check_metadata=True)
