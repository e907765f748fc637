"""`kitchen accept`: after a refactor, receipts are stamped anew once samples come out equal."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import click

from pipeline.cli import options, output, progress
from pipeline.errors import ExitCode
from pipeline.runs import accept
from pipeline.runs.accept import Acceptance, Outcome

_SHOWN = 10


@click.command("accept")
@options.day_option("--start", help="First published UTC date; by default the first of all.")
@options.day_option("--stop", help="Last published UTC date, included; by default the last of all.")
@click.option(
    "--sample",
    "samples",
    type=click.IntRange(1, 1000),
    default=accept.SAMPLES,
    show_default=True,
    help="Days of each step, feed and symbol that are computed anew.",
)
@click.option("--who", help="Who accepts; by default the account's name.")
@click.option("--why", default="code without effect on content", show_default=True)
@output.json_option
def command(
    start: dt.date | None, stop: dt.date | None, samples: int, who: str | None, why: str
) -> None:
    """Take a change of code or libraries to be without effect, once samples prove it.

    Of every step, feed and symbol that only such a change made stale, some days are computed anew. If all
    come out with the content that is there, the receipts are stamped with the code of now, with who, why
    and when; if one does not, none is, and the exit code is 30. Other raw bytes, settings, governance or
    inputs, and damaged files, are never accepted. Nothing is published.

    \b
    Example:
      kitchen accept --start 2025-01-02 --stop 2025-01-31 --sample 3 --why "split a module"
    """
    given = Acceptance(who=accept.person() if who is None else who, why=why, samples=samples)
    days = accept.published_days(start, stop)
    with progress.shown("accept", "samples") as told:
        outcome = accept.accept(days, given, lambda done, of, unit: told(done, of, str(unit)))
    facts = {**outcome.facts(), "days": [day.isoformat() for day in days]}
    output.say(facts, _lines(outcome))
    if outcome.differs:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _lines(outcome: Outcome) -> list[str]:
    if outcome.differs:
        lines = ["nothing is accepted; computed anew, these come out otherwise:"]
        lines += [f"  {unit}: {', '.join(names)}" for unit, names in outcome.differs.items()]
        return [*lines, "they are stale; `kitchen backfill` makes them anew"]
    lines = [
        f"{len(outcome.accepted)} receipts accepted,"
        f" {len(outcome.sampled)} units computed anew with equal content"
    ]
    lines += [f"  {count:6}  {step}" for step, count in outcome.facts()["accepted"].items()]
    if outcome.left:
        why = Counter(text for texts in outcome.left.values() for text in texts)
        lines.append(f"{len(outcome.left)} units stay stale")
        lines += [f"  {count:6}  {text}" for text, count in why.most_common(_SHOWN)]
    return lines
