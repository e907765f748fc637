"""The still picture of a day is made of the day's bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kit.quality_days import DAY, day_columns, without_record, without_trades
from kit.svg_paths import strokes
from pipeline.quality.facts import DayFacts
from pipeline.quality.picture import picture
from pipeline.quality.report import report
from pipeline.quality.svg import Drawing, Panel
from pipeline.quality.verdict import verdict

Picture = Callable[[dict[str, list[Any]]], Drawing | None]


@pytest.fixture
def pictured(facts: Callable[..., DayFacts]) -> Picture:
    """Draws a day of these columns."""

    def draw(columns: dict[str, list[Any]]) -> Drawing | None:
        day = facts(columns)
        return picture(day.bars, DAY, report(day, verdict(day))["heat"])

    return draw


def shapes(panel: Panel) -> dict[str, str]:
    """Class -> path."""
    return dict(panel.shapes)


def test_a_candle_is_ten_minutes(pictured: Picture) -> None:
    """First open, last close, extremes; 100 at the top of the scale, 0 at its foot, 200 units high."""
    columns = day_columns()
    for name in ("open", "high", "low", "close"):
        columns[name] = [50.0] * 1440
    columns["open"][0], columns["close"][9] = 20.0, 80.0
    columns["low"][4], columns["high"][6] = 0.0, 100.0
    found = pictured(columns)
    assert found is not None
    price = shapes(found.panels[0])

    assert found.panels[0].scale == ("100", "80", "60", "40", "20", "0")
    assert strokes(price["first body"])[0] == ((2, 40), (2, 160))
    assert strokes(price["first wick"])[0] == ((2, 0), (2, 200))
    assert len(strokes(price["first body"])) == 144
    assert "second body" not in price


def test_a_falling_candle_has_the_other_colour(pictured: Picture) -> None:
    """Told by its class, and named in the legend."""
    columns = day_columns()
    columns["open"][700], columns["close"][709] = 94_100.0, 93_900.0
    columns["high"][700], columns["low"][709] = 94_100.0, 93_900.0
    found = pictured(columns)
    assert found is not None

    falling = {top[0] for top, _ in strokes(shapes(found.panels[0])["second body"])}
    assert 5 * 70 + 2 in falling
    assert [name for name, _ in found.legend] == ["first", "second"]


def test_minutes_without_a_price_have_no_candle_and_a_mark(pictured: Picture) -> None:
    """Two hours are missing: twelve candles, and a mark from 10:00 to 12:00."""
    columns = day_columns()
    without_record(columns, range(600, 720))
    found = pictured(columns)
    assert found is not None
    price, marks = shapes(found.panels[0]), found.panels[-1]

    at = {top[0] for name, p in price.items() if "body" in name for top, _ in strokes(p)}
    assert len(at) == 144 - 12
    assert at.isdisjoint(range(300, 360))
    assert strokes(shapes(marks)["bad marks"]) == [((600, 4), (720, 4))]
    assert marks.words.startswith("marks: gap in 120 minutes")


def test_volume_is_that_of_each_candle(pictured: Picture) -> None:
    """Ten minutes of 10 stand half as high as ten of 20; none without a trade."""
    columns = day_columns()
    without_trades(columns, range(20, 1440))
    columns["volume"][:20] = [10.0] * 10 + [20.0] * 10
    found = pictured(columns)
    assert found is not None

    bars = strokes(shapes(found.panels[1])["still body"])
    assert bars == [((2, 25), (2, 50)), ((7, 0), (7, 50))]


def test_a_day_without_a_price_has_no_picture(pictured: Picture) -> None:
    """There is nothing to draw."""
    columns = day_columns()
    without_record(columns, range(1440))

    assert pictured(columns) is None
