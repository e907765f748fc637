"""Drawings say what the numbers say."""

from __future__ import annotations

import datetime as dt
import re

from pipeline.quality.plots import trend

FIRST = dt.date(2025, 1, 1)


def points(*values: float | None) -> list[tuple[dt.date, float]]:
    """Values of days in a row; None is a day without one."""
    days = (FIRST + dt.timedelta(days=n) for n in range(len(values)))
    return [(day, value) for day, value in zip(days, values, strict=True) if value is not None]


def labels(drawing: str) -> list[str]:
    """Every text of a drawing."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawing)


def test_labels_of_an_axis_are_not_cut() -> None:
    """Coordinates are shortened, numbers that people read are not."""
    shown = labels(trend("basis", {"a": points(0.0, 0.0)}))

    assert "0.025" in shown
    assert "0.02" not in shown


def test_a_line_breaks_where_days_have_no_value() -> None:
    """Ten days, four to six unknown: two strokes, none across the gap."""
    whole = trend("basis", {"a": points(*range(10))})
    torn = trend("basis", {"a": points(1, 2, 3, None, None, None, 7, 8, 9, 10)})

    strokes = [
        re.search(r"<path d=\"([^\"]*)\"[^>]*stroke: var\(--first\)", d) for d in (whole, torn)
    ]
    assert [stroke and stroke[1].count("M") for stroke in strokes] == [1, 2]


def test_an_axis_ends_at_the_most_that_a_value_can_be() -> None:
    """No label says more than all minutes."""
    shown = labels(trend("coverage", {"a": points(1.0, 1.0)}, highest=1.0))
    numbers = [float(label) for label in shown if re.fullmatch(r"[0-9.]+", label)]

    assert max(numbers) == 1.0
