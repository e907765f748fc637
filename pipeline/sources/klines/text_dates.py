"""Dates as people and spreadsheets write them -> ISO text: day or month first, no leading zeros, AM and PM.

Belongs here: the order of day and month, which a file's own dates tell or nobody. Instants are `clock.py`'s.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

DAY_FIRST, MONTH_FIRST = "day first", "month first"

_YEAR_LAST = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})(?:[T ,]+(.+))?")
_YEAR_FIRST = re.compile(r"([0-9]{4})([./-])([0-9]{1,2})\2([0-9]{1,2})(?:[T ]+(.+))?")
_CLOCK = re.compile(r"([0-9]{1,2})(:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?) ?([AP]M)?(.*)", re.I)
_ZONES = re.compile(r" ?(?:UTC|GMT)$")


def is_year_last(value: object) -> bool:
    """Whether a stamp needs the order of its day and month."""
    return (
        isinstance(value, str)
        and not value[:4].isdigit()
        and _YEAR_LAST.fullmatch(value.strip()) is not None
    )


def iso_text(text: str, order: str | None = None) -> str:
    """The stamp as ISO 8601, a zone that it names kept; text of another form as it is.

    Raises:
        ValueError: day and month stand before the year, and no order is given.
    """
    text = _ZONES.sub("Z", text)
    found = _YEAR_FIRST.fullmatch(text)
    if found is not None:
        year, _, month, day, clock = found.groups()
        return f"{year}-{month:0>2}-{day:0>2}T{_clock(clock)}"
    found = _YEAR_LAST.fullmatch(text)
    if found is None:
        return text
    if order is None:
        raise ValueError(f"{text!r}: which is the day and which the month is not known")
    first, _, second, year, clock = found.groups()
    day, month = (first, second) if order == DAY_FIRST else (second, first)
    return f"{year}-{month:0>2}-{day:0>2}T{_clock(clock)}"


def order_of(texts: Iterable[str], around: dt.date) -> str | None:
    """The order of day and month in a file; None where its dates do not tell.

    An order under which some date is none of the calendar is out; then the one whose dates lie closer
    together is right, as minutes follow each other; then the one with dates in the month that the file is
    asked for.
    """
    found = {match.group(1, 3, 4) for text in texts if (match := _YEAR_LAST.fullmatch(text))}
    dates = {
        order: days
        for order, (day, month) in ((DAY_FIRST, (0, 1)), (MONTH_FIRST, (1, 0)))
        if (days := _days([(parts[2], parts[month], parts[day]) for parts in found]))
    }
    if len(dates) > 1 and dates[DAY_FIRST] != dates[MONTH_FIRST]:
        spans = {order: max(days) - min(days) for order, days in dates.items()}
        if len(set(spans.values())) > 1:
            return min(spans, key=lambda order: spans[order])
        month = (around.year, around.month)
        dates = {o: d for o, d in dates.items() if any((x.year, x.month) == month for x in d)}
        if len(dates) > 1:
            return None
    return next(iter(dates), None)


def _days(parts: list[tuple[str, ...]]) -> set[dt.date] | None:
    try:
        return {dt.date(int(year), int(month), int(day)) for year, month, day in parts}
    except ValueError:
        return None


def _clock(text: str | None) -> str:
    if text is None:
        return "00:00"
    found = _CLOCK.fullmatch(text)
    if found is None:
        return text
    hour, rest, half, zone = found.groups()
    if half and 1 <= int(hour) <= 12:
        hour = str(int(hour) % 12 + 12 * (half.upper() == "PM"))
    return f"{hour:0>2}{rest}{zone.strip()}"
