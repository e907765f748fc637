"""A published day with something to see: four symbols, each with other feeds."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from kit.support import kitchen_at
from pipeline import layout
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import Kitchen
from pipeline.tasks import job

DAY = dt.date(2025, 1, 2)
NAMES = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")
"""With all feeds and four defects; klines alone; by trades alone; nothing came of it."""


def shown_day(root: Path) -> Kitchen:
    """Builds and publishes it."""
    market = "{market: futures_um, since: 2025-01-02}"
    made = kitchen_at(root, dict.fromkeys(NAMES, market))
    given: dict[str, dict[str, Any]] = {
        "BTCUSDT": {"defects": ("A02", "B12", "C08", "A13")},
        "ETHUSDT": {"bars": False, "simplified": False, "ticks": False},
        "SOLUSDT": {"bars": False, "simplified": False, "ticks": False, "trades": True},
    }
    for symbol, options in given.items():
        write_sample(
            SampleRequest(
                out=made.raw, first=DAY, symbols=(symbol,), trades_per_day=3_000, **options
            )
        )
    layout.forget_listings()
    job.build(Freshness(made), Unit("Snapshot", DAY))
    return made
