"""A real day with some of its tapes, from raw files to what is published, in this process."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from kit.support import kitchen_at
from pipeline import layout, storage
from pipeline.freshness import graph
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.settings.config import Kitchen
from pipeline.stages import STAGES
from pipeline.tables import parquet
from pipeline.tasks import job

SYMBOL = "XRPETH"
DAY = dt.date(2019, 10, 11)

TRADES, AGGREGATES, ATAS = "trades", "aggTrades", "atas"
"""The feeds that a day may have beside its klines."""

OF_SINGLE_TRADES = ("largest_share", "size_q95")
"""Features of the size of single trades, which an aggregate tells as one."""

Damage = Callable[[list[str]], list[str]]
"""Lines of an archive -> other lines."""


@dataclass(frozen=True, slots=True)
class Made:
    """A kitchen with one day in it."""

    kitchen: Kitchen
    day: dt.date

    def build(self, stage: str = "Snapshot") -> list[Unit]:
        """Builds a step and all before it; returns the units that ran."""
        layout.forget_listings()
        freshness = Freshness(self.kitchen)
        freshness.code = dict.fromkeys(STAGES, "as of this test run")
        built = job.build(freshness, self._unit(stage))
        return [unit for unit, facts in built.items() if facts.get("reason") != "fresh"]

    def table(self, stage: str, output: str) -> pa.Table:
        """A table of a step."""
        return parquet.read(graph.stored(self.kitchen, self._unit(stage), output))

    def document(self, stage: str, output: str) -> Any:
        """A document of a step."""
        return storage.json_in(graph.stored(self.kitchen, self._unit(stage), output))

    def archive(self, kind: str) -> Path:
        """The raw file of an archive."""
        return self.kitchen.raw / f"binance/spot/{SYMBOL}-{kind}-{self.day}.csv"

    def _unit(self, stage: str) -> Unit:
        by_date = STAGES[stage].grain == "date"
        return Unit(stage, self.day, None if by_date else SYMBOL)


def made(
    root: Path,
    real_data: Path,
    *feeds: str,
    day: dt.date = DAY,
    damage: Mapping[str, Damage] | None = None,
) -> Made:
    """The raw files of the real day with these feeds, archives as plain CSV, some damaged."""
    source = real_data / "xrpeth-2019-10"
    atas = "expected" if ATAS in feeds else "none"
    kitchen = kitchen_at(root, {SYMBOL: f"{{market: spot, atas: {atas}}}"})
    found = Made(kitchen, day)
    for kind in ("1m", *(feed for feed in feeds if feed != ATAS)):
        path = source / f"binance/spot/{SYMBOL}-{kind}-{day}.zip"
        with zipfile.ZipFile(path) as archive:
            lines = archive.read(archive.namelist()[0]).decode().splitlines()
        change = (damage or {}).get(kind, lambda lines: lines)
        found.archive(kind).parent.mkdir(parents=True, exist_ok=True)
        found.archive(kind).write_text("".join(f"{line}\n" for line in change(lines)))
    if ATAS in feeds:
        for feed in ("bars_1m", "ticks"):
            name = f"atas/{feed}/{SYMBOL}/date={day}"
            shutil.copytree(source / name, kitchen.raw / name)
    return found


def all_sold(lines: list[str]) -> list[str]:
    """Spot trades whose flag of the side says that the taker sold, in every row."""
    rows = (line.split(",") for line in lines)
    return [",".join([*row[:-2], "True", row[-1]]) for row in rows]
