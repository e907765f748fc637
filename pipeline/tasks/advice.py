"""Which commands bring raw data that is not there. Standard library alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from pipeline import arrivals
from pipeline.clock import from_to, unbroken
from pipeline.plain_text import few
from pipeline.settings.config import Kitchen

_AT_MOST = 3
"""So many commands are named."""


def commands(kitchen: Kitchen, days: Iterable[dt.date], symbols: str = "") -> str:
    """A clause: the command of each run of dates, of all symbols or of those named, and of files at hand."""
    at_hand = "kitchen import FOLDER sorts in files that you have"
    asked = [fetching(first, last, symbols) for first, last in unbroken(days)]
    if kitchen.simulated or not asked:
        return at_hand
    more = len(asked) - _AT_MOST
    said = "; ".join(asked[:_AT_MOST])
    also = f", and so for {more} more runs of dates" if more > 0 else ""
    return f"{said} asks the exchange{also}; {at_hand}"


def fetching(first: dt.date, last: dt.date, symbols: str = "") -> str:
    """The command that asks the exchange for a run of dates."""
    count = (last - first).days + 1
    return (
        f"kitchen fetch --date {last}"
        + (f" --days {count}" if count > 1 else "")
        + (f" --symbols {symbols}" if symbols else "")
    )


def no_raw_data(kitchen: Kitchen, days: list[dt.date]) -> list[str]:
    """A sentence of those dates that have configured symbols and no raw data; none without such."""
    lacking = {day: arrivals.without_raw_data(kitchen, day) for day in days}
    days = [day for day, symbols in lacking.items() if symbols]
    if not days:
        return []
    names = list(dict.fromkeys(symbol.name for day in days for symbol in lacking[day]))
    spans = few([from_to(*run) for run in unbroken(days)])
    return [f"no raw data yet of {few(names)} on {spans}: {commands(kitchen, days)}"]
