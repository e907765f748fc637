"""What a perpetual's archives say beside its klines: settled funding, open interest every five minutes.

Belongs here: the figures and the text of both archives. They follow from seed, symbol and date alone, not
from the tape. Where the files go is `export.py`.
"""

from __future__ import annotations

import datetime as dt

import numpy as np

from pipeline.clock import DAY_US, HOUR_US, MINUTE_US, day_open_us
from pipeline.sample.draws import bells

FUNDING_HEADER = "calc_time,funding_interval_hours,last_funding_rate"
METRICS_HEADER = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)

_HOURS = 8
_RATE, _RATE_SPREAD = 1e-4, 8e-5
_HELD, _HELD_SPREAD = 80_000.0, 6_000.0
_PERIOD_US = 5 * MINUTE_US
_START_LABELS_FROM = dt.date(2026, 6, 25)
"""Archives of this day and later label a period by its start, those before by its end."""


def funding_rows(seed: int, symbol: str, day: dt.date) -> list[str]:
    """The day's three settlements."""
    rates = _RATE + _RATE_SPREAD * bells(DAY_US // (_HOURS * HOUR_US), seed, symbol, day, "funding")
    opened = day_open_us(day) // 1_000
    return [
        f"{opened + number * _HOURS * HOUR_US // 1_000},{_HOURS},{rate:.8f}"
        for number, rate in enumerate(rates.tolist())
    ]


def metrics_rows(seed: int, symbol: str, day: dt.date, price: float) -> list[str]:
    """The day's 288 periods of five minutes; the value is at one price of the day."""
    periods = DAY_US // _PERIOD_US
    first, last = (_held(seed, symbol, day + dt.timedelta(days=n)) for n in (0, 1))
    held = first + (last - first) * np.arange(1, periods + 1) / periods
    ratios = 1 + 0.1 * bells(4 * periods, seed, symbol, day, "ratios").reshape(periods, 4)
    label = day_open_us(day) + (0 if day >= _START_LABELS_FROM else _PERIOD_US)
    return [
        f"{_text(label + number * _PERIOD_US)},{symbol},{amount:.3f},{amount * price:.2f},"
        + ",".join(f"{ratio:.6f}" for ratio in ratios[number].tolist())
        for number, amount in enumerate(held.tolist())
    ]


def _held(seed: int, symbol: str, day: dt.date) -> float:
    """Open interest at 00:00."""
    return _HELD + _HELD_SPREAD * float(bells(1, seed, symbol, day, "held")[0])


def _text(instant: int) -> str:
    moment = dt.datetime.fromtimestamp(instant // 1_000_000, dt.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")
