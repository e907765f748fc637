"""`kitchen why`: the reason for each unit behind a date that has to run."""

from __future__ import annotations

import click

from pipeline import asked
from pipeline.cli import output
from pipeline.runs import plan
from pipeline.settings.config import load_kitchen


@click.command("why")
@click.argument("date")
@click.argument("symbol", required=False)
@output.json_option
def command(date: str, symbol: str | None, as_json: bool) -> None:
    """Say part by part why a date, or one symbol of it, would be computed anew.

    \b
    Example:
      kitchen why 2025-01-02 BTCUSDT
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    day = asked.day(date, "DATE")
    if symbol is not None:
        load_kitchen().symbol(symbol)
    found = plan.why(day, symbol)
    lines = [f"{unit}: {'; '.join(texts)}" for unit, texts in found.items()]
    pending = f"{date}: nothing has to run; it is finished, or its raw data is not there yet"
    output.say({"date": date, "units": found}, lines or [pending], as_json=as_json)
