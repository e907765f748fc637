"""Paths say what the numbers say: extremes stay, gaps stay, and nothing is drawn where nothing is known."""

from __future__ import annotations

import math
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.svg_paths import pieces
from kit.svg_paths import strokes as strokes_of
from pipeline.quality.svg import Scale, line, reduced, ribbon, runs, strokes

known = st.floats(-1e9, 1e9).map(lambda value: round(value, 3))
values_with_gaps = st.lists(st.one_of(st.just(math.nan), known), min_size=1, max_size=200)
heights = st.lists(st.one_of(st.just(math.nan), st.integers(0, 200).map(float)), max_size=60)


def runs_of_known(values: list[float]) -> int:
    """How many unbroken stretches of values there are."""
    return sum(not gap for gap, _ in groupby(values, key=math.isnan))


@given(values_with_gaps, st.data())
def test_a_column_has_the_extremes_of_its_values(values: list[float], data: st.DataObject) -> None:
    """Each value belongs to one column; a column without any is a gap."""
    columns = data.draw(st.integers(1, len(values)))
    lows, highs = reduced(np.array(values), columns)

    for n, (low, high) in enumerate(zip(lows.tolist(), highs.tolist(), strict=True)):
        start, stop = n * len(values) // columns, (n + 1) * len(values) // columns
        own = [value for value in values[start:stop] if not math.isnan(value)]
        assert (low, high) == (min(own), max(own)) if own else math.isnan(low)


@given(heights)
def test_a_line_visits_every_point_and_no_other(ys: list[float]) -> None:
    """It is torn where a height is not known, and nowhere else."""
    drawn = pieces(line(range(0, 4 * len(ys), 4), np.array(ys)))

    told = [(4 * n, int(y)) for n, y in enumerate(ys) if not math.isnan(y)]
    visited = [point for piece in drawn for point in dict.fromkeys(piece)]
    assert visited == told
    assert len(drawn) == runs_of_known(ys)


@given(
    st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 99), st.integers(0, 99))), max_size=60)
)
def test_a_ribbon_reaches_both_ends_of_each_column(spans: list[tuple[int, int] | None]) -> None:
    """And is torn at columns without any."""
    lows, highs = (
        np.array([math.nan if span is None else pick(span) for span in spans])
        for pick in (max, min)
    )
    drawn = pieces(ribbon(range(len(spans)), lows, highs))

    told = {(x, y) for x, span in enumerate(spans) if span for y in span}
    assert {point for piece in drawn for point in piece} == told
    assert len(drawn) == runs_of_known(lows.tolist())


@given(
    st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 99), st.integers(0, 50))), max_size=60)
)
def test_each_stroke_stands_by_itself(spans: list[tuple[int, int] | None]) -> None:
    """From its top to its bottom, one unit long at least so that it can be seen."""
    tops = np.array([math.nan if span is None else span[0] for span in spans], dtype=float)
    lengths = np.array([0 if span is None else span[1] for span in spans], dtype=float)

    assert strokes_of(strokes(range(len(spans)), tops, tops + lengths)) == [
        ((x, span[0]), (x, span[0] + max(1, span[1]))) for x, span in enumerate(spans) if span
    ]


def test_level_runs() -> None:
    """From start to stop, each at its height."""
    assert strokes_of(runs([(3, 7, 1), (0, 2, 5)])) == [((3, 1), (7, 1)), ((0, 5), (2, 5))]


@given(st.lists(known, min_size=1, max_size=30), st.integers(2, 6))
def test_a_scale_holds_every_value(values: list[float], steps: int) -> None:
    """Its labels are the numbers at their lines, highest first, and no value lies beyond them."""
    scale = Scale.over(np.array(values), 100, steps=steps)

    units = scale.at(np.array(values))
    assert units.min() >= 0
    assert units.max() <= 100
    assert 2 <= len(scale.values) <= steps + 2
    assert [float(label) for label in scale.labels] == pytest.approx(scale.values[::-1])
    assert len(set(scale.labels)) == len(scale.labels)


def test_round_steps() -> None:
    """As a person would choose them."""
    assert Scale.over(np.array([79_428.8, 84_612.6]), 100, steps=5).labels == (
        "86000", "84000", "82000", "80000", "78000",
    )  # fmt: skip
    assert Scale.over(np.array([0.00139676, 0.00149324]), 100, steps=5).labels[0] == "0.0015"


def test_a_scale_ends_at_the_most_that_a_value_can_be() -> None:
    """No label says more than all minutes."""
    scale = Scale.over(np.array([1.0, 1.0]), 100, least=0.05, most=1.0)

    assert scale.labels[0] == "1"
