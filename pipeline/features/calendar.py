"""What the clock alone tells: never null, needs no data. All times UTC, of the row's ts (minute_close)."""

from __future__ import annotations

import numpy as np

from pipeline.clock import DAY_US, HOUR_US, MINUTE_US, MINUTES_PER_DAY
from pipeline.features.arithmetic import turn_sin
from pipeline.features.frame import Frame
from pipeline.features.step import formula, formulas
from pipeline.tables.arrays import Floats, Ints

FUNDING_US = 8 * HOUR_US


def _minute(frame: Frame) -> Ints:
    """Minute of the day of each row's ts, 0..1439; the day's last row closes at 00:00."""
    return (frame.opens_us() + frame.step_us) % DAY_US // MINUTE_US


def weekday(opens_us: Ints) -> Ints:
    """Day of the week of an instant, Monday 0 to Sunday 6 (1970-01-01 was a Thursday)."""
    return (opens_us // DAY_US + 3) % 7


@formulas("tod_{function}", "", nulls="never")
def tod(frame: Frame, function: str) -> Floats:
    """sin or cos of 2 pi x minute of the day / 1440, of ts."""
    quarter = MINUTES_PER_DAY // 4 if function == "cos" else 0
    return turn_sin(_minute(frame) + quarter, MINUTES_PER_DAY)


@formula("", nulls="never", type="int8")
def dow(frame: Frame) -> Floats:
    """Day of the week of minute_open, Monday 0 to Sunday 6: one value a UTC day."""
    return weekday(frame.opens_us()).astype(np.float64)


@formula("minutes", nulls="never", type="int32")
def min_to_funding(frame: Frame) -> Floats:
    """Minutes from ts to the next of 00:00, 08:00, 16:00; 0 at such an instant.

    Source: Binance's usual funding times of perpetuals.
    """
    closes = frame.opens_us() + frame.step_us
    return (-closes % FUNDING_US // MINUTE_US).astype(np.float64)
