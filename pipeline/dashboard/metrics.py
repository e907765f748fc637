"""Figures of a running luigid for Prometheus: runs and seconds by step, what waits, what is stale.

luigid asks for a collector and calls it whenever a task changes; nothing here may ever make it fail.
"""

from __future__ import annotations

from typing import Any

import prometheus_client
from luigi.metrics import MetricsCollector
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class StepMetrics(MetricsCollector):  # type: ignore[misc]
    """Counts by step since luigid started."""

    def __init__(self) -> None:
        """Begins at 0."""
        self._registry = CollectorRegistry()
        self._runs = Counter(
            "kitchen_runs_total",
            "tasks by step and result",
            ("step", "result"),
            registry=self._registry,
        )
        self._seconds = Counter(
            "kitchen_seconds_total", "run time", ("step",), registry=self._registry
        )
        self._last_success = Gauge(
            "kitchen_last_success_timestamp_seconds",
            "when a step last ended well",
            ("step",),
            registry=self._registry,
        )
        self._now = Gauge(
            "kitchen_tasks",
            "tasks that wait or run now",
            ("step", "state"),
            registry=self._registry,
        )

    def handle_task_started(self, task: Any) -> None:
        """A worker has taken the task."""
        self._runs.labels(task.family, "started").inc()

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
        self._last_success.labels(task.family).set_to_current_time()

    def _ended(self, task: Any, how: str) -> None:
        self._runs.labels(task.family, how).inc()
        began = getattr(task, "time_running", None)
        if began is not None:
            self._seconds.labels(task.family).inc(max(0.0, task.updated - began))

    def generate_latest(self, tasks: list[Any] | None = None) -> bytes:
        """All figures as text.

        Args:
            tasks: The scheduler's tasks, for how many of them wait or run.
        """
        self._now.clear()
        for task in tasks or ():
            if task.status in ("PENDING", "RUNNING"):
                self._now.labels(task.family, task.status.lower()).inc()
        return prometheus_client.generate_latest(self._registry)

    def configure_http_handler(self, http_handler: Any) -> None:
        """Says in which form the answer is."""
        http_handler.set_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
