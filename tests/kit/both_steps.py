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
from pipeline.contracts import control as control_document

PREFER = ("atas_bars", "atas_v6_3", "atas_ticks")


def noted(key: str) -> control_document.Control:
    """CONTROL with one refusal lowered to a note."""
    control = RULES.control
    lowered = control.refusals[key] | {"consequence": "note"}
    return replace(control, refusals=control.refusals | {key: lowered})


def calibrated(day: str, klines: pa.Table, **given: Any) -> Calibration:
    """The finding of a day; bars are those of "atas_bars" unless feeds are named."""
    control = given.pop("control", None) or RULES.control
    inputs = {
        "symbol": "X",
        "market": "futures_um",
        "prefer": PREFER,
        **given,
    }
    bars = inputs.pop("bars", {})
    feeds = {"atas_bars": bars} if isinstance(bars, pa.Table) else bars
    return calibrate(
        CalibrationInput(day=dt.date.fromisoformat(day), klines=klines, bars=feeds, **inputs),
        control,
    )


def aligned(day: str, klines: pa.Table, bars: Any = None, **given: Any) -> pa.Table:
    """The day's rows, corrected by what its own calibration found unless a correction is given."""
    feeds = {"atas_bars": bars} if isinstance(bars, pa.Table) else bars or {}
    stats = given.pop("minute_stats", None)
    if stats is None:
        found = calibrated(day, klines, bars=feeds).correction
    else:
        found = calibrated(day, klines, bars={"atas_ticks": bars_of_ticks(stats)}).correction
    inputs = {
        "symbol": "X",
        "market": "futures_um",
        "correction": found,
        "outages": frozenset(),
        "prefer_atas": PREFER,
        "prefer_delta": ("ticks", "atas_bars", "klines"),
        "latency_seconds": {"binance": 0, "atas": 0},
        **given,
    }
    return align(
        AlignInput(
            day=dt.date.fromisoformat(day), klines=klines, bars=feeds, minute_stats=stats, **inputs
        ),
        RULES,
    )
