"""A symbol's day to judge: clean by default, spoiled by the test."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import numpy as np

from kit.shipped import RULES
from pipeline.contracts.calibration import (
    CurveRow,
    DayFinding,
    Figures,
    Finding,
    HourBlock,
    changed,
    of_day,
)
from pipeline.contracts.control import Control, Waiver
from pipeline.contracts.ledger import LedgerEntry, Lines

DAY = dt.date(2025, 1, 2)
OPENED = 1_735_776_000_000_000  # 2025-01-02T00:00:00Z in us, from `date -u -d 2025-01-02 +%s`


def day_columns() -> dict[str, list[Any]]:
    """1440 minutes in which both feeds agree, as columns that a test may spoil."""
    steps = np.random.default_rng(7).integers(-30, 31, size=1440).cumsum()
    close = [round(94_000 + int(step) / 10, 1) for step in steps]
    opens = [94_000.0, *close[:-1]]
    high = [round(max(a, b) + 1.5, 1) for a, b in zip(opens, close, strict=True)]
    low = [round(min(a, b) - 1.5, 1) for a, b in zip(opens, close, strict=True)]
    volume = [round(2 + (i % 7) * 0.5, 3) for i in range(1440)]
    minute = [OPENED + i * 60_000_000 for i in range(1440)]
    columns: dict[str, list[Any]] = {
        "symbol": ["BTCUSDT"] * 1440,
        "minute_open": minute,
        "ts": [m + 60_000_000 for m in minute],
        "minute_close": [m + 60_000_000 for m in minute],
        "available_at": [m + 60_000_000 for m in minute],
        "volume": volume,
        "quote_volume": [v * c for v, c in zip(volume, close, strict=True)],
        "trades": [40] * 1440,
        "taker_buy_volume": [v / 2 for v in volume],
        "atas_volume": list(volume),
        "vbuy": [v / 4 for v in volume],
        "vsell": [v * 3 / 4 for v in volume],
        "delta": [-v / 2 for v in volume],
        "delta_source": ["atas_bars"] * 1440,
        "src_binance": [True] * 1440,
        "src_atas": [True] * 1440,
        "src_span_ok": [True] * 1440,
        "is_filled": [False] * 1440,
        "basis_bps": [0.0] * 1440,
        "qc_flags": [0] * 1440,
    }
    for name, values in (("open", opens), ("high", high), ("low", low), ("close", close)):
        columns[name] = list(values)
        columns[f"atas_{name}"] = list(values)
    return columns


def blank(columns: dict[str, list[Any]], minutes: range, *, prefix: tuple[str, ...]) -> None:
    """Nulls the named columns in the given minutes."""
    for name in prefix:
        for minute in minutes:
            columns[name][minute] = None


RECORD_COLUMNS = (
    "open", "high", "low", "close", "volume", "quote_volume", "trades", "taker_buy_volume",
    "basis_bps",
)  # fmt: skip
ATAS_COLUMNS = (
    "atas_open", "atas_high", "atas_low", "atas_close", "atas_volume", "vbuy", "vsell", "delta",
    "delta_source", "basis_bps",
)  # fmt: skip


def without_record(columns: dict[str, list[Any]], minutes: range) -> None:
    """Takes the exchange's rows of these minutes away."""
    blank(columns, minutes, prefix=RECORD_COLUMNS)
    for minute in minutes:
        columns["src_binance"][minute] = False


def without_atas(columns: dict[str, list[Any]], minutes: range) -> None:
    """Takes the ATAS rows of these minutes away."""
    blank(columns, minutes, prefix=ATAS_COLUMNS)
    for minute in minutes:
        columns["src_atas"][minute] = False


def without_trades(columns: dict[str, list[Any]], minutes: range) -> None:
    """The exchange's zero rows, as it writes them; ATAS has no bar in such a minute."""
    without_atas(columns, minutes)
    for minute in minutes:
        for name in ("volume", "quote_volume", "taker_buy_volume"):
            columns[name][minute] = 0.0
        columns["trades"][minute] = 0
        columns["is_filled"][minute] = True


def waived(code: str, consequence: str) -> Control:
    """CONTROL with one more waiver for the test's day."""
    waiver = Waiver(
        code=code,
        symbol="BTCUSDT",
        first=DAY,
        last=DAY,
        consequence=consequence,
        who="R. Reviewer",
        why="seen and understood",
    )
    return dataclasses.replace(RULES.control, waivers=(waiver,))


def ledger(source: str, *, read: int = 1440, rejected: int = 0) -> LedgerEntry:
    """One raw file's entry."""
    return LedgerEntry(
        path=f"{source}/BTCUSDT-1m-2025-01-02.raw",
        bytes=123_456,
        sha256="ab" * 32,
        adapter=source,
        lines=Lines(read=read, used=read - rejected, rejected=rejected),
        notes={"unit": "us"},
    )


def calibrated(**changes: Any) -> DayFinding:
    """A calibration that found the feeds in step."""
    curve = tuple(
        CurveRow(
            lag_minutes=lag,
            rho_return=1.0 if lag == 0 else 0.01 * lag,
            rho_volume=1.0 if lag == 0 else 0.02,
            exact_share=1.0 if lag == 0 else 0.0,
            n=1440 - abs(lag),
        )
        for lag in range(-5, 6)
    )
    figures = Figures(
        curve=curve,
        best=curve[5],
        runner_up=curve[10],
        gap=0.95,
        n=1439,
        blocks=tuple(HourBlock(hour=hour, lag_minutes=0, n=60) for hour in range(24)),
    )
    bars = Finding(
        status="not_needed",
        offset_minutes=0,
        basis_bps_median=0.0,
        volume_unit="base",
        volume_factor=1,
        identity="same",
        figures=figures,
    )
    return changed(of_day(bars, bars, "atas_bars", {"atas_bars": bars}), **changes)
