"""`kitchen heartbeat`: are the live exporters alive?"""

from __future__ import annotations

import sys

import click

from pipeline.cli import output
from pipeline.clock import utc_now
from pipeline.errors import ConfigError, ExitCode
from pipeline.locations import config_file
from pipeline.settings.config import Kitchen, load_kitchen
from pipeline.unattended import alert_routing, heartbeat
from pipeline.unattended.exporter_ages import signs


@click.command("heartbeat")
@click.option("--no-alert", is_flag=True, help="Look and print, tell nobody.")
@output.json_option
def command(no_alert: bool) -> None:
    """Ages of every live exporter's heartbeat, newest file and newest row.

    Exit 0 when all are alive, 30 when one is stale by the thresholds of CONTROL (section heartbeat), or
    when `kitchen cron` has not succeeded for too long. Stale ones are told through the configured alerts,
    as is a configuration that cannot be read.

    \b
    Example:
      kitchen heartbeat --no-alert
    """
    kitchen, now = _kitchen(alert=not no_alert), utc_now()
    found = signs(kitchen, now)
    wrong = heartbeat.problems(kitchen, found, now)
    if not no_alert:
        heartbeat.tell(kitchen, wrong, now)
    code = ExitCode.FAILED if wrong else ExitCode.DONE
    facts = {
        "exit": code,
        "signs": [sign.facts() for sign in found],
        "problems": [{"what": problem.what, "do": problem.action} for problem in wrong],
    }
    alive = [str(sign) for sign in found if not sign.stale]
    told = [f"{problem.what}; do: {problem.action}" for problem in wrong]
    lines = [*alive, *told] or ["no symbol with live exports is configured"]
    output.say(facts, lines)
    sys.exit(code)


def _kitchen(*, alert: bool) -> Kitchen:
    """The configuration; one that cannot be read is told, since a timer's run has no reader."""
    try:
        kitchen = load_kitchen()
    except ConfigError as error:
        if alert:
            heartbeat.unreadable(config_file(), error, utc_now())
        raise
    if alert:
        alert_routing.keep(kitchen)
    return kitchen
