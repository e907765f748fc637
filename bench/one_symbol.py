"""One symbol's bars out of a store of hundreds, verified, against Polars, which verifies nothing.

    python bench/one_symbol.py [--store KITCHEN] [--from KITCHEN] [--symbols 400] [--days 730] [--rounds 5]

Cold: no verification cache, as for a user's first `load`; remembered: a process after it. The store is cloned
(`clone_store.py`, which says in what it is not as in life) unless one is given. Each reading is a process of
its own, in rounds of all three, pages warm; what counts is the processors' time of the reading without
imports.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import clone_store

from pipeline.publishing.folder_store import FolderStore

LIMITS = {"cold": 1.5, "remembered": 1.0}
"""Of Polars' time, at most."""

_WAYS = ("polars", *LIMITS)


def read(way: str, root: Path, symbol: str) -> dict[str, float]:
    """What one reading in this process takes, in seconds and MB."""
    days = sorted(path.name for path in root.iterdir() if path.name.startswith("2"))
    if way == "polars":
        import polars as pl
    else:
        from pipeline.reader import load
    wall, cpu = time.perf_counter(), _processor_seconds()
    if way == "polars":
        paths = [root / day / clone_store.BARS for day in days]
        rows = pl.scan_parquet(paths).filter(pl.col("symbol") == symbol).collect().height
    else:
        rows = load("bars_1m", days[0], days[-1], [symbol], root=root).num_rows
    return {
        "wall": time.perf_counter() - wall,
        "cpu": _processor_seconds() - cpu,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "rows": rows,
    }


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(root: Path, symbol: str, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Each way's readings, in rounds, after one to warm the pages."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in _WAYS}
    for turn in range(rounds + 1):
        with tempfile.TemporaryDirectory() as cache:
            for way in _WAYS:
                said = _process(way, root, symbol, cache)
                if turn:
                    found[way].append(said)
    if len({said["rows"] for readings in found.values() for said in readings}) != 1:
        raise SystemExit(f"the readings differ in their rows: {found}")
    return found


def _process(way: str, root: Path, symbol: str, cache: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--read", way, str(root), symbol]
    environment = os.environ | {"XDG_CACHE_HOME": cache}
    ended = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    said: dict[str, float] = json.loads(ended.stdout)
    return said


def report(found: dict[str, list[dict[str, float]]], words: str) -> bool:
    """Prints the ratios beside their limits, and whether all hold."""
    middle = {
        way: {of: statistics.median(said[of] for said in readings) for of in ("wall", "cpu", "rss")}
        for way, readings in found.items()
    }
    holds = True
    for way, limit in LIMITS.items():
        ratio = statistics.median(
            ours["cpu"] / bare["cpu"]
            for ours, bare in zip(found[way], found["polars"], strict=True)
        )
        ours, bare = middle[way], middle["polars"]
        holds = holds and ratio <= limit
        sys.stdout.write(
            f"{ratio:6.2f}  {words}, {way} / Polars unverified (at most {limit}: {ours['cpu']:.2f} s of"
            f" processors to {bare['cpu']:.2f}, {ours['wall']:.2f} s to {bare['wall']:.2f} on the clock,"
            f" {ours['rss']:.0f} MB to {bare['rss']:.0f})\n"
        )
    return holds


def main() -> int:
    """Prints the figures; exit 1 when a ratio is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--from", dest="kitchen", type=Path)
    parser.add_argument("--symbols", type=int, default=clone_store.SYMBOLS)
    parser.add_argument("--days", type=int, default=clone_store.DAYS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--read", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        way, root, symbol = given.read
        sys.stdout.write(json.dumps(read(way, Path(root), symbol)))
        return 0
    with tempfile.TemporaryDirectory() as place:
        store = given.store or Path(place)
        if given.store is None:
            like = given.kitchen or clone_store.built(store / "built").root.parent
            clone_store.clone(
                FolderStore(like / "snapshots"),
                FolderStore(store / "snapshots"),
                given.symbols,
                given.days,
                clone_store.FILES,
            )
        middle = clone_store.names(given.symbols)[given.symbols // 2]
        found = measure(store / "snapshots", middle, given.rounds)
    return int(not report(found, f"one of {given.symbols} symbols, {given.days} days"))


if __name__ == "__main__":
    sys.exit(main())
