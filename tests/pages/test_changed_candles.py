"""Old candles under new: which minutes are drawn, and how they are put together."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from pipeline.pages.changed_candles import changed_candles

DAY = dt.date(2025, 1, 2)
OPEN_US = 1_735_776_000_000_000
"""2025-01-02T00:00Z, by date(1)."""


def bars(**changes: dict[int, float]) -> pa.Table:
    """A day of candles from 10 to 12 around 11, but for some cells."""
    columns = {"open": 11.0, "high": 12.0, "low": 10.0, "close": 11.5}
    made = {name: np.full(1440, value) for name, value in columns.items()}
    for name, cells in changes.items():
        for minute, value in cells.items():
            made[name][minute] = value
    opens = OPEN_US + 60_000_000 * np.arange(1440)
    return pa.table({"minute_open": pa.array(opens, pa.timestamp("us", "UTC")), **made})


def test_equal_prices_have_no_drawing() -> None:
    """Also where neither side has a price."""
    gap = {600: np.nan}

    assert changed_candles(DAY, "X", bars(close=gap), bars(close=gap)) is None


@pytest.mark.parametrize(
    ("minutes", "each", "ends"),
    [([600], 1, ("09:55", "10:25")), ([0, 1439], 10, ("00:00", "24:00")), ([1439], 1, ("23:30", "24:00"))],
)  # fmt: skip
def test_what_changed_is_in_sight_with_some_minutes_around(
    minutes: list[int], each: int, ends: tuple[str, str]
) -> None:
    """At most 144 candles, at least 30, never beyond the day."""
    drawn = changed_candles(DAY, "X", bars(), bars(close=dict.fromkeys(minutes, 10.5)))

    assert drawn is not None
    assert drawn.title == f"X, {len(minutes)} changed minute{'s' * (len(minutes) > 1)}"
    assert (drawn.along[0], drawn.along[-1]) == ends
    assert drawn.legend[0] == ("still", f"before, {each} min a candle")


def test_a_candle_that_fell_is_of_the_other_colour() -> None:
    """Before it rose to 11.5; after it falls to 10.5, alone among thirty."""
    drawn = changed_candles(DAY, "X", bars(), bars(close={600: 10.5}))

    assert drawn is not None
    strokes = {name: path.count("v") for name, path in drawn.panels[0].shapes}
    assert (strokes["still thick"], strokes["first body"], strokes["second body"]) == (30, 29, 1)
