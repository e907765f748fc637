"""What "nothing to do" costs, how scheduling grows, and what a second worker gives; one command.

python bench/freshness.py [--root DIR] [--rounds N] [--days 365] [--skip workers]

Ratios are medians of whole processes that take turns, against `python -c "import luigi"`. Days that are only
asked for are made of empty files (`finished_days.py`); scheduling is measured with steps that compute nothing
(`trivial_steps.py`); the two workers build real days. It takes some minutes, and wants two free cores.
"""

from __future__ import annotations

import argparse
import compileall
import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import finished_days

from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import PROJECT

HERE = Path(__file__).resolve().parent
KITCHEN = Path(sys.executable).with_name("kitchen")
LUIGI = [sys.executable, "-m", "luigi", "--module", "pipeline"]
IMPORT = "import luigi"
YEAR = 365
FAT_TRADES = 250_000
GOALS = {
    "a finished day, short history": 1.6,
    "a finished day, history of 600 days": 1.6,
    "365 finished days x 3 symbols": 2.5,
    "a day of 3650 to a day of 365": 1.5,
    "a unit of 365 days to one of 30": 1.3,
    "one worker to two": 1.6,
}
"""Name -> at most; of the last one, at least."""


def environment(root: Path) -> dict[str, str]:
    """The root's configuration, and byte code that is kept, as it is for a user."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")}


def seconds(command: list[str], environ: dict[str, str]) -> float:
    """Wall time of a whole process that ends well."""
    started = time.perf_counter()
    ended = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr}")
    return time.perf_counter() - started


def days(count: int) -> list[dt.date]:
    """So many days from the first on."""
    return [finished_days.FIRST + dt.timedelta(days=n) for n in range(count)]


def span(count: int) -> tuple[str, ...]:
    """The options that name so many days."""
    return "--start", days(count)[0].isoformat(), "--stop", days(count)[-1].isoformat()


def nothing_to_do(root: Path, rounds: int, count: int) -> dict[str, float]:
    """A finished day, a finished year, ten of them, as ratios to the import of Luigi."""
    year, decade, many = root / "year", root / "decade", 10 * count
    for place, length in ((year, count), (decade, many)):
        if (place / "snapshots").exists():
            kitchen = finished_days.configure(place, finished_days.NAMES)
            finished_days.stamp(kitchen, days(length))
        else:
            finished_days.write(place, days(length))
    snapshot = [*LUIGI, "Snapshot", "--date"]
    contenders = {
        IMPORT: ([sys.executable, "-c", IMPORT], year),
        "short": ([*snapshot, days(min(30, count))[-1].isoformat()], year),
        "long": ([*snapshot, days(many)[-1].isoformat()], decade),
        "year": ([*LUIGI, "Backfill", *span(count)], year),
        "decade": ([*LUIGI, "Backfill", *span(many)], decade),
    }
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, (command, place) in contenders.items():
            if name != "decade" or number <= 2:
                spent = seconds(command, environment(place))
                taken[name] += [spent] if number else []  # the first round warms the caches
    found = {name: statistics.median(values) for name, values in taken.items()}
    return {
        "a finished day, short history": found["short"] / found[IMPORT],
        "a finished day, history of 600 days": found["long"] / found[IMPORT],
        "365 finished days x 3 symbols": found["year"] / found[IMPORT],
        "a day of 3650 to a day of 365": found["decade"] / many / (found["year"] / count),
    }


def scheduling(root: Path, rounds: int, longer: int) -> dict[str, float]:
    """Milliseconds a unit in a backfill of 365 days against those in one of 30."""
    taken: dict[int, list[float]] = {30: [], longer: []}
    for number in range(1 + rounds // 8):
        for count, values in taken.items():
            place = root / f"scheduling-{count}-{number}"
            command = [sys.executable, str(HERE / "trivial_steps.py"), str(place), str(count)]
            ended = subprocess.run(
                command, env=environment(place), check=True, capture_output=True, text=True
            )
            said = json.loads(ended.stdout.splitlines()[-1])
            values.append(1000 * said["seconds"] / said["units"])
            shutil.rmtree(place)
    return {
        "ms a unit, 30 days": statistics.median(taken[30]),
        "ms a unit, 365 days": statistics.median(taken[longer]),
        "a unit of 365 days to one of 30": statistics.median(taken[longer])
        / statistics.median(taken[30]),
    }


def workers(root: Path, rounds: int, _: int) -> dict[str, float]:
    """Seconds of a backfill of fat days on one worker, against those on two."""
    place = root / "fat"
    names = finished_days.NAMES[:2]
    finished_days.configure(place, names)
    if not (place / "data/raw").exists():
        request = {"first": days(1)[0], "days": 4, "symbols": names, "trades_per_day": FAT_TRADES}
        write_sample(SampleRequest(out=place / "data/raw", simplified=False, **request))
    taken: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(max(rounds // 8, 1)):
        for count, values in taken.items():
            _forget(place)
            command = [str(KITCHEN), "backfill", *span(4), "--workers", str(count)]
            values.append(seconds(command, environment(place)))
    one, two = (statistics.median(values) for values in taken.values())
    return {"s, one worker": one, "s, two workers": two, "one worker to two": one / two}


def _forget(place: Path) -> None:
    for folder in (place / "snapshots", place / "data/prepared"):
        for below in folder.glob(".revisions/*"):
            below.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)


PARTS: dict[str, Callable[[Path, int, int], dict[str, float]]] = {
    "nothing": nothing_to_do,
    "scheduling": scheduling,
    "workers": workers,
}


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, help="used again where it has days; else temporary")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--days", type=int, default=YEAR, help="of the year, of whatever length")
    parser.add_argument("--skip", action="append", default=[], choices=sorted(PARTS))
    given = parser.parse_args()
    compileall.compile_dir(PROJECT / "pipeline", quiet=2)
    with tempfile.TemporaryDirectory(prefix="freshness-") as temporary:
        root = given.root or Path(temporary)
        for name, part in PARTS.items():
            if name in given.skip:
                continue
            started = time.monotonic()
            for what, value in part(root, given.rounds, given.days).items():
                print(f"{value:8.2f}  {what}{_goal(what, value)}", flush=True)
            print(f"          ({name}: {time.monotonic() - started:.0f} s)", flush=True)


def _goal(what: str, value: float) -> str:
    if what not in GOALS:
        return ""
    least = what == "one worker to two"
    holds = value >= GOALS[what] if least else value <= GOALS[what]
    return f" (at {'least' if least else 'most'} {GOALS[what]}: {'ok' if holds else 'NOT MET'})"


if __name__ == "__main__":
    main()
