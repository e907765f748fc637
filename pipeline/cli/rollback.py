"""`kitchen rollback`: a new revision with an older content."""

from __future__ import annotations

import datetime as dt

import click

from pipeline.cli import options, output
from pipeline.errors import ParameterError
from pipeline.publishing import signing
from pipeline.publishing.delta_view import Views
from pipeline.publishing.opening import open_store
from pipeline.publishing.rollback import rollback
from pipeline.settings.config import load_kitchen


@click.command("rollback")
@options.day_argument("date")
@click.argument("revision", metavar="rN")
@click.option("--reason", required=True, help="Why, in words; it stands in publication.json.")
@output.json_option
def command(date: dt.date, revision: str, reason: str) -> None:
    """Publish the content of an older revision again, as the date's next revision.

    No byte of any revision changes. What the later revisions say is withdrawn: the next Snapshot run leaves
    the rolled-back content in place until the raw files or the rules give something else.

    \b
    Example:
      kitchen rollback 2025-01-02 r1 --reason "r2 came from a wrong export"
    """
    kitchen = load_kitchen()
    number = revision.removeprefix("r")
    if not number.isascii() or not number.isdigit() or int(number) < 1:
        raise ParameterError(f"{revision!r} is no revision; wanted r1, r2 and so on")
    path = signing.key_file(kitchen)
    key = None if path is None else signing.load(path, kitchen)
    store = open_store(kitchen.snapshots)
    sealed = rollback(store, date, int(number), reason, key)
    Views(kitchen.snapshots, kitchen.delta).follow()
    folder = store.url(date, sealed.revision)
    what = f"published with the content of r{int(number)}" if sealed.new else sealed.note
    output.say(
        {
            "date": date.isoformat(),
            "revision": sealed.revision,
            "content_of": int(number),
            "new": sealed.new,
            "folder": folder,
        },
        [f"{date} r{sealed.revision}: {what}", f"  folder  {folder}"],
    )
