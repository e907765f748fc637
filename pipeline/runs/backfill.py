"""`Backfill`: every missing or stale day of a range, oldest first, in builds that the scheduler carries well.

A window of days, a month or as many as give every worker something to do, is built by spans of symbols
first, then date by date (`windows.py`). A day that cannot be built yet never holds up another one. What is
said in the end is judged by what is complete, not by Luigi's summary.
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import mmap
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import luigi

from pipeline import arrivals, asked
from pipeline.errors import ConfigError, ExitCode, LockedError, ParameterError, StageError
from pipeline.model.workplace import Workplace
from pipeline.publishing.opening import open_store
from pipeline.runs import windows
from pipeline.runs.windows import Outcome, is_complete
from pipeline.settings.config import load_kitchen
from pipeline.stages import MACRO_LOOK_BACK_DAYS
from pipeline.tasks import context, tally
from pipeline.tasks.base import RawDay, UnstableInput, end_if_refused, unsettled_feeds
from pipeline.tasks.crew import hired
from pipeline.tasks.day import Snapshot
from pipeline.tasks.of_kitchen import KitchenTask
from pipeline.tasks.parameters import DayParameter
from pipeline.tasks.tally import Told

CHILD = "pipeline.unattended.subprocesses"
"""Loaded by a task that runs: a run with nothing to do stays light."""

logger = logging.getLogger("kitchen")

_AS_ENDED = {ExitCode.LOCKED: LockedError, ExitCode.BAD_VALUE: ConfigError}
"""The error that stands for the end of a run in a process of its own, where it is no failed day."""

_waits = mmap.mmap(-1, 1)
"""Whether a run of this process, or of its forked children, ended waiting for raw data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The days `start` to `stop`, both included; with `symbols`, those on which one of them is expected.

    With `cascade` also every later published day that looks back on them.

    Raises:
        ParameterError: the range ends before it starts, or a symbol is not configured.
    """

    start: dt.date
    stop: dt.date
    symbols: tuple[str, ...] = ()
    cascade: bool = False

    def __post_init__(self) -> None:
        """Refuses what is no range."""
        if self.stop < self.start:
            raise ParameterError(f"--stop: {self.stop} is before --start {self.start}; swap them")
        for name in self.symbols:
            load_kitchen().symbol(asked.symbol(name, "--symbols"))

    def days(self) -> list[dt.date]:
        """The dates, oldest first."""
        last = self.stop
        found = [self.start + dt.timedelta(days=n) for n in range((last - self.start).days + 1)]
        if self.cascade:
            later = open_store(load_kitchen().snapshots).published_days()
            reach = last + dt.timedelta(days=MACRO_LOOK_BACK_DAYS)
            found += [day for day in later if last < day <= reach]
        return [day for day in found if not self.symbols or self._concerns(day)]

    def _concerns(self, day: dt.date) -> bool:
        kitchen = load_kitchen()
        return any(
            arrivals.is_expected(kitchen, kitchen.symbol(name), day) for name in self.symbols
        )


def _waited(day: dt.date) -> list[luigi.Task]:
    """What a pending day waits for: files that are not there, or one that changed while it was read."""
    raw_day = RawDay(date=day)
    missing = [*([] if raw_day.complete() else [raw_day]), *unsettled_feeds(day)]
    return missing or [UnstableInput(reader=str(Snapshot(date=day).unit))]


def run(
    wanted: Range,
    workers: int = 1,
    told: Told | None = None,
    executor: Workplace | None = None,
) -> Outcome:
    """Builds what the days of a range lack.

    Args:
        wanted: Which days.
        workers: How many of Luigi's processes work at once.
        told: Called after each symbol-day that was built, and after each window.
        executor: Who builds the spans; None for whom the configuration says.

    Raises:
        ConfigError: those who were to build are another release, or have other rules.
        ReleaseError: another release is in force in the store, or builds in the prepared folder.
        StageError: nobody is there to build.
    """
    started, outcome = time.monotonic(), Outcome()
    days = wanted.days()
    todo = [day for day in days if not context.finished().holds(day)]
    outcome.ready = sorted(set(days) - set(todo))
    symbols = {day: len(arrivals.expected_symbols(context.kitchen(), day)) for day in todo}
    expected = {day: count for day, count in symbols.items() if count}
    outcome.unexpected = sorted(set(todo) - set(expected))
    outcome.without_raw = [
        day for day in outcome.unexpected if arrivals.without_raw_data(context.kitchen(), day)
    ]
    if expected:
        context.refuse_other_release()
    settings = context.kitchen().workers
    asked_for = settings if executor is None else replace(settings, executor=executor)
    done, total = 0, sum(expected.values())
    with hired(asked_for) as crew, tally.counting(total, told or _unseen) as count:
        for window in windows.looked_at(list(expected), workers, crew):
            count.reach(done)
            windows.build(window, workers, outcome)
            done += sum(expected[day] for day in window.days)
            count.reach(done)
    if (outcome.built or outcome.failed) and not context.freshness().is_of_this_code():
        logger.warning(
            "the code changed while the backfill ran, which kept to what it began with: run again"
        )
    outcome.seconds = round(time.monotonic() - started, 3)
    return outcome


def _unseen(done: int, total: int) -> None:
    """Nobody asked how far it is."""


class Backfill(KitchenTask):
    """Every missing or stale day of a range; the same as `kitchen backfill`."""

    start = DayParameter(description="first UTC date, YYYY-MM-DD")
    stop = DayParameter(description="last UTC date, included")
    cascade = luigi.BoolParameter(description="also later published days that look back on them")
    symbols = luigi.Parameter(default="", description="only days on which one of these is expected")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Of the parameters, refused here when they are no range: Luigi asks for `complete` too late.

        Raises:
            ParameterError: as `Range`.
        """
        super().__init__(*args, **kwargs)
        _ = self.range

    @property
    def range(self) -> Range:
        """The parameters as a range."""
        return Range(
            start=self.start,
            stop=self.stop,
            symbols=asked.names(self.symbols),
            cascade=self.cascade,
        )

    def complete(self) -> bool:
        """Whether no day of the range needs anything."""
        kitchen = context.kitchen()
        finished = context.finished()
        left = [day for day in self.range.days() if not finished.holds(day)]
        days = [day for day in left if arrivals.expected_symbols(kitchen, day)]
        if days:
            end_if_refused()
        return all(map(is_complete, days))

    def requires(self) -> list[luigi.Task]:
        """Nothing before the run; afterwards the raw data that is waited for, so that Luigi exits with 20."""
        if not _waits[0]:
            return []
        kitchen = context.kitchen()
        days = [day for day in self.range.days() if arrivals.expected_symbols(kitchen, day)]
        return [task for day in days if not is_complete(day) for task in _waited(day)]

    def run(self) -> Iterator[list[luigi.Task]]:
        """Builds the days; then waits, as Luigi does, for the raw data of those that are pending.

        Raises:
            StageError: days failed.
            LockedError: no day failed, and another run has some in hand.
        """
        forked = multiprocessing.parent_process() is not None
        pending = self._beside() if forked else self._here()
        waited = [task for day in pending for task in _waited(day)]
        if waited:
            _waits[0] = 1
            yield waited

    def _here(self) -> list[dt.date]:
        """Builds in this process, on one worker; the days that are pending."""
        outcome = run(self.range, 1, self._show)
        logger.info("%s", outcome.said())
        if outcome.failed:
            days = ", ".join(str(day) for day in outcome.failed)
            raise StageError(f"backfill: {days} failed; the lines above say why, then run it again")
        if outcome.held:
            days = ", ".join(str(day) for day in outcome.held)
            raise LockedError(f"backfill: {days} in another run's hands; run it again later")
        return outcome.pending

    def _beside(self) -> list[dt.date]:
        """Builds with all of luigi's workers, in a process of its own that dies with this one.

        Luigi has forked this task off, and a worker inside a fork may wait for ever on a lock that it copied.
        """
        environ = {**os.environ, "KITCHEN_CONFIG": str(context.kitchen().file)}
        child = importlib.import_module(CHILD)
        ended = child.run(self._command(), environ, threading.TIMEOUT_MAX, folder=Path.cwd())
        if ended.code not in (ExitCode.DONE, ExitCode.PENDING):
            raise _AS_ENDED.get(ended.code, StageError)(
                f"backfill: {ended.words}; the lines above say more"
            )
        context.forget()
        days = [
            day for day in self.range.days() if arrivals.expected_symbols(context.kitchen(), day)
        ]
        return [day for day in days if not is_complete(day)]

    def _command(self) -> list[str]:
        """`kitchen backfill` of the same days, with the workers and the scheduler that luigi was given."""
        given = luigi.interface.core()
        url = given.scheduler_url or f"http://{given.scheduler_host}:{given.scheduler_port}/"
        return [
            *(sys.executable, "-P", "-c", "from pipeline.cli.main import main; main()", "backfill"),
            *("--start", self.start.isoformat(), "--stop", self.stop.isoformat()),
            *("--symbols", self.symbols, *(["--cascade"] if self.cascade else [])),
            *("--workers", str(given.workers)),
            *("--scheduler", "local" if given.local_scheduler else url),
        ]

    def _show(self, done: int, total: int) -> None:
        self.set_status_message(f"{done} of {total} symbol-days")
        self.set_progress_percentage(100 * done // max(total, 1))
