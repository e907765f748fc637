"""The two steps on a day: what is found, and the rows that follow."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pyarrow as pa

from kit.shipped import RULES
from pipeline.alignment.align import AlignInput, align
from pipeline.alignment.calibrate import Calibration, CalibrationInput, calibrate
from pipeline.alignment.feeds import bars_of_ticks
from pipeline.contracts.control import Control
from pipeline.contracts.day import Day

PREFER = ("atas_bars", "atas_v6_3", "atas_ticks")


def noted(key: str) -> Control:
    """CONTROL with one refusal lowered to a note."""
    control = RULES.control
    lowered = control.refusals[key] | {"consequence": "note"}
    return replace(control, refusals=control.refusals | {key: lowered})


def of(date: str, **given: Any) -> Day:
    """A perpetual's day, but for what is named."""
    control = given.pop("control", RULES.control)
    plain = {"symbol": "X", "market": "futures_um", "outages": frozenset(), "prefer": PREFER}
    rules = replace(RULES, control=control)
    return Day(date=dt.date.fromisoformat(date), rules=rules, **(plain | given))


def calibrated(date: str, klines: pa.Table, **given: Any) -> Calibration:
    """The finding of a day; bars are those of "atas_bars" unless feeds are named."""
    bars, day = given.pop("bars", {}), of(date, **_of_the_day(given))
    feeds = {"atas_bars": bars} if isinstance(bars, pa.Table) else bars
    return calibrate(CalibrationInput(day=day, klines=klines, bars=feeds, **given))


def aligned(date: str, klines: pa.Table, bars: Any = None, **given: Any) -> pa.Table:
    """The day's rows, corrected by what its own calibration found unless a correction is given."""
    feeds = {"atas_bars": bars} if isinstance(bars, pa.Table) else bars or {}
    stats = given.pop("minute_stats", None)
    if stats is None:
        found = calibrated(date, klines, bars=feeds).correction
    else:
        found = calibrated(date, klines, bars={"atas_ticks": bars_of_ticks(stats)}).correction
    day, rest = of(date, **_of_the_day(given)), {"correction": found, **given}
    return align(AlignInput(day=day, klines=klines, bars=feeds, minute_stats=stats, **rest))[0]


def _of_the_day(given: dict[str, Any]) -> dict[str, Any]:
    """What of it the day itself has; taken out."""
    names = ("symbol", "market", "outages", "prefer", "control")
    return {name: given.pop(name) for name in names if name in given}
