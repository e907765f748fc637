"""`kitchen plan`: what a backfill of a range would do, and why."""

from __future__ import annotations

import datetime as dt

import click

from pipeline.cli import options, output, progress
from pipeline.runs import backfill, plan


@click.command("plan")
@options.range_options
@output.json_option
def command(start: dt.date, stop: dt.date) -> None:
    """Say what would run for a range of days: how many units a step, why, and for about how long.

    \b
    Example:
      kitchen plan --start 2025-01-02 --stop 2025-01-31
    """
    with progress.shown("plan", "days") as told:
        found = plan.plan(told.each(backfill.Range(start=start, stop=stop).days()))
    facts = {
        "days": [day.isoformat() for day in found.days()],
        "pending": [day.isoformat() for day in found.pending],
        "steps": found.steps(),
        "reasons": found.why(),
        "seconds": found.seconds,
        "unmeasured": found.unmeasured,
    }
    output.say(facts, _lines(found))


def _lines(found: plan.Plan) -> list[str | output.Row]:
    if not found.reasons:
        return [f"nothing to do, {len(found.pending)} days pending"]
    lines: list[str | output.Row] = [
        f"{len(found.days())} days, {len(found.reasons)} units, {_work(found)},"
        f" {len(found.pending)} days pending",
        f"  {plan.AT_MOST}",
    ]
    lines += [output.Row((f"  {count:6}", step)) for step, count in found.steps().items()]
    lines += ["because"]
    return lines + [
        output.Row((f"  {count:6}", text)) for text, count in list(found.why().items())[:20]
    ]


def _work(found: plan.Plan) -> str:
    """For how long, as far as their like ran here before."""
    if found.unmeasured == len(found.reasons):
        return "how long is unknown, for nothing like it ran here yet"
    more = f", and {found.unmeasured} units of unknown length" if found.unmeasured else ""
    return f"about {progress.duration(found.seconds)} of work{more}"
