"""Measures the kitchen, the tick path against its peers first, and writes docs/benchmarks.md (`make bench`).

Each figure is a whole fresh process, imports included, as the kernel accounts for it (wait4). The processes
take turns (A B C A B C ...), so that what else the machine does falls on all of them; a ratio is the median
of the ratios of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import days
import others

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
TICKS = 2_000_000
MANY = "kitchen, five times the ticks"
LIBRARIES = ("numpy", "pyarrow", "msgspec", "duckdb", "pandas", "freqtrade")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One process: seconds on the clock, of processor, MB at its peak, and what it said of itself."""

    wall: float
    cpu: float
    rss: float
    said: dict


def require(*names: str) -> None:
    """Ends with one sentence where a library is not installed."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f"{', '.join(missing)}: not installed in {sys.prefix}; `make bench` installs what it needs"
        )


def run(script: str, *arguments: str, python: str = sys.executable) -> Run:
    """Runs a script of this folder to its end; what it imports is compiled already, as everybody's is."""
    command = [python, str(HERE / script), *arguments]
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, cwd=PROJECT, env=_environment())
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{script} {' '.join(arguments)} ended with {child.returncode}")
        out.seek(0)
        said = json.loads(out.read())
    rss = used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return Run(wall=wall, cpu=used.ru_utime + used.ru_stime, rss=rss, said=said)


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def ours(day: Path, work: Path, *more: str) -> Run:
    """The kitchen's own process on a day, every line accounted for."""
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    found = run("ours.py", str(day), str(out), *more)
    lines = found.said
    if lines["read"] != lines["used"] + lines["merged"] + lines["rejected"]:
        raise SystemExit(f"{day.name}: lines do not add up: {lines}")
    return found


def measured(options: argparse.Namespace, work: Path) -> dict[str, list[Run]]:
    """Every contender, in turns."""
    rounds, day = options.rounds, days.clean(options.data, options.ticks)
    bad, packed = days.with_bad_lines(day), days.compressed(day)
    contenders = {
        "kitchen": lambda: ours(day, work),
        "DuckDB, bare parse, 1 thread": lambda: run("peer_duckdb.py", str(day)),
        "kitchen without raw hashing": lambda: ours(day, work, "--no-hash"),
        "kitchen, 64 bad lines in 22 files": lambda: ours(bad, work),
        "kitchen, gz": lambda: ours(packed, work),
        "json.loads + pandas": lambda: run("peer_pandas.py", str(day), str(work)),
    }
    found: dict[str, list[Run]] = {name: [] for name in contenders}
    for turn in range(rounds):
        for name, contender in contenders.items():
            found[name].append(contender())
            print(f"{turn + 1}/{rounds} {name}: {found[name][-1].wall:.2f} s", flush=True)
    many = days.clean(options.data, options.ticks * 5)
    found[MANY] = [ours(many, work)]
    python = os.environ.get("KITCHEN_FREQTRADE_PYTHON", sys.executable)
    if _has_freqtrade(python):
        ours(day, work)
        clean = str(work / "out" / "tape" / "clean.parquet")
        found["freqtrade, order flow alone"] = [run("peer_freqtrade.py", clean, python=python)]
    return found


def _has_freqtrade(python: str) -> bool:
    test = [python, "-c", "import freqtrade"]
    return subprocess.run(test, capture_output=True, check=False).returncode == 0


def ratio(found: dict[str, list[Run]], one: str, other: str, field: str = "wall") -> float:
    """The median over the rounds of one contender's figure by the other's."""
    pairs = zip(found[one], found[other], strict=True)
    return median(getattr(a, field) / getattr(b, field) for a, b in pairs)


