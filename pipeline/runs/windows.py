"""A window of a range's days: looked at, built by spans and then date by date, and judged by what is there.

Belongs here: the builds that Luigi is asked for, and what became of each day. Does not belong here: which
days are asked for (`backfill.py`), what a span is (`tasks/spans.py`).
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import luigi
from luigi.execution_summary import LuigiRunResult, LuigiStatusCode

from pipeline.errors import ExitCode
from pipeline.publishing import day_state
from pipeline.tasks import context, luigid_client, program, spans
from pipeline.tasks.crew import Crew, at_work
from pipeline.tasks.day import Snapshot
from pipeline.tasks.lost_luigid import LostSchedulerError
from pipeline.tasks.spans import PublishedDate, Span

logger = logging.getLogger("kitchen")

_NO_FURTHER_TRY = (
    LuigiStatusCode.FAILED,
    LuigiStatusCode.FAILED_AND_SCHEDULING_FAILED,
    LuigiStatusCode.SCHEDULING_FAILED,
    LuigiStatusCode.MISSING_EXT,
)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of each day; `without_raw` are those unexpected ones for which symbols are configured."""

    ready: list[dt.date] = field(default_factory=list)
    built: list[dt.date] = field(default_factory=list)
    pending: list[dt.date] = field(default_factory=list)
    held: list[dt.date] = field(default_factory=list)
    failed: list[dt.date] = field(default_factory=list)
    unexpected: list[dt.date] = field(default_factory=list)
    without_raw: list[dt.date] = field(default_factory=list)
    granted: bool = True
    seconds: float = 0.0

    @property
    def exit_code(self) -> ExitCode:
        """The worst of what is not complete. Where all is, no task that failed counts."""
        if self.failed:
            return ExitCode.FAILED
        if self.pending and not self.granted:
            return ExitCode.SCHEDULING_FAILED
        if self.held:
            return ExitCode.LOCKED
        nothing = not self.ready and not self.built
        waits = self.pending or (self.unexpected and nothing)
        return ExitCode.PENDING if waits else ExitCode.DONE

    def said(self) -> str:
        """One line for people."""
        counts = (
            ("was ready" if len(self.ready) == 1 else "were ready", self.ready),
            ("built", self.built),
            ("pending", self.pending),
            ("in another run's hands", self.held),
            ("failed", self.failed),
            ("without raw data", self.without_raw),
            ("without an expected symbol", sorted({*self.unexpected} - {*self.without_raw})),
        )
        parts = [f"{len(days)} {what}" for what, days in counts if days] or ["no days"]
        return f"Backfill: {', '.join(parts)}, {self.seconds:.1f} s"


def is_complete(day: dt.date) -> bool:
    """Whether the day needs nothing: by its stamp, else by the deep comparison."""
    return bool(Snapshot(date=day).complete())


def _built(tasks: list[luigi.Task], workers: int) -> tuple[LuigiRunResult, bool]:
    """A build, and others while luigid holds tasks for another run, which may be gone.

    Returns:
        How the last one ended, and whether another run still has what is left in hand.
    """
    until = time.monotonic() + context.kitchen().workers.patience_seconds
    while True:
        ended = _ended(tasks, workers)
        context.forget_days()
        if ended.status in _NO_FURTHER_TRY or all(task.complete() for task in tasks):
            return ended, False
        is_held = luigid_client.prune()
        if not is_held or time.monotonic() >= until:
            return ended, is_held
        seconds = luigid_client.disconnect_seconds()
        logger.warning("luigid holds tasks for another run; looks again within %g s", seconds)
        _wait_for(tasks, min(until, time.monotonic() + seconds))
        luigid_client.prune()


def _ended(tasks: list[luigi.Task], workers: int) -> LuigiRunResult:
    """A build; without luigid from where that goes away. It shows what is done, and decides nothing."""
    build = partial(luigi.build, tasks, workers=workers, log_level="WARNING", detailed_summary=True)
    try:
        return build()
    except LostSchedulerError:
        logger.warning("this run goes on without luigid, so no dashboard shows the rest of it")
        program.choose_scheduler("local")
        return build()


def _wait_for(tasks: list[luigi.Task], until: float) -> None:
    """Until the tasks are complete by another run, or the time is over."""
    pause = 1.0
    while time.monotonic() < until:
        time.sleep(min(pause, max(until - time.monotonic(), 0)))
        pause = min(2 * pause, 15)
        context.forget_days()
        if all(task.complete() for task in tasks):
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Days that are built together; those that lack something, and the spans of these."""

    days: list[dt.date]
    stale: list[dt.date]
    spans: list[Span]


def looked_at(days: list[dt.date], workers: int, crew: Crew | None) -> Iterator[Window]:
    """The windows, each looked at when its turn comes.

    A crew gets the spans of one more: it goes on while the last spans of a window, and then its dates, are
    built.
    """
    ahead: deque[Window] = deque()
    for each in spans.windows(days, workers):
        with context.freshness().one_look():
            stale = [day for day in each if not is_complete(day)]
        ahead.append(Window(days=each, stale=stale, spans=spans.spans(stale, workers)))
        if crew is not None:
            spans.hand_ahead(ahead[-1].spans, crew)
        if crew is None or len(ahead) > 1:
            yield ahead.popleft()
    yield from ahead


def build(window: Window, workers: int, outcome: Outcome) -> None:
    """Builds what the days of a window lack, and notes what became of each.

    Raises:
        KitchenError: nobody builds the spans any more, or another release was adopted meanwhile.
    """
    outcome.ready += sorted(set(window.days) - set(window.stale))
    waiting = {day for day in window.stale if day_state.without_raw(context.kitchen(), day)}
    nothing_failed = False
    context.held().clear()
    if window.stale:
        ended = _published(window, workers)
        context.views().follow()
        outcome.granted &= ended.scheduling_succeeded
        # What was left undone then waits for raw data: its own, or an earlier day's that changed meanwhile.
        nothing_failed = ended.status is LuigiStatusCode.MISSING_EXT
    for day in window.stale:
        if is_complete(day):
            outcome.built.append(day)
        elif day in context.held():
            outcome.held.append(day)
        elif day in waiting or nothing_failed:
            outcome.pending.append(day)
        else:
            outcome.failed.append(day)
    if outcome.failed:
        context.refuse_superseded(context.freshness())


def _published(window: Window, workers: int) -> LuigiRunResult:
    """Builds the spans, then the dates; notes the dates that another run has in hand."""
    crew = at_work()
    # Who builds elsewhere is waited for in this process, which has their answers.
    _, is_held = _built(window.spans, workers if crew is None else 1)
    if crew is not None and crew.fault is not None:
        raise crew.fault
    if is_held:
        left = (span for span in window.spans if not span.complete())
        context.held().update(day for span in left for day in span.days())
    dates = [PublishedDate(date=day) for day in window.stale if day not in context.held()]
    ended, is_held = _built(dates, workers)
    if is_held:
        context.held().update(task.date for task in dates if not task.complete())
    context.forget_days()
    return ended
