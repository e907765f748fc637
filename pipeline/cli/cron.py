"""`kitchen cron`: the unattended run, and how to install it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import click

from pipeline.cli import output
from pipeline.clock import utc_now
from pipeline.errors import ConfigError, ExitCode
from pipeline.locations import config_file
from pipeline.publishing import day_state
from pipeline.settings.config import Kitchen, load_kitchen
from pipeline.tasks import closing
from pipeline.unattended import alert_routing, alerts, cron, service_files


@click.group("cron", invoke_without_command=True)
@click.option("--look-back", type=click.IntRange(1, 366), help="Completed days to look at.")
@output.json_option
@click.pass_context
def command(context: click.Context, look_back: int | None) -> None:
    """Catch up without a person: build what the look-back lacks, and tell what is wrong.

    It may run as often as you like, from any folder and with an empty environment; one run at a time.

    \b
    Example:
      kitchen cron --look-back 7
    \b
    Exit codes:
      0 every day is published    25 not granted by the scheduler
      10 another run is at it     30 a day failed
      20 raw data is awaited      35, 40 a fault of set-up; 130 stopped
    """
    if context.invoked_subcommand is not None:
        return
    os.umask(os.umask(0o077) | 0o002)  # nothing that it makes may be written to by anybody
    kitchen = _kitchen()
    outcome = cron.run(_with_look_back(kitchen, look_back), utc_now())
    lines = [f"{day}: {judged.state}, {judged.why}" for day, judged in outcome.days.items()]
    lines += [f"{problem.what}; do: {problem.action}" for problem in outcome.problems]
    done = [day for day, judged in outcome.days.items() if judged.state == day_state.PUBLISHED]
    lines += closing.looked_at(kitchen, max(done)) if done else []
    if outcome.code == ExitCode.LOCKED:
        lines.append("another run is at it")
    output.say(outcome.facts(), lines)
    sys.exit(outcome.code)


def _kitchen() -> Kitchen:
    """The configuration; one that cannot be read is told, since nobody sees this run end."""
    try:
        kitchen = load_kitchen()
    except ConfigError as error:
        cron.unreadable(config_file(), error, utc_now(), alerts.send)
        raise
    alert_routing.keep(kitchen)
    return kitchen


def _with_look_back(kitchen: Kitchen, days: int | None) -> Kitchen:
    if days is None:
        return kitchen
    settings = replace(kitchen.operations.cron, look_back_days=days)
    return replace(kitchen, operations=replace(kitchen.operations, cron=settings))


@command.command("install")
@click.option("--print", "shown", is_flag=True, required=True, help="Print; nothing is installed.")
@click.option("--minute", type=click.IntRange(0, 59), default=17, show_default=True)
@click.option("--user", default="kitchen", show_default=True, help="The account of the service.")
@output.json_option
def install(shown: bool, minute: int, user: str) -> None:
    """Print the crontab line, and a hardened systemd service and timer.

    \b
    Example:
      kitchen cron install --print --user kitchen
    """
    made = service_files.units(
        load_kitchen(), service_files.this_program(), user=user, minute=minute
    )
    lines = [line for name, text in made.items() for line in (f"# --- {name}", text)]
    output.say(made, lines)
