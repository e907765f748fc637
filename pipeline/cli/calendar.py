"""`kitchen calendar`: all published days on one page."""

from __future__ import annotations

from collections import Counter

import click

from pipeline.cli import output
from pipeline.dashboard.calendar_page import FILE, write
from pipeline.publishing.opening import open_store
from pipeline.settings.config import load_kitchen


@click.command("calendar")
@output.json_option
def command() -> None:
    """Write snapshots/index.html: every day and symbol by condition, with trends and links to the reports.

    \b
    Example:
      kitchen calendar --json
    """
    store = open_store(load_kitchen().snapshots)
    days, path = write(store), f"{store.name}/{FILE}"
    counts = dict(sorted(Counter(day.condition for day in days).items()))
    told = ", ".join(f"{count} {state}" for state, count in counts.items()) or "nothing published"
    output.say({"file": path, "symbol_days": counts}, [f"{path}: {told}"])
