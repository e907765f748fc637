"""A command in a process of its own: its lines are logged, its time is limited, and it never outlives us.

Belongs here: starting, listening and ending. What is run, and what its exit code means, is the caller's.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError
from pipeline.plain_text import plain
from pipeline.settings.config import PROJECT, Kitchen

logger = logging.getLogger("kitchen")

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_GRACE_SECONDS = 10
_KEPT_LINES = 400
_OURS = re.compile(r"^pipeline\.errors\.\w+: ", re.ASCII)
"""How a traceback introduces one of our sentences."""

TIMED_OUT = 124
"""The code of a command that was stopped because its time was over, as `timeout` of coreutils has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: its exit code (negative: minus the signal) and its last lines."""

    code: int
    lines: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What it said of its failure: the last error, or what ends the last traceback; else the last line.

        Other steps go on after one has failed, so the last line alone may be about something else.
        """
        error, tracing = "", False
        for line in self.lines:
            if line.startswith("ERROR: "):
                error = line.removeprefix("ERROR: ")
            elif tracing and line and not line[0].isspace():
                error = line
            tracing = line.startswith("Traceback") or (tracing and line[:1].isspace())
        spoken = (line.strip() for line in reversed(self.lines) if line.strip())
        return _OURS.sub("", error) or next(spoken, "it said nothing")


def die_with_parent() -> None:
    """Called in a new child: the kernel kills it as soon as its parent is gone, however that went."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def environment(kitchen: Kitchen) -> dict[str, str]:
    """The environment of what we start: our configuration named, nothing imported from elsewhere, no secrets.

    Raises:
        ConfigError: `LUIGI_CONFIG_PATH` names a file that is not there, or anybody may change the
            configuration; a run must not go on with other settings than its owner's.
    """
    hidden = {kitchen.operations.alerts.urls_env, "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"}
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    luigi = Path(environ.get("LUIGI_CONFIG_PATH") or PROJECT / "luigi.cfg")
    if "LUIGI_CONFIG_PATH" in environ and not luigi.is_file():
        raise ConfigError(
            f"LUIGI_CONFIG_PATH: {luigi} is no file, wanted Luigi's settings; name it or unset the variable"
        )
    for path in (kitchen.file, luigi):
        if path.is_file() and path.stat().st_mode & 0o002:
            raise ConfigError(f"{path}: anybody may change it; chmod o-w {path}")
    if luigi.is_file():
        environ["LUIGI_CONFIG_PATH"] = str(luigi)
    environ["KITCHEN_CONFIG"] = str(kitchen.file)
    return environ


def run(
    command: Sequence[str], environ: Mapping[str, str], seconds: float, folder: Path = PROJECT
) -> Ended:
    """Runs a command to its end, from the project's folder by default, and logs what it says line by line.

    An exception while it runs, such as the one that SIGTERM raises, ends the command first: SIGINT, which
    Luigi heeds and its tasks too, then SIGKILL.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=die_with_parent,
    )
    late = threading.Event()

    def end() -> None:
        late.set()
        signal_group(process, signal.SIGKILL)

    timer = threading.Timer(seconds, end)
    timer.start()
    kept: deque[str] = deque(maxlen=_KEPT_LINES)
    try:
        for line in process.stdout or ():
            kept.append(plain(line.rstrip()))
            logger.info("  %s", kept[-1])
        code = process.wait()
    finally:
        timer.cancel()
        stop(process, signal.SIGINT)
    return Ended(code=TIMED_OUT if late.is_set() else code, lines=tuple(kept))


def stop(process: subprocess.Popen[str], first: signal.Signals) -> None:
    """Ends a process group: a signal, some patience, SIGKILL. Nothing happens to one that has ended."""
    if process.poll() is None:
        signal_group(process, first)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
    signal_group(process, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def signal_group(process: subprocess.Popen[Any], number: signal.Signals) -> None:
    """To the whole group, since a worker has children; the group may be gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
