"""A backfill whose steps compute nothing: what is left is the price of asking, scheduling and writing down.

A program of its own: python bench/trivial_steps.py ROOT DAYS. Prints seconds and units as JSON.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import finished_days

from pipeline.freshness import code
from pipeline.publishing.folder_store import FolderStore
from pipeline.runs import backfill
from pipeline.settings.config import load_kitchen
from pipeline.storage import read_json
from pipeline.tasks import context, job, program


def recipe(stage: str) -> Callable[[job.Job], dict[str, Any]]:
    """A recipe that names the unit in each output, and nothing more."""
    if stage == "Snapshot":
        return publish
    return lambda made: {name: {"of": str(made.unit)} for name in made.unit.declared.outputs}


def publish(made: job.Job) -> dict[str, Any]:
    """A revision that says just that it is there."""
    store = FolderStore(load_kitchen().snapshots)
    finished_days.publish(store, made.unit.day)
    finished_days.link(store, made.unit.day)
    return {}


def main() -> None:
    """The program."""
    root, count = Path(sys.argv[1]), int(sys.argv[2])
    days = [finished_days.FIRST + dt.timedelta(days=n) for n in range(count)]
    kitchen = finished_days.configure(root, ("BTCUSDT",), "atas: none, ")
    for day in days:
        finished_days.write_raw(kitchen, "BTCUSDT", day)
    program.prepare()
    job._recipe = recipe
    # What is paid once in a process is no price of a unit.
    importlib.import_module(code.RECIPES)
    context.finished()
    started, used = time.monotonic(), time.process_time()
    outcome = backfill.run(backfill.Range(start=days[0], stop=days[-1]))
    seconds, processor = time.monotonic() - started, time.process_time() - used
    if len(outcome.built) != count:
        raise SystemExit(f"{len(outcome.built)} of {count} days were built: {outcome.said()}")
    units = sum(len(read_json(p)) for p in kitchen.prepared.glob("date=*/**/receipts.json"))
    sys.stdout.write(json.dumps({"units": units, "seconds": seconds, "processor": processor}))


if __name__ == "__main__":
    main()
