"""No feature sees the future, reaches past its look-back, or depends on where its batch begins."""

from __future__ import annotations

import datetime as dt
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from kit.feature_frames import (
    DAY,
    long_day_frame,
    long_minute_frame,
    random_bars,
    random_footprint,
    random_history,
    random_tape,
)
from kit.look_ahead import faults
from kit.shipped import FEATURES
from pipeline.clock import MINUTES_PER_DAY
from pipeline.features import windows
from pipeline.features.arithmetic import previous
from pipeline.features.evaluate import values
from pipeline.features.frame import Frame
from pipeline.features.macro import macro
from pipeline.features.micro import micro
from pipeline.features.registry import MACRO, MICRO
from pipeline.features.step import Step, formula
from pipeline.stages import MACRO_LOOK_BACK_DAYS
from pipeline.tables.exact import Floats

SEAM = 2 * MINUTES_PER_DAY - 1
STARTS = (1, 700, MINUTES_PER_DAY, 2 * MINUTES_PER_DAY + 317)


@pytest.fixture(scope="module")
def minutes() -> Frame:
    return long_minute_frame()


@pytest.fixture(scope="module")
def days() -> Frame:
    return long_day_frame()


def _rows(frame: Frame, *wanted: int) -> list[int]:
    """The wanted rows, and one that is a gap: there a filled value would come from the future."""
    gap = np.flatnonzero(np.isnan(frame["close"][wanted[0] :]))[0] + wanted[0]
    return [*wanted, int(gap)]


@pytest.mark.parametrize("step", MICRO, ids=lambda step: step.name)
def test_minute_feature_looks_back_only(step: Step, minutes: Frame) -> None:
    """A registered minute feature passes every look, at midnight and beside it."""
    assert faults(step, minutes, _rows(minutes, 1500, SEAM, SEAM + 1), STARTS) == []


@pytest.mark.parametrize("step", MACRO, ids=lambda step: step.name)
def test_slow_feature_looks_back_only(step: Step, days: Frame) -> None:
    """A registered slow feature passes every look."""
    assert faults(step, days, _rows(days, 700, 1000), (0, 1, 33, 500)) == []


def test_probe_has_something_to_look_at(minutes: Frame, days: Frame) -> None:
    """Every registered feature has values at the probed rows: no look passes on nulls alone."""
    empty = [
        step.name
        for steps, frame in ((MICRO, minutes), (MACRO, days))
        for step in steps
        if np.isfinite(values(step, frame)).sum() < 10
    ]

    assert empty == []


_leak = partial(formula, "", "close", before=60)
"""A step that reads the close and should not be trusted."""


@_leak()
def _centred_window(frame: Frame) -> Floats:
    trailing = windows.mean(frame, frame["close"], 31)
    return np.concatenate((trailing[15:], np.full(15, np.nan)))


@_leak()
def _next_return(frame: Frame) -> Floats:
    close = frame["close"]
    return np.append(close[1:], np.nan) / close - 1


@_leak()
def _whole_day_mean(frame: Frame) -> Floats:
    return frame["close"] - np.nanmean(frame["close"])


@_leak()
def _back_fill(frame: Frame) -> Floats:
    close = frame["close"]
    known = np.where(np.isnan(close), len(close), np.arange(len(close)))
    following = np.minimum.accumulate(known[::-1])[::-1]
    return np.append(close, np.nan)[following]


@_leak()
def _interpolated(frame: Frame) -> Floats:
    close, rows = frame["close"], np.arange(len(frame))
    known = ~np.isnan(close)
    return np.interp(rows, rows[known], close[known])


@_leak()
def _close_of_its_hour(frame: Frame) -> Floats:
    rows = np.arange(len(frame))
    return frame["close"][np.minimum(rows - rows % 60 + 59, len(frame) - 1)]


@_leak()
def _scaled_by_all(frame: Frame) -> Floats:
    close = frame["close"]
    return (close - np.nanmin(close)) / (np.nanmax(close) - np.nanmin(close))


@_leak()
def _next_levels(frame: Frame) -> Floats:
    counts = np.diff(frame.levels.first)
    return np.append(counts[1:], 0).astype(np.float64)


