"""Which commands bring raw data that is not there. Standard library alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import groupby

from pipeline import arrivals
from pipeline.plain_text import few
from pipeline.settings.config import Kitchen

_AT_MOST = 3
"""So many commands are named."""


def commands(kitchen: Kitchen, days: Iterable[dt.date], symbols: str = "") -> str:
    """A clause: the command of each run of dates, of all symbols or of those named, and of files at hand."""
    at_hand = "kitchen import FOLDER sorts in files that you have"
    asked = [_command(first, last, symbols) for first, last in runs(days)]
    if kitchen.simulated or not asked:
        return at_hand
    more = len(asked) - _AT_MOST
    said = "; ".join(asked[:_AT_MOST])
    also = f", and so for {more} more runs of dates" if more > 0 else ""
    return f"{said} asks the exchange{also}; {at_hand}"


def _command(first: dt.date, last: dt.date, symbols: str) -> str:
    count = (last - first).days + 1
    return (
        f"kitchen fetch --date {last}"
        + (f" --days {count}" if count > 1 else "")
        + (f" --symbols {symbols}" if symbols else "")
    )


def runs(days: Iterable[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """First and last of each run of dates without a gap, oldest first."""
    ordered = enumerate(sorted(set(days)))
    groups = groupby(ordered, key=lambda it: it[1].toordinal() - it[0])
    found = [[day for _, day in group] for _, group in groups]
    return [(run[0], run[-1]) for run in found]


def no_raw_data(kitchen: Kitchen, days: list[dt.date]) -> list[str]:
    """A sentence of those dates that have configured symbols and no raw data; none without such."""
    lacking = {day: arrivals.without_raw_data(kitchen, day) for day in days}
    days = [day for day, symbols in lacking.items() if symbols]
    if not days:
        return []
    names = list(dict.fromkeys(symbol.name for day in days for symbol in lacking[day]))
    spans = [f"{first}" + (f" to {last}" if last > first else "") for first, last in runs(days)]
    return [f"no raw data yet of {few(names)} on {few(spans)}: {commands(kitchen, days)}"]
