"""Point in time: nothing of the future reaches a row."""

from __future__ import annotations

import datetime as dt
import statistics
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import snapshots as kit
from pipeline.errors import ContractError, ParameterError
from pipeline.reader import known_at, trailing_zscore

OPEN = dt.datetime(2025, 1, 2, tzinfo=dt.UTC)


def table(values: list[float | None], symbol: str = "X", at: list[int] | None = None) -> pa.Table:
    """Rows of one symbol, a minute apart unless the minutes are given."""
    minutes = at if at is not None else list(range(len(values)))
    return pa.table(
        {
            "symbol": [symbol] * len(values),
            "ts": pa.array(
                [OPEN + dt.timedelta(minutes=m) for m in minutes], pa.timestamp("us", "UTC")
            ),
            "x": pa.array(values, pa.float64()),
        }
    )


VALUES = st.lists(st.none() | st.integers(-1000, 1000).map(float), min_size=1, max_size=40)


@given(VALUES, st.integers(2, 8), st.data())
def test_it_is_the_mean_and_deviation_of_the_minutes_before(
    values: list[float | None], window: int, data: Any
) -> None:
    """Python's statistics module gives the same, row by row, nulls left out."""
    needed = data.draw(st.integers(2, window))

    found = trailing_zscore(table(values), "x", window, needed).to_pylist()

    for i, x in enumerate(values):
        past = [v for v in values[max(0, i - window) : i] if v is not None]
        if x is None or len(past) < needed or len(set(past)) == 1:
            assert found[i] is None
        else:
            wanted = (x - statistics.mean(past)) / statistics.stdev(past)
            assert found[i] == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@given(VALUES, st.integers(0, 39))
def test_what_comes_later_changes_nothing(values: list[float | None], cut: int) -> None:
    """A prefix alone gives the very bits of the whole."""
    whole = trailing_zscore(table(values), "x", 5, 2).to_pylist()

    assert trailing_zscore(table(values[: cut + 1]), "x", 5, 2).to_pylist() == whole[: cut + 1]


def test_a_day_alone_equals_the_day_in_a_month() -> None:
    """Once the window lies inside the table, bit for bit, also across blocks of rows."""
    x = np.random.default_rng(1).normal(1e5, 3, 40_000).tolist()

    whole = trailing_zscore(table(x), "x", 1440)
    part = trailing_zscore(table(x[20_000:]), "x", 1440)

    assert part[1440:].to_pylist() == whole[21_440:].to_pylist()
    assert part[:1440].null_count == 1440


def test_windows_go_by_time_and_symbol() -> None:
    """A hole is not bridged, another symbol not mixed in, and the order of rows does not matter."""
    holed = table([1.0, 2.0, 4.0, 8.0], at=[0, 1, 60, 61])
    other = table([5.0, 6.0, 9.0], "Y")
    mixed = pa.concat_tables([other, holed]).take([6, 0, 5, 1, 4, 2, 3])

    found = dict(
        zip(
            [(r["symbol"], r["x"]) for r in mixed.to_pylist()],
            trailing_zscore(mixed, "x", 2).to_pylist(),
            strict=True,
        )
    )

    assert found[("Y", 9.0)] == pytest.approx((9 - 5.5) / 0.5**0.5)
    assert [found[("X", v)] for v in (1.0, 2.0, 4.0, 8.0)] == [None] * 4


def test_bars_are_known_from_available_at_on() -> None:
    """At the very instant, and not a microsecond before."""
    bars = kit.bars(kit.DAY, "BTCUSDT")
    noon = dt.datetime(2025, 1, 2, 12, tzinfo=dt.UTC)

    assert known_at(bars, noon).num_rows == 720
    assert known_at(bars, noon - dt.timedelta(microseconds=1)).num_rows == 719
    assert known_at(bars, "2025-01-02T13:00:00+01:00").num_rows == 720


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda t: known_at(t, OPEN.replace(tzinfo=None)), ParameterError, "has no zone"),
        (lambda t: known_at(t, OPEN), ContractError, "neither available_at nor valid_from"),
        (lambda t: trailing_zscore(t, "y", 5), ContractError, "has no y"),
        (lambda t: trailing_zscore(t, "x", 1), ParameterError, "at least 2"),
        (lambda t: trailing_zscore(t, "x", 5, 6), ParameterError, "min_count 6"),
        (
            lambda t: trailing_zscore(pa.concat_tables([t, t]), "x", 5),
            ContractError,
            "stands twice",
        ),
    ],
)
def test_wrong_use_is_one_sentence(call: Any, error: type[Exception], says: str) -> None:
    """What was wrong, and what to do."""
    with pytest.raises(error, match=says):
        call(table([1.0, 2.0]))
