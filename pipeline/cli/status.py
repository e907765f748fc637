"""`kitchen status`: the days of a range, their revisions and conditions, and what is stale."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

import click

from pipeline.cli import options, output, progress
from pipeline.clock import parse_day as day
from pipeline.clock import utc_now
from pipeline.runs import backfill, plan
from pipeline.runs.plan import DayStatus
from pipeline.tasks import advice, context

_NEWEST = 14
"""So many dates are shown where no range is asked for."""

_SHORT = {"available": "+", "degraded": "~", "missing": "-", "refused": "x"}


@click.command("status")
@options.range_if_any_options
@output.json_option
def command(start: dt.date | None, stop: dt.date | None) -> None:
    """Show days x symbols: + available, ~ degraded, - missing; and whether the day is still true.

    Without a range: the newest 14 dates that are published or have raw data.

    \b
    Example:
      kitchen status --start 2025-01-02 --stop 2025-01-31
    """
    days = _days(start, stop)
    with progress.shown("status", "days") as told:
        rows = plan.status(days, told.each)
    behind = context.views().behind()
    output.say(
        {"days": [asdict(row) for row in rows], "delta_behind": behind},
        [
            *(output.table(map(_cells, rows)) if rows else [_nothing()]),
            *_lacking(rows),
            *map(_behind, behind),
        ],
    )


def _days(start: dt.date | None, stop: dt.date | None) -> list[dt.date]:
    if start is not None and stop is not None:
        return backfill.Range(start=start, stop=stop).days()
    if start is not None or stop is not None:
        raise click.UsageError("give --start and --stop, or neither for the newest dates")
    return plan.newest(_NEWEST)


def _nothing() -> str:
    kitchen = context.kitchen()
    yesterday = utc_now().date() - dt.timedelta(days=1)
    return (
        f"nothing is published, and no raw data is in {kitchen.raw}:"
        f" {advice.commands(kitchen, [yesterday])}"
    )


def _lacking(rows: list[DayStatus]) -> list[str]:
    """What `missing` and `none` are, and what to do about them."""
    kitchen = context.kitchen()
    of = {state: [day(r.date) for r in rows if r.state == state] for state in ("missing", "none")}
    late = "missing: no klines of any symbol came before their deadline: "
    return [
        *([late + advice.commands(kitchen, of["missing"])] if of["missing"] else []),
        *(f"none: {said}" for said in advice.no_raw_data(kitchen, of["none"])),
    ]


def _behind(table: str) -> str:
    return f"the Delta view of {table} is behind: `kitchen index` brings it up to date"


def _cells(row: DayStatus) -> tuple[str, ...]:
    revision = f"r{row.revision}" if row.revision else "--"
    symbols = " ".join(f"{name} {_SHORT.get(c, c)}" for name, c in row.symbols.items())
    return row.date, revision, row.state, symbols
