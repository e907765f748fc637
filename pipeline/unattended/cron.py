"""The run without a person: it catches up, judges by what is complete, and speaks up when it cannot.

One run at a time, from any folder and with an empty environment, with or without luigid. Every day of the
look-back that is not published and true is built, oldest first, in a process of its own; a late day
blocks no other.
"""

from __future__ import annotations

import datetime as dt
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from pipeline import arrivals, storage
from pipeline.clock import DAY_US, day_open_us, iso, parse_instant
from pipeline.errors import ConfigError, ExitCode, KitchenError, LockedError
from pipeline.fetch.outcome import CHECK
from pipeline.free_form import Json
from pipeline.freshness.check import Freshness
from pipeline.publishing import day_state
from pipeline.publishing.day_state import Judged
from pipeline.publishing.opening import open_store
from pipeline.settings.config import Kitchen
from pipeline.tasks import closing, context, luigid_client
from pipeline.unattended import alert_routing, alerts, service_files, subprocesses
from pipeline.unattended.alert_routing import Desk
from pipeline.unattended.alerts import Problem
from pipeline.unattended.runlog import logged
from pipeline.unattended.subprocesses import Ended

logger = logging.getLogger("kitchen")

TRY_AGAIN = (ExitCode.LOCKED, ExitCode.NOT_GRANTED, ExitCode.INTERRUPTED)
"""Codes of a build after which another try may help: a lock, a scheduler that was away, a stop."""

TRIES = 3
_BUILD_CODES = (
    *(ExitCode.LOCKED, ExitCode.NOT_GRANTED, ExitCode.FAILED),
    *(ExitCode.SCHEDULING_FAILED, ExitCode.BAD_VALUE),
)
_MEND = "fix what the sentence names"
_LOOK_AT_DISK = "look at the disk and the folders' permissions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run found at its end: the exit code, each date's state, and what is wrong.

    `stopped`: it could not look at the days, and so knows nothing of what was wrong with them before.
    """

    code: int
    days: dict[dt.date, Judged] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    stopped: bool = False

    def facts(self) -> Json:
        """For `--json`."""
        return {
            "exit": self.code,
            "days": {
                day.isoformat(): {"state": j.state, "why": j.why} for day, j in self.days.items()
            },
            "problems": [{"what": p.what, "do": p.action} for p in self.problems],
        }


def fetch_days(kitchen: Kitchen) -> Ended:
    """`kitchen fetch` over the look-back: what is not there yet, and what the archive has replaced.

    A day that is missing is named by the run itself, once it has looked at all days.
    """
    days = str(kitchen.operations.cron.look_back_days)
    return subprocesses.run(
        [str(service_files.this_program()), "fetch", "--missing-is-pending", "--days", days],
        subprocesses.environment(kitchen),
        kitchen.operations.cron.day_minutes * 60,
    )


def build_day(kitchen: Kitchen, day: dt.date) -> Ended:
    """`luigi --module pipeline Snapshot --date D`, with luigid where it answers and without where not."""
    command = [sys.executable, "-m", "luigi", "--module", "pipeline", "Snapshot"]
    return subprocesses.run(
        [*command, "--date", day.isoformat()],
        subprocesses.environment(kitchen),
        kitchen.operations.cron.day_minutes * 60,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a run does to the world; tests put others in their place."""

    build: Callable[[Kitchen, dt.date], Ended] = build_day
    fetch: Callable[[Kitchen], Ended] = fetch_days
    send: alerts.Send = alerts.send
    wait: Callable[[float], None] = time.sleep
    prune: Callable[[], bool] = luigid_client.prune


def run(kitchen: Kitchen, now: dt.datetime, effects: Effects | None = None) -> Outcome:
    """One unattended run. Never raises what a person must know of: it is told, and is the exit code.

    Args:
        kitchen: The configuration.
        now: The present instant, aware: what is yesterday, and since when things last.
        effects: For tests.
    """
    effects = effects or Effects()
    try:
        desk = Desk.of(kitchen)
        with logged(desk.places.log), _terminable():
            return _Run(kitchen=kitchen, now=now, effects=effects, desk=desk).outcome()
    except OSError as error:
        stopped = _stopped(str(error), ExitCode.FAILED, _LOOK_AT_DISK)
        return _not_begun(Desk.spare(kitchen), stopped, now, effects.send)


def unreadable(file: Path, error: KitchenError, now: dt.datetime, send: alerts.Send) -> Outcome:
    """A run whose configuration cannot be read: told to whom it was told while it could be."""
    outcome = _stopped(str(error), error.exit_code, _MEND)
    return _not_begun(alert_routing.last(file), outcome, now, send)


