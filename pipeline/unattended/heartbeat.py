"""What to say and do when a live exporter is stale, or when cron itself fell silent."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pipeline.clock import iso
from pipeline.errors import KitchenError
from pipeline.runs.state_folder import Places
from pipeline.settings.config import Kitchen
from pipeline.unattended import alert_routing, alerts
from pipeline.unattended.alert_routing import Desk
from pipeline.unattended.alerts import Problem
from pipeline.unattended.exporter_ages import Sign

_ACTIONS = {
    "heartbeat": "look whether ATAS runs and the exporter is on the chart",
    "file": "the exporter lives but does not write: free the file and the disk, reload the chart",
    "row": "files grow but the feed stands still or is stamped wrongly: look at the chart and its clock",
}


def problems(kitchen: Kitchen, found: list[Sign], now: dt.datetime) -> list[Problem]:
    """What to say of stale exporters, and of a cron that has not succeeded for too long."""
    return [_problem(sign, now) for sign in found if sign.stale] + _silent(
        Places.of(kitchen.prepared).last_success, kitchen.operations.cron.silent_hours, now
    )


def tell(kitchen: Kitchen, wrong: list[Problem], now: dt.datetime) -> None:
    """Says what is stale, and that an unreadable configuration is over."""
    desk = Desk.of(kitchen)
    alerts.tell(desk, "heartbeat run", [], now)
    alerts.tell(desk, "heartbeat", wrong, now)


def unreadable(file: Path, error: KitchenError, now: dt.datetime) -> None:
    """Says that nothing could be looked at, to whom it was said while the configuration could be read."""
    problem = Problem(
        key="run",
        what=f"heartbeat could not look: {error}",
        action="fix that, then run `kitchen heartbeat`",
    )
    alerts.tell(alert_routing.last(file), "heartbeat run", [problem], now)


def _problem(sign: Sign, now: dt.datetime) -> Problem:
    first = sign.stale[0]
    since = now.timestamp() - max(first.seconds or 0, 0)
    return Problem(
        key=f"{sign.exporter} {sign.symbol}",
        what=str(sign),
        action=_ACTIONS[first.sign],
        since_us=int(since * 1_000_000) if first.seconds is not None else None,
    )


def _silent(last_success: Path, silent_hours: float, now: dt.datetime) -> list[Problem]:
    """Nothing before cron's first success: where it is not run, there is nothing to report."""
    if not last_success.exists():
        return []
    seen_us = last_success.stat().st_mtime_ns // 1_000
    if now.timestamp() - seen_us / 1e6 <= silent_hours * 3_600:
        return []
    return [
        Problem(
            key="cron",
            what=f"kitchen cron has not succeeded since {iso(seen_us)}",
            action="run `kitchen cron` by hand and read what it says; look at the timer or crontab",
            since_us=seen_us,
        )
    ]
