"""`kitchen intraday`: today's partial day, prepared up to the report."""

from __future__ import annotations

import datetime as dt

import click

from pipeline.cli import options, output
from pipeline.clock import utc_now
from pipeline.runs.intraday import CONDITION, prepare
from pipeline.settings.config import load_kitchen


@click.command("intraday")
@options.day_option(
    "--date", may_be_empty=True, help="A UTC date that is not settled. Default: all such."
)
@click.option("--symbol", help="One configured symbol. Default: all.")
@output.json_option
def command(date: dt.date | None, symbol: str | None) -> None:
    """Prepare bars and report of a day that is still going on. Nothing is published.

    It may run again and again: only what new raw lines change is done. The condition stays pending
    until the day's feeds have settled; then the snapshot is made from the raw files alone.

    \b
    Example:
      kitchen intraday --symbol BTCUSDT
    """
    found = prepare(load_kitchen(), utc_now(), date, symbol)
    output.say(
        {"condition": CONDITION, "days": [partial.facts() for partial in found]},
        [str(partial) for partial in found] or ["no day is open"],
    )
