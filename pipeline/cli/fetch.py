"""`kitchen fetch`: klines from the exchange into the raw folder."""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter
from typing import Any

import click

from pipeline import asked, clock
from pipeline.cli import options, output
from pipeline.fetch.outcome import Outcome, exit_code
from pipeline.fetch.plan import Request
from pipeline.fetch.run import Tell, fetch
from pipeline.settings.config import load_kitchen


@click.command("fetch")
@options.day_option("--date", may_be_empty=True, help="Last UTC date. Default: yesterday.")
@click.option(
    "--days", type=click.IntRange(1, 3660), default=1, show_default=True, help="So many, to --date."
)
@options.symbols_option("Comma-separated names. Default: all configured.")
@click.option("--history", is_flag=True, help="Also the daily klines that macro features read.")
@click.option("--recheck", is_flag=True, help="Compare old files with the archive too.")
@click.option(
    "--use", default="", help="archive, rest, command: tried in this order. Default: fetch.use."
)
@click.option(
    "--kinds", default="", help="klines, trades, aggTrades: of each day. Default: fetch.kinds."
)
@click.option(
    "--missing-is-pending", is_flag=True, help="Exit 20 for days that are past their deadline, too."
)
@output.json_option
def command(
    date: dt.date | None, days: int, use: str, kinds: str, missing_is_pending: bool, **given: Any
) -> None:
    """Fetch klines and trades: from the public archive, the exchange's API, or the configured program.

    A file appears in the raw folder whole and checked, or not at all. Files of the last days
    (fetch.recheck_days) are compared with the archive again; a replaced one is kept beside it.

    \b
    Exit codes:
      0 all there   20 not published yet   30 failed, or missing past its deadline

    \b
    Example:
      kitchen fetch --date 2025-01-08 --days 7 --symbols BTCUSDT --use archive,rest
      kitchen fetch --date 2025-01-08 --kinds klines,trades,aggTrades
    """
    last = date or clock.utc_now().date() - dt.timedelta(days=1)
    first = last - dt.timedelta(days=days - 1)
    request = Request(
        first=first, last=last, use=asked.names(use), kinds=asked.names(kinds), **given
    )
    if output.is_json() or not sys.stderr.isatty():
        done = fetch(load_kitchen(), request, None if output.is_json() else _line)
    else:
        with click.progressbar(length=1, label="fetching", file=sys.stderr) as bar:
            done = fetch(load_kitchen(), request, _advance(bar))
        output.say({}, [outcome.line() for outcome in done])
    counts = Counter(outcome.status for outcome in done)
    code = exit_code(done, missing_is_pending=missing_is_pending)
    output.say(
        {"files": [o.facts() for o in done], "counts": dict(counts), "exit": code},
        [", ".join(f"{n} {status}" for status, n in sorted(counts.items())) or "nothing to fetch"],
    )
    click.get_current_context().exit(code)


def _line(outcome: Outcome, done: int, total: int) -> None:
    output.say({}, [f"{done}/{total} {outcome.line()}"])


def _advance(bar: Any) -> Tell:
    def tell(outcome: Outcome, done: int, total: int) -> None:
        bar.length = total
        bar.label = f"{outcome.symbol} {outcome.period}"
        bar.update(1)

    return tell
