"""`kitchen why`: the reason for each unit behind a date that has to run."""

from __future__ import annotations

import datetime as dt

import click

from pipeline.cli import options, output
from pipeline.runs import plan
from pipeline.settings.config import load_kitchen


@click.command("why")
@options.day_argument("date")
@click.argument("symbol", required=False)
@output.json_option
def command(date: dt.date, symbol: str | None) -> None:
    """Say part by part why a date, or one symbol of it, would be computed anew.

    \b
    Example:
      kitchen why 2025-01-02 BTCUSDT
    """
    if symbol is not None:
        load_kitchen().symbol(symbol)
    found = plan.why(date, symbol)
    lines = [f"{unit}: {'; '.join(texts)}" for unit, texts in found.items()]
    pending = f"{date}: nothing has to run; it is finished, or its raw data is not there yet"
    output.say({"date": date.isoformat(), "units": found}, lines or [pending])
