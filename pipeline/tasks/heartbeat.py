"""The look at the live exporters as a task, to be seen on the dashboard."""

from __future__ import annotations

import importlib

from pipeline.clock import utc_now
from pipeline.errors import StageError
from pipeline.tasks import context
from pipeline.tasks.of_kitchen import KitchenTask

ALIVE = "pipeline.unattended.exporter_ages"
"""Loaded when somebody asks: a run with nothing to do stays light."""


class Heartbeat(KitchenTask):
    """Done when every live exporter is alive by the thresholds of CONTROL; else it fails and says why."""

    def complete(self) -> bool:
        """Whether nothing is stale now."""
        return not _stale()

    def run(self) -> None:
        """Names what is stale; there is nothing to build.

        Raises:
            StageError: something is.
        """
        stale = _stale()
        if stale:
            raise StageError(f"{'; '.join(stale)}; `kitchen heartbeat` says what to look at")


def _stale() -> list[str]:
    signs = importlib.import_module(ALIVE).signs(context.kitchen(), utc_now())
    return [str(sign) for sign in signs if sign.stale]
