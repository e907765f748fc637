"""Fixtures of the quality room: CONTROL, flag masks, and a builder of facts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from kit.quality_days import DAY, calibrated, day_columns, ledger
from kit.shipped import RULES
from pipeline.contracts.day import Day
from pipeline.contracts.schema import conform
from pipeline.model.feeds import ATAS_FEEDS
from pipeline.quality.checks import DayFacts


@pytest.fixture
def masks() -> dict[str, int]:
    """Flag name -> mask."""
    return RULES.schema.flag_masks


@pytest.fixture
def rejected() -> Callable[..., pa.Table]:
    """Builds a rejects table of (line, code, raw) rows."""

    def build(source: str, *rows: tuple[int, str, str], reason: str = "cannot be used") -> pa.Table:
        entries = [
            {
                "symbol": "BTCUSDT",
                "source": source,
                "file": f"{source}/BTCUSDT-1m-2025-01-02.raw",
                "line": line,
                "byte_offset": line * 100,
                "code": code,
                "reason": reason,
                "raw": raw,
                "raw_bytes": len(raw),
                "raw_sha256": "cd" * 32,
            }
            for line, code, raw in rows
        ]
        schema = RULES.schema.table("rejects")
        return conform(pa.Table.from_pylist(entries, schema=schema), schema, "rejects")

    return build


@pytest.fixture
def facts() -> Callable[..., DayFacts]:
    """Builds a day's facts: a clean day, but for what is named."""
    schema = RULES.schema.table("bars_1m")

    def build(columns: dict[str, list[Any]] | None = None, **changes: Any) -> DayFacts:
        given = day_columns() if columns is None else columns
        rows = len(given["symbol"])
        arrays = [
            pa.array(given.get(field.name, [None] * rows), type=field.type) for field in schema
        ]
        bars = conform(pa.Table.from_arrays(arrays, names=schema.names), schema, "bars_1m")
        clean: dict[str, Any] = {
            "bars": bars,
            "calibration": calibrated(),
            "ledgers": {"binance_1m": [ledger("binance_1m")], "atas_bars": [ledger("atas_bars")]},
            "rejects": {},
            "atas_expected": True,
            "simulated": False,
        }
        control = changes.pop("control", RULES.control)
        day = {
            "symbol": "BTCUSDT",
            "market": "futures_um",
            "date": DAY,
            "rules": dataclasses.replace(RULES, control=control),
            "outages": frozenset(),
            "prefer": ATAS_FEEDS,
        }
        own = {name: changes.pop(name) for name in day.keys() & changes}
        return DayFacts(day=Day(**(day | own)), **(clean | changes))

    return build
