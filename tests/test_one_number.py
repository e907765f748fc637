"""No number changes another row: one field of one raw line becomes any number.

What may change is declared: a row of `bars_1m`, `footprint` and `minute_stats` tells of its own minute alone,
but for `cvd`, which is a sum from 00:00 on; a feature tells of its window, as `SCHEMA_features.json` has it.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit import short_day
from kit.shipped import GOVERNANCE
from kit.short_day import BEFORE, FIRST, TRADES, Day

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ABSURD = st.sampled_from(
    [
        *(0.0, -0.0, -1.0, 5e-324, 2.2e-308, 1e-25, 1e-12, 1e-8, 0.30000000000000004),
        *(1e9, 1e12, 123456789012.12345, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e22, 1e308),
    ]
)
NEAR = st.floats(1e-9, 1e-3).map(lambda x: 1.0 + x) | st.sampled_from([0.1, 0.5, 2.0, 10.0, 1e6])
"""Times the number that stood there: a row that is wrong and yet may pass every rule."""

SUM_OF_THE_DAY = "cvd"


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, str, int, str, str]:
    """Form of the klines, feed, line, field, and the text that stands there now."""
    form = draw(st.sampled_from(["archive", "table"]))
    feed = draw(st.sampled_from([form, "atas_bars", "atas_v6_3", "atas_ticks"]))
    rows = _lines()[feed]
    row = draw(st.integers(0, len(rows) - 1))
    name = draw(st.sampled_from(list(rows[row])))
    old = rows[row][name]
    number = FINITE | ABSURD
    if not old.startswith(('"', "t")):
        number |= NEAR.map(lambda factor: float(old) * factor)
    return form, feed, row, name, repr(draw(number))


@cache
def _lines() -> dict[str, list[short_day.Line]]:
    return short_day.lines()


@cache
def _day(form: str) -> Day:
    return short_day.built(form, _lines())


@cache
def _reach() -> dict[str, int]:
    """Feature -> so many rows after a row may still tell of it, by its declared window and inputs."""
    schema = json.loads((GOVERNANCE / "SCHEMA_features.json").read_bytes())
    return {
        entry["name"]: 1 << 20
        if SUM_OF_THE_DAY in entry["inputs"]
        else max(entry["window"], entry["warm_up"]) - 1
        for entry in schema["features"]
        if entry["table"] == "micro"
    }


def _bits(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    """Values that are equal only where all bits are."""
    values = column.to_pylist()
    return [np.float64(v).tobytes() if isinstance(v, float) else v for v in values]


def _moved(one: pa.ChunkedArray | pa.Array, other: pa.ChunkedArray | pa.Array) -> list[int]:
    """Rows in which two columns differ."""
    if one.equals(other):
        return []
    pairs = zip(_bits(one), _bits(other), strict=True)
    return [row for row, (a, b) in enumerate(pairs) if a != b]


def unlawful(form: str, feed: str, row: int, name: str, text: str) -> list[str]:
    """What changed and must not, when a field of a line has another text."""
    before, after = _day(form), changed(form, feed, row, name, text)
    minute = short_day.minute_of(feed, row)
    line = row + 1 + (feed == "table")
    return [
        *_unlawful_lines(before.clean[feed], after.clean[feed], line),
        *(f"rejected line {at}" for at in after.rejects[feed]["line"].to_pylist() if at != line),
        *_unlawful_rows("footprint", before.levels, after.levels, minute),
        *_unlawful_rows("minute_stats", before.minute_stats, after.minute_stats, minute),
        *_unlawful_bars(before.bars, after.bars, minute),
        *_unlawful_features(before, after, minute),
    ]


def changed(form: str, feed: str, row: int, name: str, text: str) -> Day:
    """The day in which a field of a line has another text."""
    lines = dict(_lines())
    lines[feed] = [*lines[feed]]
    lines[feed][row] = {**lines[feed][row], name: text}
    return short_day.built(form, lines, _day(form), feed)


def _unlawful_lines(before: pa.Table, after: pa.Table, line: int) -> list[str]:
    """Whether other lines became other rows; `run` counts the exports before one, so it is no value."""
    kept = [
        table.filter(pc.not_equal(table["line"], line)).drop_columns(
            [name for name in ("run",) if name in table.column_names]
        )
        for table in (before, after)
    ]
    return [] if kept[0].equals(kept[1]) else ["other lines"]


def _unlawful_rows(title: str, before: pa.Table, after: pa.Table, minute: int) -> list[str]:
    """Whether rows of other minutes differ."""
    kept = [
        table.filter(pa.array([m != minute for m in short_day.minutes(table, "minute_open")]))
        for table in (before, after)
    ]
    return [] if kept[0].equals(kept[1]) else [title]


def _unlawful_bars(before: pa.Table, after: pa.Table, minute: int) -> list[str]:
    return [
        f"bars_1m.{name} of {at}"
        for name in before.column_names
        for at in _moved(before[name], after[name])
        if at != minute and not (name == SUM_OF_THE_DAY and at > minute)
    ]


def _unlawful_features(before: Day, after: Day, minute: int) -> list[str]:
    return [
        f"{name} of {at + FIRST - BEFORE}"
        for name, reach in _reach().items()
        for at in _moved(before.features[name], after.features[name])
        if not minute <= at + FIRST - BEFORE <= minute + reach
    ]


@settings(max_examples=500)
@given(changes())
@example(("archive", "atas_bars", 7, "volume", "1e14"))
@example(("archive", "archive", 7, "volume", "1e14"))
@example(("archive", "archive", 7, "volume", "1e18"))
@example(("table", "table", 7, "close", "93999.123456789"))
@example(("archive", "atas_ticks", 7 * TRADES, "qty", "999999999999.12345678"))
@example(("archive", "atas_ticks", 7 * TRADES, "best_bid", "1e-12"))
@example(("archive", "atas_ticks", 7 * TRADES, "best_bid", "4.1381367970572385e-08"))
def test_a_number_changes_its_own_row_alone(change: tuple[str, str, int, str, str]) -> None:
    """Any number in any field of any feed: that row, what follows by declaration, and nothing else."""
    assert unlawful(*change) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
@settings(max_examples=20_000)
@given(changes())
def test_a_number_changes_its_own_row_alone_at_length(
    change: tuple[str, str, int, str, str],
) -> None:
    """The same, many times."""
    assert unlawful(*change) == []


def test_the_look_sees_what_changes() -> None:
    """A volume that doubles shows in its own minute, the sum of the day and the windows after it."""
    row, before = 7, _day("archive")
    after = changed("archive", "atas_ticks", row * TRADES, "qty", "50.5")
    moved = {n for n in _reach() if _moved(before.features[n], after.features[n])}

    assert _moved(before.bars["delta"], after.bars["delta"]) == [FIRST + row]
    assert _moved(before.bars["cvd"], after.bars["cvd"]) == list(range(FIRST + row, FIRST + 30))
    assert moved >= {"cvd_session", "cvd_roll_60", "vpin", "size_q95", "eff_spread"}


def test_every_feature_has_values_to_look_at() -> None:
    """No feature passes on nulls alone, but the one that is null where nothing was absorbed."""
    nothing = {n for n, x in _day("archive").features.items() if x.null_count == len(x)}

    assert nothing <= {"own_absorb_side"}