def _not_begun(desk: Desk, outcome: Outcome, now: dt.datetime, send: alerts.Send) -> Outcome:
    with logged(desk.places.log):
        logger.error("%s", outcome.problems[0].what)
        _tell(desk, "cron run", outcome.problems, now, send)
    return outcome


def _stopped(sentence: str, code: ExitCode, action: str) -> Outcome:
    problem = Problem(key="run", what=f"cron could not run: {sentence}", action=action)
    return Outcome(code=code, problems=(problem,), stopped=True)


def _tell(
    desk: Desk, scope: str, problems: Iterable[Problem], now: dt.datetime, send: alerts.Send
) -> None:
    """Telling may fail; the run's own result stands all the same."""
    try:
        alerts.tell(desk, scope, problems, now, send)
    except (KitchenError, OSError) as error:
        logger.error("%s", error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    kitchen: Kitchen
    now: dt.datetime
    effects: Effects
    desk: Desk

    def outcome(self) -> Outcome:
        """The run under its lock, and what is wrong told."""
        try:
            with self.desk.places.locked("cron") as lock:
                logger.info("cron run of %s, process lock %d", iso(self._now_us), lock)
                outcome = self._guarded()
        except LockedError as error:
            logger.warning("%s", error)
            outcome = Outcome(code=ExitCode.LOCKED, problems=tuple(self._held_too_long()))
            self._tell("cron lock", outcome.problems)
            return outcome
        except KeyboardInterrupt:
            logger.warning("the run was stopped; the next one goes on where it was")
            return Outcome(code=ExitCode.INTERRUPTED)
        self._tell("cron lock", ())
        self._tell("cron run", outcome.problems if outcome.stopped else ())
        if not outcome.stopped:
            self._tell("cron", outcome.problems)
        logger.info("cron run ends with %d", outcome.code)
        return outcome

    @property
    def _now_us(self) -> int:
        return int(self.now.timestamp() * 1_000_000)

    def _tell(self, scope: str, problems: Iterable[Problem]) -> None:
        _tell(self.desk, scope, problems, self.now, self.effects.send)

    def _guarded(self) -> Outcome:
        """A run under the lock; what stops it altogether is a problem too."""
        places = self.desk.places
        try:
            storage.write_bytes(places.root / "cron.started", iso(self._now_us).encode())
            outcome = self._catch_up()
            if not any(judged.state == day_state.UNBUILT for judged in outcome.days.values()):
                storage.write_bytes(places.last_success, iso(self._now_us).encode() + b"\n")
            return outcome
        except KitchenError as error:
            outcome = _stopped(str(error), error.exit_code, _MEND)
        except OSError as error:
            where = error.filename or places.root
            outcome = _stopped(
                f"{where}: {error.strerror or error}", ExitCode.FAILED, _LOOK_AT_DISK
            )
        except Exception as error:
            # Nobody is there to see a traceback: the log has it, and a person is told.
            logger.exception("a fault of the kitchen itself")
            fault = f"{type(error).__name__}, a fault of the kitchen itself"
            outcome = _stopped(fault, ExitCode.BAD_VALUE, f"read {places.log}")
        logger.error("%s", outcome.problems[0].what)
        return outcome

    def _catch_up(self) -> Outcome:
        today, count = (
            self.now.astimezone(dt.UTC).date(),
            self.kitchen.operations.cron.look_back_days,
        )
        days = [today - dt.timedelta(days=back) for back in range(count, 0, -1)]
        # Settings that anybody may change are refused before anything is done.
        subprocesses.environment(self.kitchen)
        self._refuse_old_clock()
        problems = list(self._fetch())
        before = day_state.judge(self.kitchen, days)
        ended = {}
        if any(judged.state == day_state.UNBUILT for judged in before.values()):
            # Once, before any day is built: each of them would be refused.
            context.refuse_superseded(Freshness(self.kitchen))
        for day, judged in before.items():
            logger.info("%s is %s: %s", day, judged.state, judged.why)
            if judged.state == day_state.UNBUILT:
                ended[day] = self._build(day)
        after = day_state.judge(self.kitchen, days) if ended else before
        problems += [p for judged in after.values() for p in self._problem(judged, ended)]
        return Outcome(code=_code(after, ended), days=after, problems=tuple(problems))

    def _refuse_old_clock(self) -> None:
        store = open_store(self.kitchen.snapshots)
        newest = max(store.published_days(), default=None)
        if newest is not None and self._now_us < day_open_us(newest) + DAY_US:
            raise ConfigError(
                f"the clock says {iso(self._now_us)}, yet {newest} is published in {store.name} and a day is"
                " published only after its end; set the clock"
            )

    def _fetch(self) -> Iterator[Problem]:
        """Fetches first, where the configuration says so. What could not be fetched stops nothing."""
        if not self.kitchen.fetch.in_front:
            return
        ended = self.effects.fetch(self.kitchen)
        if ended.code not in (ExitCode.DONE, ExitCode.PENDING, ExitCode.LOCKED):
            why = (line for line in ended.lines if " failed: " in line or line.endswith(CHECK))
            said = next(why, ended.words)
            yield Problem(
                key="fetch",
                what=f"klines could not be fetched, exit {ended.code}: {said}",
                action="run `kitchen fetch` by hand; look at the network and at the exchange's status",
            )

    def _build(self, day: dt.date) -> Ended:
        """Builds a day, with another try where that may help."""
        self.effects.prune()
        for left in range(TRIES - 1, -1, -1):
            ended = self.effects.build(self.kitchen, day)
            if left == 0 or not (ended.code in TRY_AGAIN or ended.code < 0):
                break
            seconds = luigid_client.disconnect_seconds()
            logger.warning("%s ended with %d; tries again in %g s", day, ended.code, seconds)
            self.effects.wait(seconds)
            self.effects.prune()
        return ended

    def _problem(self, judged: Judged, ended: dict[dt.date, Ended]) -> Iterator[Problem]:
        day = judged.day
        if judged.state == day_state.MISSING:
            yield Problem(
                key=f"missing {day}",
                what=f"{day} has no snapshot: {judged.why}",
                action=f"bring the klines of {day} to {self.kitchen.raw}; the next run publishes it"
                + self._ended(day),
                since_us=day_open_us(day) + DAY_US,
            )
        if judged.state == day_state.UNBUILT:
            yield Problem(
                key=f"failed {day}",
                what=f"{day} could not be built{_how(judged, ended.get(day))}{self._stays(day)}",
                action=f"read {self.desk.places.log}, then run `kitchen cron` again",
                since_us=day_open_us(day) + DAY_US,
                link=self._report(day),
            )

    def _stays(self, day: dt.date) -> str:
        """What readers have of it meanwhile."""
        number = open_store(self.kitchen.snapshots).named_revision(day)
        return "" if number is None else f"; r{number} stays published"

    def _ended(self, day: dt.date) -> str:
        """What else may be the matter with symbols whose klines have ended."""
        expected = arrivals.expected_symbols(self.kitchen, day)
        return "".join(closing.ended(self.kitchen, symbol.name, day) for symbol in expected)

    def _report(self, day: dt.date) -> str:
        """Where the date's reports are, as far as an earlier revision has any."""
        base = self.kitchen.operations.alerts.reports
        if base:
            return f"{base.rstrip('/')}/{day}/qc/"
        store = open_store(self.kitchen.snapshots)
        return "" if store.named_revision(day) is None else f"{store.address(day)}/qc"

    def _held_too_long(self) -> Iterator[Problem]:
        places = self.desk.places
        try:
            since = parse_instant((places.root / "cron.started").read_text())[0]
        except (OSError, ValueError):
            return
        seconds = (self._now_us - since) / 1e6
        if seconds > self.kitchen.operations.cron.lock_held_minutes * 60:
            yield Problem(
                key="held",
                what=f"another cron run holds the lock for {seconds / 3_600:.3g} h",
                action=f"see what it does in {places.log}; stop it if it hangs, the next run goes on",
                since_us=since,
            )


def _code(days: dict[dt.date, Judged], ended: dict[dt.date, Ended]) -> int:
    """The run's exit code: what is not built counts more than what is not there."""
    failed = [ended[d].code for d, j in days.items() if j.state == day_state.UNBUILT and d in ended]
    if any(j.state == day_state.UNBUILT for j in days.values()):
        return max((code for code in failed if code in _BUILD_CODES), default=ExitCode.FAILED)
    done = all(j.state == day_state.PUBLISHED for j in days.values())
    return ExitCode.DONE if done else ExitCode.PENDING


def _how(judged: Judged, end: Ended | None) -> str:
    """How a build ended; one that took itself for done is judged by what is there."""
    if end is None or end.code == ExitCode.DONE:
        return f": {judged.why}"
    if end.code == ExitCode.NOT_GRANTED and not any(
        line.startswith("ERROR: ") for line in end.lines
    ):
        return (
            f", exit {end.code}: luigid on {luigid_client.url()} gave it no work; it is paused, or another"
            " worker holds a task of the day"
        )
    return f", exit {end.code}: {end.words}"


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does: what it started is stopped first."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
