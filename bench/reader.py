"""What verified reading costs: a 30-day window of 3 symbols, against bare Polars on the same files.

    python bench/reader.py [--json] [--days 30] [--rounds 15]

Cold: each file is hashed before a row of it is used, as in the first `load` of a process, against Polars
and SHA-256 of the same bytes. Cached: every further load. Ratios are of the time on the clock; that of the
processors, which other programs disturb less, stands beside it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from kit import snapshots as kit
from kit.shipped import GOVERNANCE, RULES
from pipeline.contracts import governed
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.manifest import ManifestInput, manifest
from pipeline.publishing.seal import Draft, publish
from pipeline.reader import load, remembered, scan

SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
DAYS = 30
ROUNDS = 15
LIMITS = {
    "load, all": ("polars, all", 1.5),
    "scan, all": ("polars, all", 1.5),
    "load, ten": ("polars, ten", 2.0),
    "scan, ten": ("polars, ten", 2.0),
    "load, cold": ("polars + SHA-256", 1.5),
}
"""What is held against what, and the largest ratio that counts as good."""


def noisy(table: pa.Table, seed: int) -> pa.Table:
    """The table with prices and volumes that do not compress to nothing."""
    chance = np.random.default_rng(seed)
    for at, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            values = np.round(chance.normal(1e4, 10, table.num_rows), 2)
            table = table.set_column(at, field, pa.array(values))
    return table


def build(root: Path, days: int) -> FolderStore:
    """A store with the window, every float column filled."""
    store = FolderStore(root / "snapshots")
    for i in range(days):
        day = kit.DAY + dt.timedelta(days=i)
        states = dict.fromkeys(SYMBOLS, "available")
        files, tables = kit.prepared(root / f"day{i}", day, states, 100.0)
        tables["bars_1m.parquet"] = noisy(tables["bars_1m.parquet"], i)
        kit.parquet.write(
            files["bars_1m.parquet"].file, tables["bars_1m.parquet"], group_by="symbol"
        )
        given = ManifestInput(
            day=day,
            simulated=True,
            version="0",
            condition=kit.conditions(states),
            tables=tables,
            files=files,
            calibrations={s: kit.calibration() for s in SYMBOLS},
            ledgers={s: kit.ledger(s) for s in SYMBOLS},
            control=RULES.control,
            contract=governed.contract(GOVERNANCE),
            code={},
        )
        publish(
            Draft(day=day, files=files, manifest=manifest(given), reason="bench", run="bench"),
            store,
        )
    return store


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds that a task took, on the clock and of all processors."""

    wall: float
    cpu: float


def processor_seconds() -> float:
    """Of this process and its threads so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def interleaved(tasks: dict[str, Callable[[], Any]], rounds: int) -> dict[str, Cost]:
    """Median cost of each task, in rounds A B C A B C, after one round to warm up."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, task in tasks.items():
            wall, cpu = time.perf_counter(), processor_seconds()
            task()
            if turn:
                taken[name].append((time.perf_counter() - wall, processor_seconds() - cpu))
    return {
        name: Cost(
            wall=statistics.median(wall for wall, _ in pairs),
            cpu=statistics.median(cpu for _, cpu in pairs),
        )
        for name, pairs in taken.items()
    }


def tasks(store: FolderStore, paths: list[Path]) -> dict[str, Callable[[], Any]]:
    """Each way of reading the window."""
    root, last = store.root, kit.DAY + dt.timedelta(days=len(paths) - 1)
    ten = pl.read_parquet(paths[0]).columns[:10]

    def cold() -> None:
        remembered.forget()
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)
        load("bars_1m", kit.DAY, last, root=root)

    def read_and_hash() -> None:
        for path in paths:
            hashlib.sha256(path.read_bytes()).hexdigest()
        pl.read_parquet(paths)

    return {
        "polars, all": lambda: pl.read_parquet(paths),
        "load, all": lambda: load("bars_1m", kit.DAY, last, root=root),
        "scan, all": lambda: scan("bars_1m", kit.DAY, last, root=root).collect(),
        "polars, ten": lambda: pl.read_parquet(paths, columns=ten),
        "load, ten": lambda: load("bars_1m", kit.DAY, last, columns=ten, root=root),
        "scan, ten": lambda: scan("bars_1m", kit.DAY, last, root=root).select(ten).collect(),
        "polars + SHA-256": read_and_hash,
        "load, cold": cold,
    }


def measure(store: FolderStore, count: int, rounds: int) -> dict[str, Any]:
    """Cost of each way of reading, and the ratios."""
    days = [kit.DAY + dt.timedelta(days=i) for i in range(count)]
    paths = [store.date_link(day) / "bars_1m.parquet" for day in days]
    costs = interleaved(tasks(store, paths), rounds)
    ratios = {
        name: {of: getattr(costs[name], of) / getattr(costs[against], of) for of in ("wall", "cpu")}
        for name, (against, _) in LIMITS.items()
    }
    return {
        "bytes": sum(path.stat().st_size for path in paths),
        "seconds": {name: asdict(cost) for name, cost in costs.items()},
        "ratios": ratios,
        "limits": {name: limit for name, (_, limit) in LIMITS.items()},
    }


def main() -> int:
    """Prints the figures; exit 1 when a ratio is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # What the reader remembers for the user stays as it is.
        os.environ["XDG_CACHE_HOME"] = os.path.join(folder, "cache")
        store = build(Path(folder), arguments.days)
        found = measure(store, arguments.days, arguments.rounds)
    if arguments.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        for name, cost in found["seconds"].items():
            sys.stdout.write(
                f"{name:17}{cost['wall'] * 1000:8.1f} ms{cost['cpu'] * 1000:8.1f} ms of processors\n"
            )
        for name, ratio in found["ratios"].items():
            sys.stdout.write(
                f"{name:17}{ratio['wall']:8.2f} x {ratio['cpu']:8.2f} x of processors"
                f"   (at most {found['limits'][name]})\n"
            )
    limits = found["limits"]
    return int(any(found["ratios"][name]["wall"] > limit for name, limit in limits.items()))


if __name__ == "__main__":
    sys.exit(main())
