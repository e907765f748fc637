"""`kitchen release`: which releases published into the store, and which is in force."""

from __future__ import annotations

import click

from pipeline.cli import output
from pipeline.contracts.value import to_json
from pipeline.errors import ReleaseError
from pipeline.freshness import release
from pipeline.freshness.release import Release
from pipeline.publishing import epochs
from pipeline.publishing.epochs import Epoch, Publisher
from pipeline.publishing.opening import open_store
from pipeline.publishing.store import Store
from pipeline.settings.config import Kitchen
from pipeline.tasks import context


@click.group("release", invoke_without_command=True)
@output.json_option
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show or adopt the release whose results the store takes.

    Each release that published has an epoch in the store. The last one is in force: what builds by other
    code, libraries, rules or another Python is refused with exit code 40, before it builds. A store in which
    only one host ever published adopts what that host has by itself.

    \b
    Example:
      kitchen release
      kitchen release adopt
    """
    if ctx.invoked_subcommand is None:
        _show()


@command.command("show")
@output.json_option
def show() -> None:
    """Show the epochs, which is in force, and in what this release differs.

    \b
    Example:
      kitchen release show --json
    """
    _show()


@command.command("adopt")
@output.json_option
def adopt() -> None:
    """Take this release for the store's from now on, on every host.

    Nothing is built or published. Other releases are refused from now on, those before epochs too.

    \b
    Example:
      kitchen release adopt
    """
    own, store, _ = _asked()
    adopted = Publisher(own).adopt(store)
    output.say({"adopted": to_json(adopted)}, [f"{store.name}: {adopted}, is in force"])


def _asked() -> tuple[Release, Store, Kitchen]:
    kitchen = context.kitchen()
    return release.of(context.freshness()), open_store(kitchen.snapshots), kitchen


def _show() -> None:
    own, store, kitchen = _asked()
    known = epochs.known(store)
    refused = _refused(own, store, kitchen)
    facts = {
        "store": store.name,
        "own": to_json(own),
        "epochs": [{**to_json(epoch), "differs": own.against(epoch.release)} for epoch in known],
        "refused": refused,
    }
    lines = [_line(own, epoch, epoch is known[-1]) for epoch in known] or ["no epoch yet"]
    output.say(facts, [*lines, f"here: {own}", refused or "it may build and publish"])


def _refused(own: Release, store: Store, kitchen: Kitchen) -> str:
    try:
        Publisher(own, adopts=kitchen.adopts).may(store)
    except ReleaseError as error:
        return str(error)
    return ""


def _line(own: Release, epoch: Epoch, in_force: bool) -> str:
    words = [str(epoch), *(["in force"] if in_force else [])]
    return f"{', '.join(words)}: {own.against(epoch.release) or 'as here'}"
