"""`kitchen watch`: keeps luigid and the rounds of the other commands running."""

from __future__ import annotations

import click

from pipeline.cli import output
from pipeline.settings.config import load_kitchen
from pipeline.unattended import watch


@click.command("watch")
@click.option("--no-luigid", is_flag=True, help="Somebody else keeps luigid running.")
@click.option("--seconds", type=click.FloatRange(0.1), help="Stop after so long. Default: never.")
@click.option("--list", "listed", is_flag=True, help="Say what would be kept running, and end.")
@output.json_option
def command(no_luigid: bool, seconds: float | None, listed: bool) -> None:
    """Keep luigid, the heartbeat watch, intraday days and the catch-up running, without systemd.

    What ends is started again, after pauses that grow from 1 s to 5 min. SIGTERM stops everything.
    How often the rounds run is the section `watch` of the configuration.

    \b
    Example:
      kitchen watch --no-luigid
    """
    kitchen = load_kitchen()
    works = watch.works(kitchen.operations.watch, luigid=not no_luigid)
    facts = {work.name: {"command": list(work.command), "every": work.every} for work in works}
    lines = [
        f"{work.name}: {'all the time' if work.every is None else f'every {work.every:g} s'}"
        for work in works
    ]
    output.say(facts, lines)
    if not listed:
        watch.run(kitchen, works, seconds)
