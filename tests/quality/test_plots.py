"""Drawings say what the numbers say, or that there is nothing to draw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from kit.quality_days import calibrated, day_columns, without_atas, without_record
from kit.svg_paths import pieces, strokes
from pipeline.contracts.calibration import CurveRow, HourBlock, SkewFigures, SkewPoint, changed
from pipeline.quality.facts import DayFacts
from pipeline.quality.plots import draw, trend
from pipeline.quality.report import report
from pipeline.quality.svg import Drawing
from pipeline.quality.verdict import verdict

FIRST = dt.date(2025, 1, 1)

Drawn = Callable[..., Drawing]


def points(*values: float | None) -> list[tuple[dt.date, float]]:
    """Values of days in a row; None is a day without one."""
    days = (FIRST + dt.timedelta(days=n) for n in range(len(values)))
    return [(day, value) for day, value in zip(days, values, strict=True) if value is not None]


def path(drawing: Drawing, name: str) -> str:
    """The path of the shape with this class."""
    return dict(drawing.panels[0].shapes)[name]


@pytest.fixture
def drawn(facts: Callable[..., DayFacts]) -> Drawn:
    """Draws one drawing of a day."""

    def draw_one(name: str, *given: object, **changes: object) -> Drawing:
        day = facts(*given, **changes)
        return draw(report(day, verdict(day)), day.bars, [name])[name]

    return draw_one


def test_a_line_breaks_where_days_have_no_value() -> None:
    """Ten days, four to six unknown: two lines, none across the gap."""
    whole = trend("basis", {"a": points(*range(10))})
    torn = trend("basis", {"a": points(1, 2, 3, None, None, None, 7, 8, 9, 10)})

    assert [len(pieces(path(d, "first"))) for d in (whole, torn)] == [1, 2]


def test_a_share_that_is_whole_has_no_label_above_the_whole() -> None:
    """The axis ends at all minutes."""
    shown = trend("coverage", {"a": points(1.0, 1.0)}, highest=1.0).panels[0].scale

    assert shown[0] == "1"
    assert max(map(float, shown)) == 1


def test_offsets_that_were_not_tried_are_joined_by_no_line(drawn: Drawn) -> None:
    """Two groups of offsets are two lines, with the words for it."""
    rows = [CurveRow(lag_minutes=n, rho_return=n / 500) for n in (*range(-5, 6), *range(475, 486))]
    found = drawn(
        "curve", calibration=calibrated(figures=changed(calibrated().figures, curve=tuple(rows)))
    )

    assert [len(piece) for piece in pieces(path(found, "first"))] == [11, 11]
    assert found.along == ("-5 to 5 min", "475 to 485 min")
    assert "not tried" in found.words


def test_a_measure_that_no_offset_has_is_left_out(drawn: Drawn) -> None:
    """Neither a line nor its name in the legend."""
    rows = tuple(CurveRow(lag_minutes=n, rho_return=0.5) for n in range(3))
    found = drawn(
        "curve", calibration=calibrated(figures=changed(calibrated().figures, curve=rows))
    )

    assert found.legend == (("first", "returns, rho"),)


def test_a_level_drawing_is_a_sentence(drawn: Drawn) -> None:
    """What never changes is said once."""
    blocks = tuple(HourBlock(hour=hour, lag_minutes=0, n=60) for hour in range(24))
    figures = changed(calibrated().figures, blocks=blocks)

    for name, words in (
        ("basis", "0 bps in each of 1440 minutes."),
        ("histogram", "0 bps from the 1st to the 99th percentile."),
        ("volume_ratio", "1 in every hour with volume of both."),
        ("heat:binance", "ok 1440."),
        ("blocks", "0 min in each of the 24 blocks that tell."),
    ):
        found = drawn(name, calibration=calibrated(figures=figures))
        assert (found.words, found.panels) == (words, ())


def test_each_block_is_drawn_over_its_hours(drawn: Drawn) -> None:
    """Of 720 units a day, 30 an hour."""
    blocks = (HourBlock(hour=0, hours=2, lag_minutes=0, n=9), HourBlock(hour=5, lag_minutes=1, n=9))
    figures = changed(calibrated().figures, blocks=blocks)
    found = drawn("blocks", calibration=calibrated(figures=figures))

    drawn_over = [(a[0], b[0]) for a, b in strokes(path(found, "first thick"))]
    assert drawn_over == [(0, 60), (150, 180)]


def test_the_basis_keeps_its_extremes_and_its_gaps(drawn: Drawn) -> None:
    """A single minute's print shows, an hour without ATAS does not."""
    columns = day_columns()
    columns["basis_bps"] = [(n % 3) / 10 for n in range(1440)]
    columns["basis_bps"][725] = 50.0
    without_atas(columns, range(600, 660))
    found = drawn("basis", columns)
    drawn_strokes = strokes(path(found, "first body"))

    assert found.panels[0].scale[0] == "60"
    assert min(top[1] for top, _ in drawn_strokes) == round(10 / 60 * 100)
    assert {top[0] for top, _ in drawn_strokes}.isdisjoint(range(302, 330))
    assert len(drawn_strokes) == 144 - 6


def test_missing_minutes_are_marked_at_their_hour(drawn: Drawn) -> None:
    """03:17 and 11:40 to 11:44, of sixty units an hour."""
    columns = day_columns()
    for minutes in (range(197, 198), range(700, 705)):
        without_record(columns, minutes)
    found = drawn("heat:binance", columns)

    assert strokes(path(found, "mark bad")) == [((17, 7), (18, 7)), ((40, 23), (45, 23))]
    assert found.legend == (("ok", "ok 1434"), ("bad", "missing 6"))


def test_a_measured_clock_is_drawn(drawn: Drawn) -> None:
    """Errors by shift; the smallest is the lowest point."""
    clock = SkewFigures(
        applied_ms=0.0,
        interval_width_ms=40.0,
        residual=0.001,
        residual_as_stamped=0.2,
        drift_ms_per_day=1.5,
        hours=24,
        curve=tuple(SkewPoint(skew_ms=ms, error=abs(ms) / 1e4) for ms in range(-500, 520, 20)),
    )
    found = drawn("skew", calibration=calibrated(figures=changed(calibrated().figures, skew=clock)))
    (curve,) = pieces(path(found, "first"))

    assert found.along == ("-500 ms", "0 ms", "500 ms")
    assert max(range(51), key=lambda at: curve[at][1]) == 25
