"""The only time parser: any vendor stamp becomes integer microseconds UTC here, at the door.

Belongs here: instants, half-open days `[00:00, 24:00)` UTC, minutes `[open, open + 60 s)`, epoch units,
runs of dates.
Does not belong here: which vendor means what by a stamp (`sources/`), finding offsets (`alignment/`).
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
MINUTES_PER_DAY = 1440

EPOCH_UNITS = {"s": SECOND_US, "ms": 1_000, "us": 1}
"""Epoch unit -> microseconds in one of it. Nanoseconds are divided, see `epoch_us`."""

# Instants between 2001-09-09 and 2286 have a fixed number of digits in every unit,
# so that magnitude alone tells the unit of any market timestamp.
_UNIT_FLOORS = (("ns", 10**18), ("us", 10**15), ("ms", 10**12), ("s", 10**9))

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MINUTE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2})")
_WITHIN = re.compile(r"(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|z|[+-][0-9]{2}:?[0-9]{2})?")
_MINUTE_TEXT = len("2025-01-02T00:01")


def parse_day(text: str) -> dt.date:
    """`2025-01-02`, exactly so, as a date.

    Raises:
        ValueError: anything else, full-width digits and surrounding blanks included.
    """
    if not _DAY.fullmatch(text):
        raise ValueError(f"{text!r} is not a date in the form YYYY-MM-DD")
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date of the calendar ({error})") from None


@lru_cache(maxsize=4096)
def day_open_us(day: dt.date) -> int:
    """00:00 UTC of `day` in microseconds since 1970."""
    return (day.toordinal() - 719_163) * DAY_US


def day_of(instant_us: int) -> dt.date:
    """The UTC date whose `[00:00, 24:00)` holds the instant."""
    return dt.date.fromordinal(instant_us // DAY_US + 719_163)


def unbroken(days: Iterable[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """First and last of each run of dates without a gap, oldest first."""
    ordered = sorted(set(days))
    broken = [(a, b) for a, b in pairwise(ordered) if (b - a).days > 1]
    starts, ends = ordered[:1] + [b for _, b in broken], [a for a, _ in broken] + ordered[-1:]
    return list(zip(starts, ends, strict=True))


def from_to(first: dt.date | str, last: dt.date | str) -> str:
    """`2025-01-02 to 2025-01-05`, or the one date."""
    return f"{first} to {last}" if last != first else f"{first}"


@lru_cache(maxsize=4096)
def _day_text_open_us(text: str) -> int:
    return day_open_us(dt.date.fromisoformat(text))


def parse_instant(text: str) -> tuple[int, int | None]:
    """ISO 8601 or .NET round-trip ("O") text -> (instant in us, the zone's offset in minutes).

    A stamp without a zone is read as if it were UTC and its offset is None: the caller decides
    what that means. Digits past microseconds are cut, never rounded up into the next minute.

    Raises:
        ValueError: not such text, or a field out of range (month 13, 24:00, second 60).
    """
    minute, within = _minute(text[:_MINUTE_TEXT]), _within(text[_MINUTE_TEXT:])
    if minute is None or within is None:
        raise ValueError(
            f"{text!r} is not an ISO 8601 instant such as 2025-01-02T00:01:00.0000000Z"
        )
    (day, h, m), (s, fraction, zone) = minute, within
    if h > 23 or m > 59 or s > 59:
        raise ValueError(f"{text!r} has no such time of day")
    us = _day_text_open_us(day) + h * HOUR_US + m * MINUTE_US + s * SECOND_US + fraction
    if zone is None:
        return us, None
    if zone in "Zz":
        return us, 0
    offset = int(zone[1:3]) * 60 + int(zone[-2:])
    if offset > 14 * 60:
        raise ValueError(f"{text!r} has a zone farther than 14 hours from UTC")
    offset = -offset if zone[0] == "-" else offset
    return us - offset * MINUTE_US, offset


# Of minute bars many stamps share a minute, and nearly all what is behind it: each is read once.
@lru_cache(maxsize=4096)
def _minute(text: str) -> tuple[str, int, int] | None:
    """Date, hour and minute, not yet held against their ranges."""
    match = _MINUTE.fullmatch(text)
    return match and (match[1], int(match[2]), int(match[3]))


@lru_cache(maxsize=4096)
def _within(text: str) -> tuple[int, int, str | None] | None:
    """What is behind the minute: the second, its fraction in us, and the zone as written."""
    match = _WITHIN.fullmatch(text)
    return match and (int(match[1] or 0), int(((match[2] or "") + "000000")[:6]), match[3])


def epoch_unit(value: int) -> str:
    """`s`, `ms`, `us` or `ns`: the unit in which `value` is an instant after 2001-09-09.

    Raises:
        ValueError: too small to be a market timestamp in any unit.
    """
    for unit, floor in _UNIT_FLOORS:
        if value >= floor:
            return unit
    raise ValueError(f"{value} is not a market timestamp in s, ms, us or ns")


def epoch_us(value: int) -> int:
    """An epoch number of any unit, told by its magnitude, in microseconds."""
    unit = epoch_unit(value)
    return value // 1_000 if unit == "ns" else value * EPOCH_UNITS[unit]


def iso(instant_us: int) -> str:
    """`2025-01-02T00:01:00Z`, with a fraction only where there is one."""
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=instant_us)
    return moment.replace(tzinfo=None).isoformat() + "Z"


def utc_now() -> dt.datetime:
    """The wall clock, aware. Nothing that ends in a table, manifest or hash may call it."""
    return dt.datetime.now(dt.UTC)
