"""`kitchen index`: the condition of every day and symbol, made anew."""

from __future__ import annotations

from collections import Counter

import click

from pipeline.cli import output, progress
from pipeline.contracts.value import to_json
from pipeline.errors import PublishError
from pipeline.publishing import index
from pipeline.publishing.delta_view import FOLDER, Views
from pipeline.publishing.opening import open_store
from pipeline.settings.config import load_kitchen


@click.command("index")
@output.json_option
def command() -> None:
    """Make snapshots/index.json, and the Delta views that are configured, anew from the published revisions.

    Every publication keeps them up to date; this is for a store that was restored or moved.

    \b
    Example:
      kitchen index --json
    """
    kitchen = load_kitchen()
    store, views = open_store(kitchen.snapshots), Views(kitchen.snapshots, kitchen.delta)
    views.check()
    with progress.shown("index", "days") as far:
        made, path = index.rebuild(store, far), f"{store.name}/{index.FILE}"
    states = Counter(entry.condition for entry in made.days.values())
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    for fault in views.rebuild():
        raise PublishError(fault)
    output.say(
        {"file": path, "delta": list(kitchen.delta), **to_json(made)},
        [
            f"{path}: {len(made.days)} days{f', {told}' if told else ''}",
            *(f"{store.name}/{FOLDER}/{table}: a Delta table" for table in kitchen.delta),
        ],
    )
