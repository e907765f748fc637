"""The crontab line and the systemd units that run the kitchen, filled in for one machine.

Belongs here: what is filled into their text, which lies in `templates/`. Nothing is installed: a person reads
it and puts it where it belongs.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from string import Template

from pipeline.errors import ParameterError
from pipeline.plain_text import plain
from pipeline.publishing.opening import open_store
from pipeline.settings.config import PROJECT, Kitchen

_TEMPLATES = Path(__file__).with_name("templates")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.ASCII)

_ALWAYS = {
    "type": "exec",
    "ends": "Restart=on-failure\nRestartSec=10",
    "install": "\n[Install]\nWantedBy=multi-user.target\n",
}
"""Of a service that runs for as long as the machine does."""


def this_program() -> Path:
    """The `kitchen` of the environment that runs now."""
    return Path(sys.executable).with_name("kitchen")


def units(kitchen: Kitchen, program: Path, *, user: str, minute: int) -> dict[str, str]:
    """File name -> text: a crontab; a service and timer for the run and for the heartbeat; luigid's service.

    Raises:
        ParameterError: no account can have that name, or a path has characters that units cannot hold.
    """
    if not _USER.fullmatch(user):
        raise ParameterError(f"--user: got {user!r}, wanted an account name such as kitchen")
    paths = {"program": program, "config": kitchen.file, "project": PROJECT}
    folders = sorted({kitchen.raw, kitchen.prepared, open_store(kitchen.snapshots).disk})
    for path in (*paths.values(), *folders):
        _refuse_odd(path)
    common = {
        **{name: str(path) for name, path in paths.items()},
        "quoted_config": shlex.quote(str(kitchen.file)),
        "quoted_program": shlex.quote(str(program)),
        "log": str(kitchen.prepared / ".ops" / "cron.log"),
        "user": user,
        "minute": str(minute),
        # A folder that is not there yet must not keep the service from starting: "-".
        "writable": " ".join(f"-{folder}" for folder in folders),
    }
    crontab, service, timer = (
        Template((_TEMPLATES / name).read_text(encoding="utf-8"))
        for name in ("crontab", "kitchen.service", "kitchen.timer")
    )
    cron = {"what": "catch-up", "command": "cron", **_once("12h")}
    beat = {"what": "heartbeat", "command": "heartbeat", **_once("60")}
    seen = {"what": "scheduler and dashboard", "command": "luigid", **_ALWAYS}
    return {
        "crontab": crontab.substitute(common),
        "kitchen-cron.service": service.substitute(common, **cron),
        "kitchen-cron.timer": timer.substitute(
            cron, calendar=f"*-*-* *:{minute:02}:00 UTC", delay="60"
        ),
        "kitchen-heartbeat.service": service.substitute(common, **beat),
        "kitchen-heartbeat.timer": timer.substitute(
            beat, calendar="*-*-* *:00/5:00 UTC", delay="5"
        ),
        "kitchen-luigid.service": service.substitute(common, **seen),
    }


def _once(timeout: str) -> dict[str, str]:
    """Of a service that a timer starts."""
    return {
        "type": "oneshot",
        "ends": "# 10: another run is at it. 20: raw data is awaited. Neither is a failure.\n"
        f"SuccessExitStatus=10 20\nTimeoutStartSec={timeout}",
        "install": "",
    }


def _refuse_odd(path: Path) -> None:
    """A blank, a quote or a per cent sign means something else in each of the three forms."""
    if re.search(r"[\s%\"'\\$]", str(path)) or plain(path) != str(path):
        raise ParameterError(
            f"{str(path)!r}: wanted a path without blanks, quotes, backslashes, $ and %, which a crontab"
            " and a unit file read as something else; move the project or link to it"
        )
