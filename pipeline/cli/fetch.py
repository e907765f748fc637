"""`kitchen fetch`: klines from the exchange into the raw folder."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import click

from pipeline import asked, clock
from pipeline.cli import options, output, progress
from pipeline.cli.progress import Progress
from pipeline.fetch.outcome import FETCHED, REISSUED, Outcome, away, exit_code
from pipeline.fetch.plan import Request
from pipeline.fetch.run import fetch
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

    Files come side by side (fetch.connections); of a whole month that is wanted, the month's archive comes.
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
    with progress.shown("fetch", "files") as told:
        one_by_one = not (output.is_json() or told.draws)
        done = fetch(load_kitchen(), request, Lines() if one_by_one else Came(told))
    if told.draws and not output.is_json():
        output.say({}, [outcome.line() for outcome in done if not outcome.unreached])
    counts, months = (_counts(done, only_months=months) for months in (False, True))
    code = exit_code(done, missing_is_pending=missing_is_pending)
    output.say(
        {"files": [o.facts() for o in done], "counts": counts, "months": months, "exit": code},
        [
            *away(done),
            (_listed(counts) or "nothing to fetch")
            + (f"; of these, files of a month: {_listed(months)}" if months else ""),
        ],
    )
    click.get_current_context().exit(code)


def _counts(done: list[Outcome], *, only_months: bool) -> dict[str, int]:
    return dict(Counter(o.status for o in done if o.is_month or not only_months))


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))


@dataclass(slots=True)
class Lines:
    """Prints a line for every outcome, in the order in which files were wanted, as soon as that can be.

    Files that wait for a host that cannot be reached are told together, in the end.
    """

    held: dict[int, Outcome] = field(default_factory=dict)
    said: int = 0

    def __call__(self, place: int, outcome: Outcome, total: int) -> None:
        """Takes an outcome."""
        self.held[place] = outcome
        while self.said in self.held:
            told = self.held.pop(self.said)
            self.said += 1
            if not told.unreached:
                output.say({}, [f"{self.said}/{total} {told.line()}"])


@dataclass(slots=True)
class Came:
    """Counts the files that came, and the rate of their bytes."""

    told: Progress
    files: int = 0
    bytes: int = 0

    def __call__(self, place: int, outcome: Outcome, total: int) -> None:
        """One more."""
        self.files += 1
        self.bytes += outcome.bytes if outcome.status in (FETCHED, REISSUED) else 0
        seconds = max(time.monotonic() - self.told.started, 1e-3)
        self.told(self.files, total, f"{self.bytes / seconds / 1e6:.1f} MB/s")
