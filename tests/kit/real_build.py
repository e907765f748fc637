"""Building a real day, once something was done to its files."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

from kit.real_cases import BTCUSDT, PERPETUAL, SPOT, XRPETH
from kit.support import kitchen_at
from kit.whole_day import Day, whole_day


def built(
    root: Path,
    raw_days: dict[str, Path],
    damage: Callable[[Path], None],
    day: tuple[str, dt.date] = BTCUSDT,
    symbol: str = PERPETUAL,
) -> Day:
    """The day below `root`; a second time in the same folder, what the damage made stale."""
    name, date = day
    kitchen = kitchen_at(root, {name: SPOT if day is XRPETH else symbol})
    if not kitchen.raw.exists():
        shutil.copytree(raw_days[name], kitchen.raw)
    damage(kitchen.raw)
    return whole_day(kitchen, name, date)
