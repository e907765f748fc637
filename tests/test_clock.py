"""Any stamp -> UTC microseconds."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import clock

INSTANTS = st.datetimes(dt.datetime(2001, 9, 10), dt.datetime(2099, 12, 31))  # noqa: DTZ001


def expected_us(moment: dt.datetime) -> int:
    """Microseconds since 1970, by the standard library."""
    return int((moment - dt.datetime(1970, 1, 1)) / dt.timedelta(microseconds=1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "instant", "offset"),
    [
        ("2025-01-02T00:01:00.0000000Z", 1_735_776_060_000_000, 0),
        ("2025-01-02T00:01:00.1234567Z", 1_735_776_060_123_456, 0),
        ("2025-01-02T08:01:00.0000000+08:00", 1_735_776_060_000_000, 480),
        ("2025-01-01T18:31:00-05:30", 1_735_776_060_000_000, -330),
        ("2025-01-02 00:01", 1_735_776_060_000_000, None),
    ],
)
def test_reads_the_stamps_that_vendors_write(text: str, instant: int, offset: int | None) -> None:
    """A .NET or ISO stamp becomes its instant, and says its zone or that it has none."""
    assert clock.parse_instant(text) == (instant, offset)


@pytest.mark.parametrize(
    "text",
    [
        "2025-13-45T99:99:99Z",
        "2025-02-29T00:00:00Z",
        "2025-01-02T24:00:00Z",
        "2025-01-02T00:00:60Z",
        "2025-01-02T00:00:00+25:00",
        "２０２５-01-02T00:00:00Z",
        "1735776060000",
        "",
    ],
)
def test_refuses_what_is_no_instant(text: str) -> None:
    """A stamp out of range is an error, never the nearest instant."""
    with pytest.raises(ValueError, match=r".+"):
        clock.parse_instant(text)


@given(INSTANTS, st.integers(-14 * 60, 14 * 60))
def test_a_zone_changes_the_text_and_not_the_instant(moment: dt.datetime, offset: int) -> None:
    """The same instant written in any zone reads the same."""
    zone = dt.timezone(dt.timedelta(minutes=offset))
    text = moment.replace(tzinfo=dt.UTC).astimezone(zone).isoformat()

    assert clock.parse_instant(text) == (expected_us(moment), offset)


@given(INSTANTS, st.sampled_from([("s", 1_000_000), ("ms", 1_000), ("us", 1)]))
def test_magnitude_alone_tells_the_unit_of_an_epoch(
    moment: dt.datetime, unit: tuple[str, int]
) -> None:
    """A market timestamp in s, ms or us is read in its unit."""
    name, factor = unit
    value = expected_us(moment) // factor

    assert clock.epoch_unit(value) == name
    assert clock.epoch_us(value) == value * factor


def test_nanoseconds_are_cut_to_microseconds() -> None:
    """An epoch in ns loses its last three digits and nothing else."""
    assert clock.epoch_us(1_735_776_060_123_456_789) == 1_735_776_060_123_456


def test_a_small_number_is_no_market_timestamp() -> None:
    """Seconds since midnight or a row number are refused."""
    with pytest.raises(ValueError, match="not a market timestamp"):
        clock.epoch_unit(86_400)


@pytest.mark.parametrize(
    "text", ["2025-1-2", "20250102", "2025-01-02 ", "2025-02-30", "２０２５-01-02", "../2025-01-02"]
)
def test_a_day_has_exactly_one_form(text: str) -> None:
    """Only YYYY-MM-DD with ASCII digits is a day: it ends up in paths."""
    with pytest.raises(ValueError, match=r".+"):
        clock.parse_day(text)


@given(st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)))
def test_days_are_half_open(day: dt.date) -> None:
    """00:00 belongs to the day, 24:00 to the next."""
    opened = clock.day_open_us(day)

    assert clock.day_of(opened) == day
    assert clock.day_of(opened + clock.DAY_US - 1) == day
    assert clock.day_of(opened + clock.DAY_US) == day + dt.timedelta(days=1)


def test_an_instant_is_printed_in_utc() -> None:
    """ISO text ends in Z and has a fraction only where there is one."""
    assert clock.iso(1_735_776_060_000_000) == "2025-01-02T00:01:00Z"
    assert clock.iso(1_735_776_060_500_000) == "2025-01-02T00:01:00.500000Z"


@given(st.sets(st.dates(dt.date(2024, 2, 20), dt.date(2024, 3, 20))))
def test_runs_of_dates_are_the_dates_and_no_two_of_them_touch(days: set[dt.date]) -> None:
    """In order, whatever order they are given in."""
    runs = clock.unbroken(days)

    inside = [a + dt.timedelta(n) for a, b in runs for n in range((b - a).days + 1)]
    assert inside == sorted(days)
    assert all((b - a).days > 1 for (_, a), (b, _) in pairwise(runs))
