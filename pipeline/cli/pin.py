"""`kitchen pin`: revisions that are never collected."""

from __future__ import annotations

import click

from pipeline.cli import output
from pipeline.contracts.value import to_json
from pipeline.publishing import pins, revisions
from pipeline.publishing.opening import open_store
from pipeline.settings.config import load_kitchen


@click.command("pin")
@click.argument("revision", metavar="[D.rN]", required=False)
@click.option("--note", default="", help="Who needs it, and for what.")
@click.option("--remove", is_flag=True, help="Take the pin away.")
@output.json_option
def command(revision: str | None, note: str, remove: bool) -> None:
    """Keep a revision for ever, or list what is kept.

    A date without a number pins its current revision.

    \b
    Example:
      kitchen pin 2025-01-02.r1 --note "paper of March"
    """
    store = open_store(load_kitchen().snapshots)
    changed = None
    if revision is not None:
        day, number = revisions.parse(revision)
        changed = pins.unpin(store, day, number) if remove else pins.pin(store, day, number, note)
    elif remove or note:
        raise click.UsageError("name a revision such as 2025-01-02.r1")
    kept = pins.pinned(store)
    lines = [f"{changed}: {'no longer pinned' if remove else 'pinned'}"] if changed else []
    if changed is None:
        lines = [f"{name}  {pin.note}".rstrip() for name, pin in kept.items()]
    told = {name: to_json(pin) for name, pin in kept.items()}
    output.say({"changed": changed, "pinned": told}, lines or ["nothing is pinned"])