LEAKS = (
    *(_centred_window, _next_return, _whole_day_mean, _back_fill),
    *(_interpolated, _close_of_its_hour, _scaled_by_all, _next_levels),
)


@pytest.mark.parametrize("leak", LEAKS)
def test_probe_catches_a_view_of_the_future(leak: Step, minutes: Frame) -> None:
    """The probe finds each of the usual ways to look ahead, by both looks."""
    found = faults(leak, minutes, _rows(minutes, 1500, SEAM), STARTS)

    assert {"truncated", "poisoned"} <= set(found)


@_leak()
def _running_sum(frame: Frame) -> Floats:
    sums = np.cumsum(np.nan_to_num(frame["close"]) * 0.1)
    return sums - previous(sums, 60)


@_leak()
def _far_look(frame: Frame) -> Floats:
    return previous(frame["close"], 61)


def test_probe_catches_a_running_sum(minutes: Frame) -> None:
    """A sum carried from the batch's start differs in its last bits, and is found by its place."""
    assert "placed" in faults(_running_sum, minutes, [1500], STARTS)


def test_probe_catches_a_reach_past_the_look_back(minutes: Frame) -> None:
    """A step that reads one row more than it declares is found."""
    assert "overreach" in faults(_far_look, minutes, [1500], STARTS)


def test_probe_passes_an_honest_step(minutes: Frame) -> None:
    """A trailing mean passes: the probe finds leaks, not features."""

    @_leak()
    def honest(frame: Frame) -> Floats:
        return windows.mean(frame, frame["close"], 61)

    assert faults(honest, minutes, _rows(minutes, 1500, SEAM), STARTS) == []


def test_registry_stays_within_the_declared_look_back() -> None:
    """Minute features reach at most one day back, so a corrected day moves only itself and the next."""
    assert max(step.look_back for step in MICRO) <= MINUTES_PER_DAY
    assert max(step.look_back for step in MACRO) + 1 <= MACRO_LOOK_BACK_DAYS


def test_day_alone_equals_the_day_in_a_batch() -> None:
    """`micro` gives the same table from two days of bars and from four, to the bit."""
    bars = random_bars(DAY, 4)
    tape, levels = random_tape(bars), random_footprint(bars)
    for number in (1, 2, 3):
        day = DAY + dt.timedelta(days=number)
        first, rows = (number - 1) * MINUTES_PER_DAY, 2 * MINUTES_PER_DAY
        two_days = bars.slice(first, rows), tape.slice(first, rows)
        opens = pc.is_in(levels["minute_open"], two_days[0]["minute_open"].combine_chunks())
        alone = micro(day, *two_days, FEATURES, levels.filter(opens))

        assert alone["poc_session"].null_count == 0
        assert alone.equals(micro(day, bars, tape, FEATURES, levels))


def test_deleted_future_leaves_the_table() -> None:
    """`micro` of a day whose afternoon is not measured equals the whole day's morning, to the bit."""
    bars = random_bars(DAY - dt.timedelta(days=1), 2)
    noon = MINUTES_PER_DAY + 720
    morning = {
        name: pa.concat_arrays([bars[name].combine_chunks()[:noon], pa.nulls(720, bars[name].type)])
        for name in bars.column_names
        if bars.schema.field(name).nullable
    }
    cut = bars
    for name, column in morning.items():
        cut = cut.set_column(cut.schema.get_field_index(name), bars.schema.field(name), column)

    whole = micro(DAY, bars, None, FEATURES).slice(0, 720)

    assert micro(DAY, cut, None, FEATURES).slice(0, 720).equals(whole)


def test_slow_row_ignores_today_and_later() -> None:
    """`macro` of a day is the same when its history holds the day itself and days after it."""
    history = random_history(DAY + dt.timedelta(days=5), 640)
    before = history.slice(0, 640 - 6)

    alone = macro("BTCUSDT", DAY, before, 0.0, FEATURES)

    assert alone.equals(macro("BTCUSDT", DAY, history, 0.0, FEATURES))
