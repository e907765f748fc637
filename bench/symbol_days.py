"""What a symbol's day costs, as a whole backfill of 6 days x 3 symbols on one worker.

    python bench/symbol_days.py [--rounds 3] [--days 6] [--root DIR]

Processor time of the whole command by symbol and day, against that of `python -c "import luigi"`;
the two take turns, and a figure is the median of the rounds. Files are those below `prepared`, without the
stamps of history. Three kitchens: klines alone, ATAS bars of both exporters beside them, 20,000 ticks more.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from pipeline.sample.generate import SampleRequest, write_sample

FIRST = dt.date(2025, 1, 2)
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
LIMITS = {"klines": 0.8, "klines, bars": 1.6, "klines, bars, ticks": 3.2}
"""Kitchen -> at most so many times `import luigi`."""

MOST_FILES = 12
"""A symbol's day with klines alone: one of each step that is there, and two small ones."""

BACKFILL = (Path(sys.executable).with_name("kitchen"), "backfill", "--scheduler", "local")

INSTALLED = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""The environment in which modules are compiled once, as an installation does."""


def kitchen(root: Path, name: str, days: int) -> Path:
    """A generated kitchen, nothing of it built yet."""
    bars, ticks = "bars" in name, "ticks" in name
    atas = "" if bars else ", atas: none"
    lines = "".join(f"  {symbol}: {{market: futures_um{atas}}}\n" for symbol in SYMBOLS)
    root.mkdir(parents=True)
    (root / "kitchen.yaml").write_text(
        "paths: {raw: raw, prepared: prepared, snapshots: snapshots}\n"
        f"simulated: true\nsymbols:\n{lines}"
    )
    write_sample(
        SampleRequest(
            out=root / "raw",
            first=FIRST,
            days=days,
            symbols=SYMBOLS,
            bars=bars,
            simplified=bars,
            ticks=ticks,
        )
    )
    return root


def processor(work: Callable[[], object]) -> float:
    """Seconds of the processes that a function waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def build(root: Path, days: int) -> None:
    """All days, from raw files alone.

    Raises:
        SystemExit: the backfill failed.
    """
    for name in ("prepared", "snapshots"):
        shutil.rmtree(root / name, ignore_errors=True)
    last = FIRST + dt.timedelta(days=days - 1)
    ended = subprocess.run(
        [*BACKFILL, "--start", FIRST.isoformat(), "--stop", last.isoformat()],
        env={**INSTALLED, "KITCHEN_CONFIG": str(root / "kitchen.yaml")},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"the backfill ended with {ended.returncode}: {ended.stderr}")


def _import() -> None:
    subprocess.run([sys.executable, "-c", "import luigi"], check=True)


def measured(root: Path, days: int, rounds: int) -> float:
    """Times `import luigi` that one symbol's day costs."""
    found = []
    for _ in range(rounds):
        light = min(processor(_import) for _ in range(3))
        whole = processor(lambda: build(root, days))
        found.append(whole / (days * len(SYMBOLS)) / light)
    return statistics.median(found)


def files(root: Path, days: int) -> float:
    """Prepared files a symbol's day."""
    there = [path for path in (root / "prepared").glob("date=*/**/*") if path.is_file()]
    return len(there) / (days * len(SYMBOLS))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--days", type=int, default=6)
    parser.add_argument("--root", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.root) as place:
        for number, (name, limit) in enumerate(LIMITS.items()):
            root = kitchen(Path(place) / str(number), name, options.days)
            value = measured(root, options.days, options.rounds)
            _say(value, f"a symbol's day of {name} / import luigi", limit)
            if number == 0:
                _say(files(root, options.days), "files of a symbol's day of klines", MOST_FILES)


def _say(value: float, words: str, limit: float) -> None:
    verdict = "holds" if value <= limit else "MISSED"
    print(f"{value:6.2f}  {words} (at most {limit:g}: {verdict})", flush=True)


if __name__ == "__main__":
    main()
