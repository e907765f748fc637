"""`kitchen status`: the days of a range, their revisions and conditions, and what is stale."""

from __future__ import annotations

from typing import Any

import click

from pipeline.cli import output
from pipeline.runs import backfill, plan

_SHORT = {"available": "+", "degraded": "~", "missing": "-", "refused": "x"}


@click.command("status")
@click.option("--start", required=True, help="First UTC date, YYYY-MM-DD.")
@click.option("--stop", required=True, help="Last UTC date, included.")
@output.json_option
def command(start: str, stop: str, as_json: bool) -> None:
    """Show days x symbols: + available, ~ degraded, - missing; and whether the day is still true.

    \b
    Example:
      kitchen status --start 2025-01-02 --stop 2025-01-31
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    rows = plan.status(backfill.Range.parsed(start, stop).days())
    output.say({"days": rows}, [_line(row) for row in rows], as_json=as_json)


def _line(row: dict[str, Any]) -> str:
    revision = f"r{row['revision']}" if row["revision"] else "--"
    symbols = " ".join(f"{name} {_SHORT.get(c, c)}" for name, c in row["symbols"].items())
    return f"{row['date']}  {revision:4} {row['state']:8} {symbols}".rstrip()
