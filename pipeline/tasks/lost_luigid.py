"""A luigid that goes away while a run talks to it: one sentence and exit 25, since another try may help.
A backfill goes on without it.

Luigi itself ends such a run with a traceback and the code of an unhandled exception, as if somebody had to
fix something. What was being computed is lost with the run and nothing else is: no output counts before
its receipt.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import luigi.configuration
import luigi.rpc

from pipeline.errors import ExitCode

logger = logging.getLogger("kitchen")


class LostSchedulerError(SystemExit):
    """No luigid answers any more; ends a run that does not know how to go on without one."""


_SHOWN_ONLY = ("/api/set_task_status_message", "/api/set_task_progress_percentage")
"""What a task tells the dashboard while it runs: a step goes on to its receipt without that."""


def exit_when_scheduler_lost() -> None:
    """Lets every question to luigid that gets no answer end the run."""
    ask = luigi.rpc.RemoteScheduler._request
    if not getattr(ask, "exits_when_lost", False):
        luigi.rpc.RemoteScheduler._request = _ending(ask)


def _ending(ask: Callable[..., Any]) -> Callable[..., Any]:
    def request(scheduler: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return ask(scheduler, *arguments, **options)
        except (luigi.rpc.RPCError, ValueError, KeyError) as error:
            if arguments and arguments[0] in _SHOWN_ONLY:
                return None
            # Another server on the port answers what is not JSON, or not luigid's.
            kind = "does not answer" if isinstance(error, luigi.rpc.RPCError) else "is no luigid"
            logger.error(
                "ERROR: %s %s, so nothing more can be scheduled there; run again: without a"
                " luigid the run schedules for itself",
                scheduler._url,
                kind,
            )
            code = luigi.configuration.get_config().getint(
                "retcode", "not_run", ExitCode.NOT_GRANTED
            )
            raise LostSchedulerError(code) from None

    request.exits_when_lost = True  # type: ignore[attr-defined]
    return request