def goals(found: dict[str, list[Run]]) -> list[tuple[str, str, str, bool]]:
    """What is asked for: words, limit, measured, and whether it holds."""
    kitchen, bare, duck = (
        "kitchen",
        "kitchen without raw hashing",
        "DuckDB, bare parse, 1 thread",
    )
    bad, packed, plain = (
        "kitchen, 64 bad lines in 22 files",
        "kitchen, gz",
        "json.loads + pandas",
    )
    bars_equal = {tuple(r.said["bars"]) for n in (kitchen, bare, bad, packed) for r in found[n]}
    rows = []

    def at_most(words: str, limit: float, value: float, unit: str = "x") -> None:
        rows.append((words, f"<= {limit:g} {unit}", f"{value:.2f} {unit}", value <= limit))

    def at_least(words: str, limit: float, value: float) -> None:
        rows.append((words, f">= {limit:g} x", f"{value:.1f} x", value >= limit))

    at_most(
        "whole process without raw hashing / DuckDB's bare parse", 1.5, ratio(found, bare, duck)
    )
    at_most("the same, with raw hashing", 1.8, ratio(found, kitchen, duck))
    at_most("the same, processor time", 2.2, ratio(found, kitchen, duck, "cpu"))
    at_least("json.loads + pandas / kitchen", 7, ratio(found, plain, kitchen))
    freqtrade = found.get("freqtrade, order flow alone")
    if freqtrade:
        wall = median(r.wall for r in found[kitchen])
        at_least(
            "freqtrade's order flow step / kitchen's whole process",
            10,
            freqtrade[0].said["seconds"] / wall,
        )
    at_most("peak memory at five times the ticks", 400, found[MANY][0].rss, "MB")
    at_most("64 bad lines in 22 files / clean", 1.4, ratio(found, bad, kitchen))
    rows.append(
        (
            "their bars are the clean day's, byte for byte",
            "equal",
            "equal" if len(bars_equal) == 1 else "differ",
            len(bars_equal) == 1,
        )
    )
    at_most("gz / plain", 1.8, ratio(found, packed, kitchen))
    return rows


ABOUT = """\
# Benchmarks

Written by `make bench`. Ratios compare processes that took turns, so that what else the machine did fell on
all of them; absolute times are of this machine alone.

## A day of ticks to footprint and minute bars

{ticks:,} ticks in 24 JSONL files ({source}); whole fresh processes, imports included, medians of {rounds}
interleaved rounds; a ratio is the median of the rounds' ratios of time on the clock, if it does not say
otherwise. The kitchen's process does what the steps CleanFeed and Footprint do: it reads the raw files,
hashes them, accounts for every line, writes cleaned tape, rejects and ledger, holds the tape against the
klines where they are there, writes footprint, minute bars and proof, and hashes what they hold. It parses
with two threads; the processor's time stands in the second table. freqtrade has its own environment
(KITCHEN_FREQTRADE_PYTHON names the interpreter); without one it is left out.
"""

OTHERS = """
## Archives of trades, features, reader, fetching, report, and days with nothing to do

Of `bench/trades.py`, `bench/features.py`, `bench/reader.py`, `bench/fetch.py`, `bench/report.py` and
`bench/freshness.py`, which say how they measure.
"""

HEAD = ("goal", "wanted", "measured", "")


def page(
    found: dict[str, list[Run]], beside: list[others.Goal], options: argparse.Namespace
) -> str:
    """The page docs/benchmarks.md."""
    independent = os.environ.get("KITCHEN_TICK_GENERATOR")
    source = "an independent generator" if independent else "kitchen sample"
    lines = [
        ABOUT.format(ticks=options.ticks, source=source, rounds=options.rounds),
        *_table(HEAD, list(map(_judged, goals(found)))),
        "",
        *_table(("process", "wall s", "cpu s", "peak MB"), list(map(_figures, found.items()))),
        "",
        f"Machine: {os.cpu_count()} cores, {platform.machine()}, {platform.system()}, load"
        f" {os.getloadavg()[1]:.1f} over five minutes, Python {platform.python_version()},"
        f" {', '.join(_versions())}.",
        "",
        (HERE / "choice.md").read_text().rstrip(),
        *([OTHERS, *_table(HEAD, list(map(_judged, beside)))] if beside else []),
        "",
    ]
    return "\n".join(lines)


def _judged(goal: others.Goal) -> tuple[str, ...]:
    return (*goal[:3], "holds" if goal[3] else "**missed**")


def _figures(entry: tuple[str, list[Run]]) -> tuple[str, ...]:
    name, runs = entry
    wall, cpu, rss = (
        median(getattr(run, field) for run in runs) for field in ("wall", "cpu", "rss")
    )
    return name, f"{wall:.2f}", f"{cpu:.2f}", f"{rss:.0f}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]


def _versions() -> list[str]:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ticks", type=int, default=TICKS)
    parser.add_argument("--out", type=Path, default=PROJECT / "docs" / "benchmarks.md")
    parser.add_argument("--data", type=Path, default=PROJECT / "data" / "bench")
    parser.add_argument("--ticks-only", action="store_true", help="leave out the other benchmarks")
    options = parser.parse_args()
    require("duckdb", "pandas", "polars")
    options.data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.data) as work:
        found = measured(options, Path(work))
    more = () if options.ticks_only else others.others(options.data, options.ticks)
    beside = [goal for other in more for goal in others.measured(other)]
    options.out.write_text(page(found, beside, options))
    for words, limit, value, holds in [*goals(found), *beside]:
        print(f"{'ok    ' if holds else 'MISSED'} {words}: {value} (wanted {limit})")


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"the benchmark cannot go on: {error}")
