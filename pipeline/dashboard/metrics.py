"""Figures of a running luigid in Prometheus' text form: runs and seconds by step, what waits, what is stale.

luigid asks for a collector and calls it whenever a task changes; nothing here may ever make it fail.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from luigi.metrics import MetricsCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class StepMetrics(MetricsCollector):  # type: ignore[misc]
    """Counts by step since luigid started."""

    def __init__(self) -> None:
        """Starts at nought."""
        self._runs: Counter[tuple[str, str]] = Counter()
        self._seconds: Counter[str] = Counter()
        self._last_success: dict[str, float] = {}

    def handle_task_started(self, task: Any) -> None:
        """A worker has taken the task."""
        self._runs[task.family, "started"] += 1

    def handle_task_failed(self, task: Any) -> None:
        """Its run ended with an error, or it never began."""
        self._ended(task, "failed")

    def handle_task_disabled(self, task: Any, config: Any) -> None:
        """It failed too often."""
        self._ended(task, "disabled")

    def handle_task_done(self, task: Any) -> None:
        """It ended well; one that was complete before any run counts by itself."""
        ran = getattr(task, "time_running", None) is not None
        self._ended(task, "done" if ran else "already_complete")
        self._last_success[task.family] = time.time()

    def _ended(self, task: Any, how: str) -> None:
        self._runs[task.family, how] += 1
        began = getattr(task, "time_running", None)
        if began is not None:
            self._seconds[task.family] += max(0.0, task.updated - began)

    def generate_latest(self, tasks: list[Any] | None = None) -> str:
        """All figures as text.

        Args:
            tasks: The scheduler's tasks, for how many of them wait or run.
        """
        runs = {f'step="{step}",result="{how}"': n for (step, how), n in self._runs.items()}
        states = Counter((task.family, task.status) for task in tasks or ())
        now = {
            f'step="{step}",state="{state.lower()}"': n
            for (step, state), n in states.items()
            if state in ("PENDING", "RUNNING")
        }
        return "".join(
            (
                family("kitchen_runs_total", "counter", "tasks by step and result", runs),
                family("kitchen_seconds_total", "counter", "run time", _by_step(self._seconds)),
                family(
                    "kitchen_last_success_timestamp_seconds",
                    "gauge",
                    "when a step last ended well",
                    _by_step(self._last_success),
                ),
                family("kitchen_tasks", "gauge", "tasks that wait or run now", now),
            )
        )

    def configure_http_handler(self, http_handler: Any) -> None:
        """Says in which form the answer is."""
        http_handler.set_header("Content-Type", CONTENT_TYPE)


def _by_step(values: Any) -> dict[str, float]:
    return {f'step="{step}"': value for step, value in values.items()}


def family(name: str, kind: str, text: str, values: Mapping[str, float]) -> str:
    """One family of figures: labels -> value."""
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    lines += [
        f"{name}{{{labels}}} {value:.17g}" if labels else f"{name} {value:.17g}"
        for labels, value in sorted(values.items())
    ]
    return "\n".join(lines) + "\n"
