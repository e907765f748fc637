"""The exit code of `luigi` when a task failed: the one that the task's own error has.

Luigi knows one code for all tasks that failed. Another run's lock, or a configuration that is wrong, is
then told like a fault in the data, and a caller that would try again or call somebody does neither.
"""

from __future__ import annotations

import mmap
from typing import Any

import luigi
import luigi.retcodes

from pipeline.errors import ExitCode, KitchenError

_met = mmap.mmap(-1, 256)
"""A byte a code: whether a task of this process, or of its forked children, failed with it."""


def tell_errors_apart() -> None:
    """Lets `luigi` end with the worst code of the errors of its failed tasks."""
    if luigi.retcodes.retcode is not _Codes:
        _Codes.of_luigi = luigi.retcodes.retcode
        luigi.retcodes.retcode = _Codes
        luigi.Task.event_handler(luigi.Event.FAILURE)(_note)
        for end in (luigi.Event.PROCESS_FAILURE, luigi.Event.TIMEOUT):
            luigi.Task.event_handler(end)(_note)


def _note(task: luigi.Task, error: BaseException | str) -> None:
    """Of an error; of a process that died or took too long there is a text alone."""
    code = error.exit_code if isinstance(error, KitchenError) else ExitCode.FAILED
    _met[code] = 1


class _Codes:
    """Luigi's exit codes as its settings have them, asked for before the run and looked at after it."""

    of_luigi: Any = None

    def __init__(self) -> None:
        self._set = self.of_luigi()

    def __getattr__(self, name: str) -> int:
        """The code that the settings give an end."""
        return int(getattr(self._set, name))

    @property
    def task_failed(self) -> int:
        """The code of the errors; where the settings have their own for a failed task, that one."""
        told = int(self._set.task_failed)
        met = [code for code in ExitCode if _met[code]]
        return int(max(met)) if met and told == ExitCode.FAILED else told
