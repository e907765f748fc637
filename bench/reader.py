"""What verified reading costs: a 30-day window of 3 symbols, against bare Polars on the same files.

    python bench/reader.py [--json]

Cold: a fresh process hashes each file before a row of it is used. Cached: every further load of it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import snapshot_kit as kit
from pipeline.contracts.control import load as load_control
from pipeline.layout import Store
from pipeline.publishing.manifest import ManifestInput, manifest
from pipeline.publishing.seal import Draft, publish
from pipeline.reader import load, loading

SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
DAYS = 30
ROUNDS = 7
LIMITS = {"all columns": 1.5, "ten columns": 2.0, "cold": 1.5}
"""Largest ratio to the bare reading that counts as good."""


def noisy(table: pa.Table, seed: int) -> pa.Table:
    """The table with prices and volumes that do not compress to nothing."""
    chance = np.random.default_rng(seed)
    for at, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            values = np.round(chance.normal(1e4, 10, table.num_rows), 2)
            table = table.set_column(at, field, pa.array(values))
    return table


def build(root: Path) -> Store:
    """A store with the window, every float column filled."""
    store = Store(root / "snapshots")
    for i in range(DAYS):
        day = kit.DAY + dt.timedelta(days=i)
        states = dict.fromkeys(SYMBOLS, "available")
        files, tables = kit.prepared(root / f"day{i}", day, states, 100.0)
        tables["bars_1m.parquet"] = noisy(tables["bars_1m.parquet"], i)
        kit.parquet.write(files["bars_1m.parquet"], tables["bars_1m.parquet"], group_by="symbol")
        given = ManifestInput(
            day=day,
            simulated=True,
            version="0",
            condition=kit.conditions(states),
            tables=tables,
            files=files,
            calibrations={s: kit.calibration() for s in SYMBOLS},
            ledgers={s: kit.ledger(s) for s in SYMBOLS},
            control=load_control(kit.GOVERNANCE),
            governance=kit.GOVERNANCE,
            code={},
        )
        publish(
            Draft(day=day, files=files, manifest=manifest(given), reason="bench", run="bench"),
            store,
        )
    return store


def interleaved(tasks: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Median seconds of each task, in rounds A B C A B C, after one round to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(ROUNDS + 1):
        for name, task in tasks.items():
            started = time.perf_counter()
            task()
            if turn:
                taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in taken.items()}


def measure(store: Store) -> dict[str, Any]:
    """Seconds of each way of reading, and their ratios."""
    first, last = kit.DAY, kit.DAY + dt.timedelta(days=DAYS - 1)
    paths = [store.date_link(first + dt.timedelta(days=i)) / "bars_1m.parquet" for i in range(DAYS)]
    ten = pl.read_parquet(paths[0]).columns[:10]

    def cold() -> None:
        loading._verified.clear()
        load("bars_1m", first, last, root=store.root)

    def read_and_hash() -> None:
        for path in paths:
            hashlib.sha256(path.read_bytes()).hexdigest()
        load("bars_1m", first, last, root=store.root)

    seconds = interleaved(
        {
            "polars, all columns": lambda: pl.read_parquet(paths),
            "load, all columns": lambda: load("bars_1m", first, last, root=store.root),
            "polars, ten columns": lambda: pl.read_parquet(paths, columns=ten),
            "load, ten columns": lambda: load("bars_1m", first, last, columns=ten, root=store.root),
            "read + SHA-256": read_and_hash,
            "load, cold": cold,
        }
    )
    ratios = {
        "all columns": seconds["load, all columns"] / seconds["polars, all columns"],
        "ten columns": seconds["load, ten columns"] / seconds["polars, ten columns"],
        "cold": seconds["load, cold"] / seconds["read + SHA-256"],
    }
    size = sum(path.stat().st_size for path in paths)
    return {"bytes": size, "seconds": seconds, "ratios": ratios, "limits": LIMITS}


def main() -> int:
    """Prints the figures; exit 1 when a ratio is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(build(Path(folder)))
    if arguments.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        for name, value in found["seconds"].items():
            sys.stdout.write(f"{name:22} {value * 1000:8.1f} ms\n")
        for name, value in found["ratios"].items():
            sys.stdout.write(f"{name:22} {value:8.2f} x   (at most {LIMITS[name]})\n")
    return int(any(found["ratios"][name] > limit for name, limit in LIMITS.items()))


if __name__ == "__main__":
    sys.exit(main())
