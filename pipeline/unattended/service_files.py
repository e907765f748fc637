"""The crontab line and the systemd units that run the kitchen, filled in for one machine.

Belongs here: their text. Nothing is installed: a person reads it and puts it where it belongs.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from string import Template

from pipeline.errors import ParameterError
from pipeline.plain_text import plain
from pipeline.settings.config import PROJECT, Kitchen

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.ASCII)

CRONTAB = """\
# kitchen cron: every hour; what it says is in $log, what goes wrong is mailed by cron
$minute * * * * KITCHEN_CONFIG=$quoted_config $quoted_program cron >/dev/null
# kitchen heartbeat: only where exporters run live
*/5 * * * * KITCHEN_CONFIG=$quoted_config $quoted_program heartbeat >/dev/null
"""

_SERVICE = """\
[Unit]
Description=Central Data Kitchen, $what
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User=$user
WorkingDirectory=$project
Environment="KITCHEN_CONFIG=$config" XDG_CACHE_HOME=%C/kitchen MPLCONFIGDIR=%C/kitchen
CacheDirectory=kitchen
# A line KITCHEN_ALERT_URLS=...; root:root 0600, as systemd reads it before it becomes $user
EnvironmentFile=-/etc/kitchen/alerts.env
ExecStart="$program" $command
# 10: another run is at it. 20: raw data is awaited. Neither is a failure.
SuccessExitStatus=10 20
TimeoutStartSec=$timeout
KillSignal=SIGTERM
TimeoutStopSec=60
UMask=0022
Nice=10
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ReadWritePaths=$writable
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
CapabilityBoundingSet=
"""

_TIMER = """\
[Unit]
Description=Central Data Kitchen, $what, on time

[Timer]
OnCalendar=$calendar
# a machine that was off runs it as soon as it is back
Persistent=true
RandomizedDelaySec=$delay

[Install]
WantedBy=timers.target
"""


def this_program() -> Path:
    """The `kitchen` of the environment that runs now."""
    return Path(sys.executable).with_name("kitchen")


def units(kitchen: Kitchen, program: Path, *, user: str, minute: int) -> dict[str, str]:
    """File name -> text: a crontab, and a service and timer for the run and for the heartbeat.

    Raises:
        ParameterError: no account can have that name, or a path has characters that units cannot hold.
    """
    if not _USER.fullmatch(user):
        raise ParameterError(f"--user: got {user!r}, wanted an account name such as kitchen")
    paths = {"program": program, "config": kitchen.file, "project": PROJECT}
    folders = sorted({kitchen.raw, kitchen.prepared, kitchen.snapshots})
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
    cron = {"what": "catch-up", "command": "cron", "timeout": "12h"}
    beat = {"what": "heartbeat", "command": "heartbeat", "timeout": "60"}
    return {
        "crontab": Template(CRONTAB).substitute(common),
        "kitchen-cron.service": Template(_SERVICE).substitute(common, **cron),
        "kitchen-cron.timer": Template(_TIMER).substitute(
            cron, calendar=f"*-*-* *:{minute:02}:00 UTC", delay="60"
        ),
        "kitchen-heartbeat.service": Template(_SERVICE).substitute(common, **beat),
        "kitchen-heartbeat.timer": Template(_TIMER).substitute(
            beat, calendar="*-*-* *:00/5:00 UTC", delay="5"
        ),
    }


def _refuse_odd(path: Path) -> None:
    """A blank, a quote or a per cent sign means something else in each of the three forms."""
    if re.search(r"[\s%\"'\\$]", str(path)) or plain(path) != str(path):
        raise ParameterError(
            f"{str(path)!r}: wanted a path without blanks, quotes, backslashes, $ and %, which a crontab"
            " and a unit file read as something else; move the project or link to it"
        )
