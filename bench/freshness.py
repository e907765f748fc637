"""What "nothing to do" costs, as ratios to `python -c "import luigi"` in the same interleaved run.

Builds a small kitchen of generated days below a temporary folder (or --root, to use one again), then
times whole processes: a finished day, and `Backfill` over all finished days with their inputs' freshness
checked. Prints medians. Example: python bench/freshness.py --days 30 --symbols 3
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.sample.generate import SampleRequest, write_sample

FIRST = dt.date(2024, 1, 1)
NAMES = ("BTCUSDT", "ETHUSDT", "XRPUSDT")


def make(root: Path, days: int, symbols: int) -> None:
    """Writes the raw days and builds them; what is there already is used again."""
    names = NAMES[:symbols]
    lines = "".join(f"  {name}: {{market: futures_um}}\n" for name in names)
    (root / "configs").mkdir(parents=True, exist_ok=True)
    (root / "configs/kitchen.yaml").write_text(
        "paths: {raw: data/raw, prepared: data/prepared, snapshots: snapshots}\n"
        f"simulated: true\nsymbols:\n{lines}"
    )
    if not (root / "data/raw").exists():
        request = SampleRequest(
            out=root / "data/raw",
            first=FIRST,
            days=days,
            symbols=names,
            trades_per_day=2000,
            ticks=False,
            simplified=False,
        )
        write_sample(request)


def seconds(command: list[str], environ: dict[str, str]) -> float:
    """Wall time of a whole process.

    Raises:
        CalledProcessError: it failed.
    """
    started = time.perf_counter()
    subprocess.run(command, env=environ, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--symbols", type=int, default=3, choices=(1, 2, 3))
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    root = given.root or Path(tempfile.mkdtemp(prefix="freshness-"))
    make(root, given.days, given.symbols)
    environ = {**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")}
    last = FIRST + dt.timedelta(days=given.days - 1)
    luigi = [sys.executable, "-m", "luigi", "--module", "pipeline"]
    commands = {
        "import luigi": [sys.executable, "-c", "import luigi"],
        "finished day": [*luigi, "Snapshot", "--date", last.isoformat()],
        "finished range": [
            *(*luigi, "Backfill", "--start", FIRST.isoformat()),
            *("--stop", last.isoformat()),
        ],
    }
    first_run = seconds(commands["finished range"], environ)
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(given.rounds):
        for name, command in commands.items():
            taken[name].append(seconds(command, environ))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    facts = {
        "days": given.days,
        "symbols": given.symbols,
        "first_run_seconds": round(first_run, 2),
        "seconds": {name: round(value, 4) for name, value in medians.items()},
        "ratios": {
            name: round(value / medians["import luigi"], 2) for name, value in medians.items()
        },
    }
    sys.stdout.write(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
