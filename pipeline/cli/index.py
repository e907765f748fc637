"""`kitchen index`: the condition of every day and symbol, made anew."""

from __future__ import annotations

from collections import Counter

import click

from pipeline.cli import output
from pipeline.publishing import index
from pipeline.publishing.store import Store
from pipeline.settings.config import load_kitchen


@click.command("index")
@output.json_option
def command(as_json: bool) -> None:
    """Make snapshots/index.json anew from the published revisions.

    Every publication keeps it up to date; this is for a store that was restored or moved.

    \b
    Example:
      kitchen index --json
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    store = Store(load_kitchen().snapshots)
    days = index.rebuild(store)
    states = Counter(entry["condition"] for entry in days.values())
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    output.say(
        {"file": str(index.path(store)), "days": days},
        [f"{index.path(store)}: {len(days)} days{f', {told}' if told else ''}"],
        as_json=as_json,
    )
