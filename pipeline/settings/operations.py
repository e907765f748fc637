"""What `kitchen.yaml` says about running without a person: `alerts`, `cron` and `watch`.

Belongs here: the form of these sections and their defaults. An address that alerts go to is a secret:
it has no place in the configuration, only the name of the variable or file that holds it.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.free_form import Document

_SECONDS = {"type": "integer", "min": 0, "max": 86_400}

SCHEMA: Document = {
    "alerts": {
        "type": "dict",
        "default": {},
        "schema": {
            "urls_env": {"type": "string", "form": "variable"},
            "urls_file": {"type": "string", "minlength": 1},
            "repeat_hours": {"type": "number", "min": 0.1, "max": 720},
            "reports": {"type": "string", "form": "page_address"},
        },
    },
    "cron": {
        "type": "dict",
        "default": {},
        "schema": {
            "look_back_days": {"type": "integer", "min": 1, "max": 366},
            "lock_held_minutes": {"type": "number", "min": 1},
            "silent_hours": {"type": "number", "min": 1},
            "day_minutes": {"type": "number", "min": 0.1},
        },
    },
    "watch": {
        "type": "dict",
        "default": {},
        "schema": {
            "heartbeat_seconds": _SECONDS,
            "intraday_seconds": _SECONDS,
            "cron_seconds": _SECONDS,
        },
    },
}
"""For cerberus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Where alerts go and how often.

    Args:
        urls_env: The environment variable with addresses in apprise's form, separated by blanks.
        urls_file: A file with one address a line, that nobody but its owner may read.
        repeat_hours: An alert that still holds is said again after so long.
        reports: The address that stands for `paths.snapshots` on a web server, for the reports' links.
    """

    urls_env: str = "KITCHEN_ALERT_URLS"
    urls_file: Path | None = None
    repeat_hours: float = 12
    reports: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """The unattended run.

    Args:
        look_back_days: Completed days that every run looks at, yesterday included.
        lock_held_minutes: A run that holds the lock for longer is reported.
        silent_hours: Without a successful run for so long, the heartbeat reports that cron is dead.
        day_minutes: Building one day may take so long; then it is stopped and counted as failed.
    """

    look_back_days: int = 7
    lock_held_minutes: float = 180
    silent_hours: float = 30
    day_minutes: float = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How often `kitchen watch` does its rounds, in seconds; 0 is never."""

    heartbeat_seconds: int = 60
    intraday_seconds: int = 300
    cron_seconds: int = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """The three sections."""

    alerts: Alerts = Alerts()
    cron: Cron = Cron()
    watch: Watch = Watch()


def operations(document: Document, base: Path) -> Operations:
    """The sections of a checked document; a relative `urls_file` starts at `base`."""
    alerts = dict(document.get("alerts") or {})
    if "urls_file" in alerts:
        alerts["urls_file"] = base / Path(alerts["urls_file"]).expanduser()
    return Operations(
        alerts=Alerts(**alerts),
        cron=Cron(**(document.get("cron") or {})),
        watch=Watch(**(document.get("watch") or {})),
    )
