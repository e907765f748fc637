"""Offsets of IANA zones from UTC, and the instants at which they change.

Belongs here: what a zone's clock says on a UTC day. Does not belong here: which zone a vendor has.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

WITH_SUMMER_TIME = (
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Chisinau", "Asia/Beirut"),
    *("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"),
    *("America/Anchorage", "America/St_Johns", "America/Halifax", "America/Santiago"),
    *("America/Havana", "Australia/Sydney", "Australia/Adelaide", "Australia/Lord_Howe"),
    *("Pacific/Auckland", "Pacific/Chatham", "Asia/Jerusalem", "Africa/Cairo"),
)
"""One zone for each way in which clocks are changed today."""


def is_known(zone: str) -> bool:
    """Whether there is such a zone."""
    return zone in available_timezones()


@lru_cache(maxsize=512)
def offsets(zone: str, day: dt.date) -> tuple[int, ...]:
    """The zone's offsets from UTC in minutes, east positive, within the UTC day in the order of time."""
    opened = dt.datetime.combine(day, dt.time(), dt.UTC)
    first, last = (
        _offset(zone, opened + dt.timedelta(minutes=minute)) for minute in (0, 24 * 60 - 1)
    )
    return (first,) if first == last else (first, last)


def changes(day: dt.date) -> tuple[int, ...]:
    """By how many minutes clocks are put forward (positive) or back somewhere on the UTC day, sorted."""
    found = (offsets(zone, day) for zone in WITH_SUMMER_TIME)
    return tuple(sorted({pair[1] - pair[0] for pair in found if len(pair) == 2}))


def local(zone: str, at: dt.datetime) -> dt.datetime:
    """An aware instant as the zone's clock shows it."""
    return at.astimezone(ZoneInfo(zone))


def _offset(zone: str, at: dt.datetime) -> int:
    shift = local(zone, at).utcoffset() or dt.timedelta()
    return round(shift.total_seconds() / 60)
