"""`kitchen gc`: which old revisions a policy would collect; and collecting them."""

from __future__ import annotations

import click

from pipeline import clock
from pipeline.cli import output
from pipeline.errors import ParameterError
from pipeline.publishing import collect, revisions
from pipeline.publishing.collect import Item, Policy
from pipeline.publishing.delta_view import Views
from pipeline.publishing.opening import open_store
from pipeline.publishing.store import Store
from pipeline.settings.config import load_kitchen

GRACE_DAYS = 7.0
"""Longer than any reader holds a revision open."""


@click.command("gc")
@click.option("--keep", type=int, help="Newest whole revisions to keep of each date.")
@click.option(
    "--grace-days", type=float, default=GRACE_DAYS, show_default=True, help="In the trash."
)
@click.option("--apply", "do_it", is_flag=True, help="Do it; without, only the plan is shown.")
@click.option("--undo", metavar="D.rN", help="Bring a revision back from the trash.")
@output.json_option
def command(keep: int | None, grace_days: float, do_it: bool, undo: str | None) -> None:
    """Collect old revisions: into the trash first, deleted after a time of grace.

    Never touched: what a link names, the newest --keep revisions of a date, pinned ones, and any that
    cannot be read or is not what was published. Without --apply nothing is changed.

    \b
    Example:
      kitchen gc --keep 2 --apply
    """
    kitchen = load_kitchen()
    store = open_store(kitchen.snapshots)
    if undo is not None:
        _undo(store, undo)
        return
    if keep is None:
        raise click.UsageError("say how many revisions of a date to keep: --keep 2")
    policy, now = Policy(keep=keep, grace_days=grace_days), clock.utc_now()
    items = collect.collect(store, policy, now) if do_it else collect.plan(store, policy, now)
    if do_it:
        Views(kitchen.snapshots, kitchen.delta).follow(tidy=True)
    output.say(
        {
            "applied": do_it,
            "keep": keep,
            "grace_days": grace_days,
            "items": [
                {"name": i.name, "action": i.action, "why": i.why, "bytes": i.bytes} for i in items
            ],
        },
        _lines(items, do_it),
    )


def _undo(store: Store, text: str) -> None:
    day, number = revisions.parse(text)
    if number is None:
        raise ParameterError(f"{text}: wanted a revision such as 2025-01-02.r1")
    name = store.restore(day, number)
    output.say({"back": name}, [f"{name}: back from the trash"])


def _lines(items: list[Item], done: bool) -> list[str | output.Row]:
    words = {"trash": "into the trash", "delete": "deleted" if done else "delete", "wait": "waits"}
    rows = [
        (words[i.action], i.name, f"{i.bytes:,} bytes", i.why) for i in items if i.action in words
    ]
    kept = sum(i.action == "keep" for i in items)
    last = [] if done else [f"{kept} kept; nothing was changed, --apply does it"]
    return [*output.table(rows), *last] or ["nothing to collect"]
