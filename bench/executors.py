"""What it costs to have spans built by others: how busy they are kept, and what handing over takes itself.

    python bench/executors.py [--workers 64] [--seconds 5] [--only real]

Spans that sleep, for a fraction of what a real symbol's month takes, are handed over by the real driver,
Luigi and Dask to so many threads of one Dask worker; then real spans of the sample to two worker processes.
Prints figures beside limits; exit 1 where one is missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import clone_store
import psutil
import sleeping

from pipeline.freshness import code
from pipeline.model import workplace
from pipeline.runs import windows
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings import config
from pipeline.settings.working import Workers
from pipeline.tasks import context, pieces, program
from pipeline.tasks.crew import hired

HERE = Path(__file__).resolve().parent
FIRST = dt.date(2025, 1, 1)
MONTH = 31
SYMBOLS_A_WORKER = 5
SPEED_UP, BUSY, ENGINE = 1.95, 0.9, 0.05


@contextmanager
def cluster(folder: Path, *worker: str, seconds: float = 0) -> Iterator[tuple[str, list[int]]]:
    """A scheduler and workers of their own; its address, and the processes, the scheduler first."""
    file = folder / "scheduler.json"
    environ = {**os.environ, "PYTHONPATH": str(HERE), "BENCH_SLEEP_SECONDS": str(seconds)}
    common = ("--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(file))
    running = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *common, *more],
            cwd=folder,
            env=environ,
            stderr=subprocess.DEVNULL,
        )
        for kind, more in (("scheduler", ("--port", "0")), ("worker", worker))
    ]
    try:
        yield f"dask-file:{file}", [process.pid for process in running]
    finally:
        for process in running:
            process.terminate()
            process.wait()
        file.unlink(missing_ok=True)


def configure(folder: Path, symbols: list[str]) -> None:
    """A kitchen of these symbols, in force for what follows."""
    lines = "".join(f"  {name}: {{market: futures_um, since: 2025-01-01}}\n" for name in symbols)
    file = folder / "kitchen.yaml"
    file.write_text(
        "simulated: true\n"
        f"paths: {{raw: {folder}/raw, prepared: {folder}/prepared, snapshots: {folder}/snapshots}}\n"
        f"symbols:\n{lines}"
    )
    (folder / "raw").mkdir(exist_ok=True)
    os.environ["KITCHEN_CONFIG"] = str(file)
    config._load.cache_clear()
    context.forget()


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What it took to have spans built, once all were up.

    Args:
        seconds: On the clock.
        pieces: How many there were.
        width: By how many at once.
        processor: Processor time of this process, then of the others that were named, with all below them.
    """

    seconds: float
    pieces: int
    width: int
    processor: tuple[float, ...]


def spans(days: list[dt.date], place: str, wanted: int, pids: list[int]) -> Took:
    """Has the spans of the days built."""
    handed: set[pieces.Piece] = set()
    where = workplace.parse(place)
    assert where is not None
    with hired(Workers(executor=where)) as crew:
        assert crew is not None
        while crew.width() < wanted:
            time.sleep(0.1)
        submit = crew.submit
        crew.submit = lambda piece: (handed.add(piece), submit(piece))[1]
        started, before = time.monotonic(), [time.process_time(), *map(used, pids)]
        for window in windows.looked_at(days, 1, crew):
            windows._built(window.spans, 1)
        after = [time.process_time(), *map(used, pids)]
        return Took(
            seconds=time.monotonic() - started,
            pieces=len(handed),
            width=crew.width(),
            processor=tuple(b - a for a, b in zip(before, after, strict=True)),
        )


def asleep(folder: Path, workers: int, seconds: float) -> float:
    """How busy so many workers were kept, of 1: what they slept over what they could have."""
    many = workers > 2
    symbols = clone_store.names(SYMBOLS_A_WORKER * workers // 2 if many else 8)
    configure(folder, symbols)
    days = [FIRST + dt.timedelta(days=n) for n in range(4 * MONTH - 4 if many else 2)]
    with cluster(folder, "--nthreads", str(workers), seconds=seconds) as (place, pids):
        built, pieces.build = pieces.build, sleeping.build
        logging.disable(logging.ERROR)  # Luigi misses the files of who only slept
        try:
            took = spans(days, place, workers, pids)
        finally:
            pieces.build = built
            logging.disable(logging.NOTSET)
    print(
        f"  {took.pieces} pieces of {seconds:g} s, {took.width} workers: {took.seconds:.1f} s, of"
        f" processor time driver {took.processor[0]:.1f} s, scheduler {took.processor[1]:.1f} s",
        flush=True,
    )
    return took.pieces * seconds / took.seconds / took.width


def real(folder: Path) -> float:
    """The processor time of driver and scheduler over that of the workers, for real spans."""
    days = [FIRST + dt.timedelta(days=n) for n in range(MONTH)]
    names = ("BTCUSDT", "ETHUSDT")
    write_sample(SampleRequest(out=folder / "raw", symbols=names, first=FIRST, days=MONTH))
    configure(folder, list(names))
    with cluster(folder, "--nworkers", "2", "--nthreads", "1") as (place, pids):
        took = spans(days, place, 2, pids)
    driver, scheduled, worked = took.processor
    print(
        f"  {took.pieces} pieces, {took.seconds:.0f} s: driver {driver:.1f} s, scheduler {scheduled:.1f} s,"
        f" workers {worked:.1f} s of processor time",
        flush=True,
    )
    return (driver + scheduled) / worked


def used(pid: int) -> float:
    """Processor seconds of a process and all below it."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", choices=("asleep", "real"))
    options = parser.parse_args()
    program.prepare()
    importlib.import_module(code.RECIPES)  # what is paid once in a process is no price of a span
    rows: list[tuple[float, str, str, float]] = []
    with tempfile.TemporaryDirectory() as place:
        folders = (Path(place) / name for name in "abcd")
        folder = [each for each in folders if each.mkdir() is None]
        if options.only != "real":
            one, two = (asleep(folder[n], n + 1, options.seconds) * (n + 1) for n in range(2))
            rows.append((two / one, "two workers over one, spans that sleep", "least", SPEED_UP))
            busy = asleep(folder[2], options.workers, options.seconds)
            rows.append((busy, f"busy part of {options.workers} workers' time", "least", BUSY))
        if options.only != "asleep":
            rows.append((real(folder[3]), "engine over work, processor time", "most", ENGINE))
    missed = False
    for value, words, side, limit in rows:
        holds = value >= limit if side == "least" else value <= limit
        missed |= not holds
        print(f"  {value:.3f}  {words} (at {side} {limit}: {'holds' if holds else 'MISSED'})")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
