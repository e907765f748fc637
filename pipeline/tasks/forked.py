"""A forked task dies with its worker, so that no orphan goes on writing."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from types import TracebackType
from typing import Any

_PR_SET_PDEATHSIG = 1


class DiesWithItsWorker:
    """Luigi's `task_process_context`: entered around a task's run, in the process that runs it.

    With one worker that is the main process itself, whose parent is a shell or cron: nothing is changed.
    """

    def __init__(self, process: Any) -> None:
        """Luigi hands over its TaskProcess; which task runs decides nothing here."""

    def __enter__(self) -> None:
        """In a forked child, that it dies with its parent."""
        die_with_parent()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to undo: the child ends with the task."""


def die_with_parent() -> None:
    """In a child: SIGKILL when the parent ends, and signals end it without a word of its own."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent.pid:
        os._exit(1)  # the worker died before the kernel was asked
