"""`kitchen calendar`: all published days on one page."""

from __future__ import annotations

from collections import Counter

import click

from pipeline.cli import output
from pipeline.dashboard.calendar_page import write
from pipeline.publishing.store import Store
from pipeline.settings.config import load_kitchen


@click.command("calendar")
@output.json_option
def command() -> None:
    """Write snapshots/index.html: every day and symbol by condition, with trends and links to the reports.

    \b
    Example:
      kitchen calendar --json
    """
    path, days = write(Store(load_kitchen().snapshots))
    counts = dict(sorted(Counter(day.condition for day in days).items()))
    told = ", ".join(f"{count} {state}" for state, count in counts.items()) or "nothing published"
    output.say({"file": str(path), "symbol_days": counts}, [f"{path}: {told}"])
