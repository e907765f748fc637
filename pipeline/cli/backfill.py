"""`kitchen backfill`: every missing or stale day of a range."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import click

from pipeline.cli import options, output, progress
from pipeline.model import workplace
from pipeline.runs import backfill
from pipeline.settings import working
from pipeline.settings.config import load_kitchen
from pipeline.tasks import advice, closing, program


@click.command("backfill")
@options.range_options
@click.option("--cascade", is_flag=True, help="Also later published days that look back on them.")
@options.symbols_option("Only days on which one of these is expected.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--executor", default="", help=f"{workplace.WORDS}; else as configured.")
@click.option("--scheduler", default="", help="luigid's address, or local; else as luigi.cfg says.")
@output.json_option
def command(
    start: dt.date,
    stop: dt.date,
    cascade: bool,
    symbols: tuple[str, ...],
    workers: int,
    executor: str,
    scheduler: str,
) -> None:
    """Build what the days of a range lack, oldest first, and publish them.

    A day whose raw data is not there yet is pending and holds up no other day.

    \b
    Example:
      kitchen backfill --start 2025-01-02 --stop 2025-01-31 --workers 2
    """
    wanted = backfill.Range(start=start, stop=stop, symbols=symbols, cascade=cascade)
    builders = working.asked(executor, "--executor") if executor else None
    if scheduler:
        program.choose_scheduler(scheduler)
    program.prepare()
    try:
        with (
            _no_facts(),
            progress.shown("backfill", "symbol-days", at_once=True) as told,
        ):
            outcome = backfill.run(wanted, workers, told, builders)
    except KeyboardInterrupt as error:
        program.say_stopped(error)
    days = {
        name: [day.isoformat() for day in getattr(outcome, name)]
        for name in ("ready", "built", "pending", "held", "failed", "unexpected")
    }
    facts = {**days, "seconds": outcome.seconds, "exit": outcome.exit_code}
    kitchen = load_kitchen()
    looked_at = closing.looked_at(kitchen, outcome.built[-1]) if outcome.built else []
    lacking = advice.no_raw_data(kitchen, outcome.unexpected)
    output.say(facts, [outcome.said(), *lacking, *looked_at])
    sys.exit(outcome.exit_code)


@contextmanager
def _no_facts() -> Iterator[None]:
    """What tasks say of themselves is none of the command's facts."""
    if not output.is_quiet():
        with redirect_stdout(sys.stderr):
            yield
        return
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        yield
