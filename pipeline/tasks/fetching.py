"""The exchange's files are fetched before they are looked for, where `fetch.in_front` says so.

Fetching itself is the program `kitchen fetch`, in a process of its own; `complete()` and `requires()` look
at files alone.
"""

from __future__ import annotations

import datetime as dt
import logging
import subprocess
import sys
import time
from pathlib import Path

import luigi

from pipeline import layout, storage
from pipeline.clock import DAY_US, day_open_us
from pipeline.errors import ExitCode
from pipeline.settings.fetching import KINDS
from pipeline.tasks import context
from pipeline.tasks.of_kitchen import KitchenTask
from pipeline.tasks.parameters import DayParameter, SymbolParameter

logger = logging.getLogger("kitchen")

_PROGRAM = "from pipeline.cli.main import main; main()"


class FetchedFeed(KitchenTask):
    """The exchange was asked for a symbol's files of a day.

    Complete when of each of `fetch.kinds` a file is there that was written after the day's end, or when it
    was asked for less than `fetch.again_minutes` ago. What could not be fetched stops nothing: `RawFeed` says
    whether to wait.
    """

    date = DayParameter(description="UTC date, YYYY-MM-DD")
    symbol = SymbolParameter(description="a configured symbol")
    resources = {"kitchen_fetch": 1}  # noqa: RUF012 - one at a time, as Luigi reads it

    def output(self) -> luigi.LocalTarget:
        """When it was asked for last, and what came of it."""
        folder = layout.prepared_folder(context.kitchen(), self.date, self.symbol)
        return luigi.LocalTarget(str(folder / "Fetched.json"))

    def complete(self) -> bool:
        """Whether there is nothing to ask for now."""
        kitchen = context.kitchen()
        end = (day_open_us(self.date) + DAY_US) * 1_000
        symbol = kitchen.symbol(self.symbol)
        kinds = [
            layout.raw_files(kitchen, symbol, KINDS[kind], self.date)
            for kind in kitchen.fetch.kinds
        ]
        if all(any(f.path.stat().st_mtime_ns >= end for f in files) for files in kinds):
            return True
        asked = Path(self.output().path)
        age_ns = time.time_ns() - asked.stat().st_mtime_ns if asked.exists() else -1
        return 0 <= age_ns < kitchen.fetch.again_minutes * 60e9

    def run(self) -> None:
        """Runs `kitchen fetch` for the symbol and day, and writes down that it did."""
        words = ["fetch", "--date", self.date.isoformat(), "--symbols", self.symbol]
        ended = subprocess.run(
            [sys.executable, "-P", "-c", _PROGRAM, *words],
            capture_output=True,
            text=True,
            check=False,
        )
        said = (ended.stdout + ended.stderr).splitlines() or ["it said nothing"]
        if ended.returncode not in (ExitCode.DONE, ExitCode.PENDING):
            logger.warning("%s %s could not be fetched: %s", self.date, self.symbol, said[0])
        storage.write_json(Path(self.output().path), {"exit": ended.returncode, "said": said})
        layout.forget_listings()


def in_front(date: dt.date, symbols: list[str]) -> list[luigi.Task]:
    """What is to be fetched before the exchange's files of a day are looked for."""
    if not context.kitchen().fetch.in_front:
        return []
    return [FetchedFeed(date=date, symbol=symbol) for symbol in symbols]
