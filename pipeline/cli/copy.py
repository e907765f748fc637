"""`kitchen copy`: revisions from one store to another."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from functools import partial

import click

from pipeline.cli import options, output, progress
from pipeline.errors import ExitCode, ParameterError
from pipeline.free_form import Json
from pipeline.publishing import copying
from pipeline.publishing.copying import COPIED, DAMAGED, REPAIRED, THERE, Copied
from pipeline.publishing.opening import open_store
from pipeline.settings.config import load_kitchen, store_place


@click.command("copy")
@click.option("--from", "source", metavar="STORE", help="By default the configured one.")
@click.option(
    "--to", "target", metavar="STORE", required=True, help="A folder, or s3://BUCKET/PREFIX."
)
@options.day_option("--start", help="First UTC date; by default the first of all.")
@options.day_option("--stop", help="Last UTC date, included; by default the last of all.")
@click.option("--dry-run", is_flag=True, help="Only say what would be copied.")
@click.option("--repair", is_flag=True, help="Put right what is damaged in the target.")
@output.json_option
def command(
    source: str | None,
    target: str,
    start: dt.date | None,
    stop: dt.date | None,
    dry_run: bool,
    repair: bool,
) -> None:
    """Copy revisions between stores, each with its number, bytes, papers and pin, and the stores' epochs.

    Every file is hashed and held against its manifest before it counts, also of what is there already. That
    stays: the same command again goes on where it was stopped. What is found damaged is named, the rest is
    copied, and the exit is 30. Nothing is ever replaced or deleted, but for --repair: files of the
    target that are not what was published become what they were.

    \b
    Examples:
      kitchen copy --from snapshots --to s3://research/kitchen --start 2025-01-01
      kitchen copy --from ../backup --to snapshots --repair
    """
    origin = open_store(store_place(source) if source else load_kitchen().snapshots)
    goal = open_store(store_place(target))
    if origin.disk.resolve() == goal.disk.resolve():
        raise ParameterError(f"--to: {goal.name} is the store to copy from; name another one")
    days = [day for day in origin.look().days() if (start or day) <= day <= (stop or day)]
    work = copying.plan if dry_run else partial(copying.copy, repair=repair)
    with progress.shown("copy", "dates") as told:
        silent = output.is_json() or output.is_quiet() or told.draws
        found = work(origin, goal, told.each(days))
        done = list(found if silent else _shown(found, dry_run))
    _say({"from": origin.name, "to": goal.name, "dry_run": dry_run}, done)


def _say(facts: Json, done: list[Copied]) -> None:
    """All of it, and which are damaged."""
    size = sum(each.bytes for each in done if each.what == COPIED)
    count = Counter(each.what for each in done)
    output.say(
        facts
        | {
            "revisions": [
                {"name": e.name, "what": e.what, "bytes": e.bytes, "why": e.why} for e in done
            ]
        },
        [
            *(output.Row((DAMAGED, each.why)) for each in done if each.what == DAMAGED),
            f"{count[COPIED]} revisions {'to be copied' if facts['dry_run'] else 'copied'}, {size:,} bytes;"
            f" {count[THERE]} were there"
            + "".join(f"; {count[what]} {what}" for what in (REPAIRED, DAMAGED) if count[what]),
        ],
    )
    if count[DAMAGED]:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _shown(done: Iterator[Copied], dry_run: bool) -> Iterator[Copied]:
    """A line each as it is done, for a copy of years takes long."""
    for each in done:
        word = "to copy" if dry_run and each.what == COPIED else each.what
        click.echo(f"{word:9}{each.name}  {each.bytes:,} bytes", err=True)
        yield each
