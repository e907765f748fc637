"""Order flow from three sources: where they agree, where not, and which is published."""

from __future__ import annotations

import numpy as np

from pipeline.alignment.flow import Sides
from pipeline.alignment.reconcile import reconciliation

NAN = float("nan")


def sides(buys: list[float], sells: list[float]) -> Sides:
    return Sides(buy=np.array(buys), sell=np.array(sells))


def test_agreement_is_told_minute_by_minute() -> None:
    """Equal, close, apart, one source alone, none."""
    found = reconciliation(
        {
            "ticks": sides([1.0, 100.0, 5.0, 2.0, NAN], [0.5, 50.0, 0.0, 1.0, NAN]),
            "klines": sides([1.0, 100.5, 2.0, NAN, NAN], [0.5, 50.0, 3.0, NAN, NAN]),
        },
        ["ticks", "ticks", "ticks", "ticks", None],
        0,
        0.01,
    )

    assert found["rows"] == ["=~x1."]
    assert found["pairs"] == [
        {
            "first": "ticks",
            "second": "klines",
            "minutes": 3,
            "equal": 1,
            "close": 2,
            "difference": 6.5,
        }
    ]
    assert found["published"] == {"ticks": 4, "klines": 0}
    assert found["worst"][0] == {
        "minute_open": "1970-01-01T00:02:00Z",
        "ticks": 5.0,
        "klines": -1.0,
    }


def test_one_apart_of_three_is_apart() -> None:
    """Two that agree do not hide the third."""
    same = sides([1.0], [1.0])
    found = reconciliation(
        {"ticks": same, "atas_bars": same, "klines": sides([2.0], [0.0])}, ["ticks"], 0, 0.01
    )

    assert found["rows"] == ["x"]
    assert [pair["equal"] for pair in found["pairs"]] == [1, 0, 0]


def test_without_any_source_there_is_nothing_to_tell() -> None:
    """An empty day has a row of dots."""
    assert reconciliation({}, [None] * 60, 0, 0.01)["rows"] == ["." * 60]
