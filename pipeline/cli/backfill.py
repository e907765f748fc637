"""`kitchen backfill`: every missing or stale day of a range."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout

import click

from pipeline.cli import output
from pipeline.runs import backfill
from pipeline.tasks import program


@click.command("backfill")
@click.option("--start", required=True, help="First UTC date, YYYY-MM-DD.")
@click.option("--stop", required=True, help="Last UTC date, included.")
@click.option("--cascade", is_flag=True, help="Also later published days that look back on them.")
@click.option("--symbols", default="", help="Only days on which one of these is expected.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--scheduler", default="", help="luigid's address, or local; else as luigi.cfg says.")
@output.json_option
def command(
    start: str,
    stop: str,
    cascade: bool,
    symbols: str,
    workers: int,
    scheduler: str,
    as_json: bool,
) -> None:
    """Build what the days of a range lack, oldest first, and publish them.

    A day whose raw data is not there yet is pending and holds up no other day.

    \b
    Example:
      kitchen backfill --start 2025-01-02 --stop 2025-01-31 --workers 2
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    wanted = backfill.Range.parsed(start, stop, symbols, cascade=cascade)
    if scheduler:
        program.choose_scheduler(scheduler)
    program.prepare()
    try:
        with redirect_stdout(sys.stderr):  # what tasks say of themselves is no fact
            outcome = backfill.run(wanted, workers, None if as_json else _show)
    except KeyboardInterrupt as error:
        program.say_stopped(error)
    days = {
        name: [day.isoformat() for day in getattr(outcome, name)]
        for name in ("ready", "built", "pending", "failed", "unexpected")
    }
    facts = {**days, "seconds": outcome.seconds, "exit": outcome.exit_code}
    output.say(facts, [outcome.said()], as_json=as_json)
    sys.exit(outcome.exit_code)


def _show(done: int, total: int, left: float) -> None:
    click.echo(f"{done} of {total} days, about {backfill.duration(left)} left", err=True)
