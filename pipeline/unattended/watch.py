"""Keeps a machine's helpers running, where there is no systemd: luigid, and the rounds of the other commands.

Belongs here: starting, restarting with growing pauses, stopping. `Watch.step` is one look at the clock;
it sleeps nowhere, so that a test can give it any clock.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from pipeline.runs.state_folder import Places
from pipeline.settings import operations
from pipeline.settings.config import PROJECT, Kitchen
from pipeline.unattended import service_files, subprocesses

logger = logging.getLogger("kitchen")

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
STEADY_SECONDS = 60.0
"""A service that ran for so long was well: its next pause is the first one again."""

GRACE_SECONDS = 20.0
_TICK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One thing to keep going: a service (`every` None), or a round that starts every so many seconds."""

    name: str
    command: tuple[str, ...]
    every: float | None = None


Spawn = Callable[[Work], subprocess.Popen[bytes]]


@dataclass(slots=True)
class _Slot:
    """A work with its process, if it has one, and the instants of the clock that `Watch.step` is given."""

    work: Work
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    pause: float = FIRST_PAUSE

    def step(self, now: float, spawn: Spawn) -> None:
        """Notes the end of the process, and starts another when one is due."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            self.process = None
            if self.work.every is not None:
                self.due = max(self.started + self.work.every, now)
            else:
                seconds = now - self.started
                logger.warning("%s ended with %d after %.0f s", self.work.name, code, seconds)
                self._put_off(now)
        if now >= self.due:
            self.started = now
            try:
                self.process = spawn(self.work)
            except OSError as error:
                logger.error("%s cannot be started: %s", self.work.name, error)
                self._put_off(now)

    def _put_off(self, now: float) -> None:
        if now - self.started >= STEADY_SECONDS:
            self.pause = FIRST_PAUSE
        self.due = now + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)


class Watch:
    """All work of a machine."""

    def __init__(self, works: Sequence[Work], spawn: Spawn) -> None:
        """Of what is to be kept going, and how it is started; nothing is started yet."""
        self._slots, self._spawn = [_Slot(work) for work in works], spawn

    def step(self, now: float) -> None:
        """Notes what has ended, and starts what is due.

        Args:
            now: Seconds of a clock that never steps back.
        """
        for slot in self._slots:
            slot.step(now, self._spawn)

    def stop(self, grace: float = GRACE_SECONDS) -> None:
        """Ends everything: SIGTERM to each group, some patience, SIGKILL. Nothing is left behind."""
        running = [slot.process for slot in self._slots if slot.process is not None]
        for process in running:
            subprocesses.signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + grace
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0.01))
            subprocesses.signal_group(process, signal.SIGKILL)
            process.wait()


def works(rounds: operations.Watch, *, luigid: bool = True) -> list[Work]:
    """What the configuration asks for (section `watch`; 0 seconds is never)."""
    program = str(service_files.this_program())
    every = {
        "heartbeat": rounds.heartbeat_seconds,
        "intraday": rounds.intraday_seconds,
        "cron": rounds.cron_seconds,
    }
    found = [
        Work(name=name, command=(program, name), every=float(seconds))
        for name, seconds in every.items()
        if seconds
    ]
    # On the loopback address alone: luigid asks nobody for a password.
    serve = (program, "luigid", "--address", "127.0.0.1", "--port", "8082")
    return [Work(name="luigid", command=serve), *found] if luigid else found


def spawner(environ: Mapping[str, str], secrets: Mapping[str, str]) -> Spawn:
    """Starts a work in a group of its own that cannot outlive us; our own rounds may send alerts."""

    def spawn(work: Work) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            work.command,
            cwd=PROJECT,
            env={**environ, **(secrets if work.every is not None else {})},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=subprocesses.die_with_parent,
        )

    return spawn


def run(kitchen: Kitchen, works: Sequence[Work], stop_after: float | None = None) -> None:
    """Watches until SIGTERM or SIGINT, then stops everything. One watch a kitchen.

    Args:
        kitchen: The configuration.
        works: What to keep running.
        stop_after: Seconds after which it stops by itself; None: never.

    Raises:
        LockedError: another one is watching.
        ConfigError: see `subprocesses.environment`.
    """
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    secret = kitchen.operations.alerts.urls_env
    secrets = {name: value for name, value in os.environ.items() if name == secret}
    with Places.of(kitchen.prepared).locked("watch"):
        watch = Watch(works, spawner(subprocesses.environment(kitchen), secrets))
        before = {n: signal.signal(n, ask) for n in (signal.SIGTERM, signal.SIGINT)}
        started = time.monotonic()
        try:
            while not asked and (stop_after is None or time.monotonic() < started + stop_after):
                watch.step(time.monotonic())
                time.sleep(_TICK_SECONDS)
        finally:
            watch.stop()
            for number, handler in before.items():
                signal.signal(number, handler)
