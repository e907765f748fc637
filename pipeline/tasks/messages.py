"""What a person at a terminal reads while tasks run: one line a step, and one closing line a snapshot.

Luigi's own log stays at warnings; these lines go to the logger `kitchen`, on standard error, and the
closing lines to standard output.
"""

from __future__ import annotations

import atexit
import datetime as dt
import logging
import sys
import time
from collections.abc import Iterable

import luigi

from pipeline import arrivals, layout
from pipeline.clock import iso
from pipeline.errors import LockedError, UnstableInputError
from pipeline.free_form import Json
from pipeline.freshness.graph import Unit
from pipeline.plain_text import few
from pipeline.settings.config import Kitchen, Symbol
from pipeline.tasks import advice, closing, context, tally
from pipeline.tasks.pieces import Made

logger = logging.getLogger("kitchen")

_STARTED = time.monotonic()
_MAIN_FEEDS = {"binance": "binance_1m", "atas": "atas_bars"}
_waiting: dict[str, None] = {}
"""What is waited for, each once: said when all else has been, since it is how the run ends."""

_QUIET_FACTS = ("reason", "seconds")


def ran(unit: Unit, facts: Json) -> None:
    """One line for a step that ran: what it gave, how long it took, why it ran."""
    if facts["reason"] == "fresh":
        return
    figures = ", ".join(
        f"{value} {name}" if isinstance(value, int) else str(value)
        for name, value in facts.items()
        if name not in _QUIET_FACTS
    )
    logger.info(
        "%s: %s%.2f s (%s)",
        unit,
        f"{figures}, " if figures else "",
        facts["seconds"],
        _few([facts["reason"]]),
    )


def built(made: Made) -> None:
    """One line for units that were built together: how many ran, how long they took, why."""
    if made.steps:
        logger.info(
            "%s: %d steps, %.2f s (%s)", made.name, made.steps, made.seconds, _few(made.why)
        )


def _few(reasons: Iterable[str]) -> str:
    """The first few of all reasons, each once: a step may have one for every file."""
    return few(list(dict.fromkeys(one for said in reasons for one in said.split("; "))), "; ")


def unstable(unit: Unit, error: UnstableInputError) -> None:
    """One line when raw files changed while a step read them."""
    logger.warning("%s is pending: %s", unit, error)


def held(day: dt.date, error: LockedError) -> None:
    """One line when another run publishes a date, and did so all the while that it was waited for."""
    logger.warning("%s is in another run's hands: %s", day, error)


def attach(
    snapshot: type[luigi.Task], raw_feed: type[luigi.Task], raw_day: type[luigi.Task]
) -> None:
    """Lets the tasks speak: a snapshot when it is there, raw data when it is not."""
    snapshot.event_handler(luigi.Event.SUCCESS)(_published)
    snapshot.event_handler(luigi.Event.DEPENDENCY_PRESENT)(_already_published)
    raw_feed.event_handler(luigi.Event.DEPENDENCY_MISSING)(_feed_pending)
    raw_day.event_handler(luigi.Event.DEPENDENCY_MISSING)(_day_pending)
    atexit.register(say_waiting)


def _published(task: luigi.Task) -> None:
    _close(task.date, f"{time.monotonic() - _STARTED:.1f} s after the run began", noted=True)


def _already_published(task: luigi.Task) -> None:
    _close(task.date, "nothing to do", noted=False)


def _close(day: dt.date, how_long: str, *, noted: bool) -> None:
    said = closing.lines(context.kitchen(), day, how_long, noted=noted)
    tally.tell()
    sys.stdout.write("".join(f"{line}\n" for line in said))
    sys.stdout.flush()


def _feed_pending(task: luigi.Task) -> None:
    kitchen = context.kitchen()
    symbol = kitchen.symbol(task.symbol)
    days = arrivals.days_read(kitchen, symbol, task.vendor, task.date)
    deadline = iso(arrivals.deadline_us(kitchen, task.vendor, max(days)))
    files = {day: arrivals.vendor_files(kitchen, symbol, task.vendor, day) for day in days}
    gone = next((day for day in days if not files[day]), None)
    late = arrivals.late_trades(kitchen, symbol, task.date) if task.vendor == "binance" else []
    if gone is None and late:
        name = _first_name(kitchen, symbol, late[0], task.date)
        what = f"no trades are there, which the days before have, looked for {name}"
    elif gone is None:
        what = f"{sum(map(len, files.values()))} files are there but not at rest yet"
    else:
        whose = f" of {gone}, which has rows of the day," if gone != task.date else ""
        name = _first_name(kitchen, symbol, _MAIN_FEEDS[task.vendor], gone)
        what = f"no file{whose} is there, looked for {name}"
    again = "run again later"
    if gone is not None and task.vendor == "binance":
        again = f"{advice.commands(kitchen, [gone], task.symbol)}; then run again"
    _wait(
        f"{task.date} {task.symbol} is pending: {task.vendor} of {what}; {again}, the deadline is"
        f" {deadline}{closing.ended(kitchen, task.symbol, task.date)}"
    )


def _first_name(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> str:
    names = layout.raw_candidates(symbol, feed, day)
    return f"{kitchen.raw / names[0]} and {len(names) - 1} other names"


def _day_pending(task: luigi.Task) -> None:
    kitchen = context.kitchen()
    expected = arrivals.expected_symbols(kitchen, task.date)
    if not expected:
        lacking = advice.no_raw_data(kitchen, [task.date])
        spans = [
            f"{s.name} from {s.since or arrivals.first_raw_day(kitchen, s) or 'its first raw file'}"
            for s in kitchen.symbols.values()
        ]
        _wait(
            f"{task.date} cannot be published: no symbol is expected on that date ({', '.join(spans)}); raw"
            f" data is looked for in {kitchen.raw}{''.join(f'; {said}' for said in lacking)}"
        )
        return
    looked = [
        _first_name(kitchen, symbol, "binance_1m", task.date)
        + closing.ended(kitchen, symbol.name, task.date)
        for symbol in expected
    ]
    _wait(
        f"{task.date} is pending: no klines of the exchange of record yet, looked for {'; '.join(looked)};"
        f" {advice.commands(kitchen, [task.date])}; then run again"
    )


def _wait(sentence: str) -> None:
    _waiting[sentence] = None


def say_waiting() -> None:
    """What the run waits for, as its last words."""
    while _waiting:
        sentence = next(iter(_waiting))
        del _waiting[sentence]
        logger.warning("%s", sentence)
