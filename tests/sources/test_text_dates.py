"""Dates in the orders of countries: told by the file's own dates, or refused."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.klines.text_dates import DAY_FIRST, MONTH_FIRST, iso_text, order_of

FORMS = {
    DAY_FIRST: "{d.day:02}.{d.month:02}.{d.year} 00:00",
    MONTH_FIRST: "{d.month}/{d.day}/{d.year} 0:00",
}
DAYS = st.dates(dt.date(2017, 8, 1), dt.date(2035, 12, 1))


@pytest.mark.parametrize(
    ("text", "order", "wanted"),
    [
        ("02.01.2025 00:05", DAY_FIRST, "2025-01-02T00:05"),
        ("02.01.2025 00:05:00.000", DAY_FIRST, "2025-01-02T00:05:00.000"),
        ("1/2/2025 12:05:00 AM", MONTH_FIRST, "2025-01-02T00:05:00"),
        ("1/2/2025 1:05 PM", MONTH_FIRST, "2025-01-02T13:05"),
        ("2-1-2025, 9:05", DAY_FIRST, "2025-01-02T09:05"),
        ("02/01/2025", DAY_FIRST, "2025-01-02T00:00"),
        ("2025.01.02 00:05", None, "2025-01-02T00:05"),
        ("2025/1/2 0:05", None, "2025-01-02T00:05"),
        ("2025-01-02", None, "2025-01-02T00:00"),
        ("2025-01-02 00:05:00 UTC", None, "2025-01-02T00:05:00Z"),
        ("2025-01-02 00:05:00+08:00", None, "2025-01-02T00:05:00+08:00"),
        ("yesterday", None, "yesterday"),
    ],
)
def test_stamps_become_iso_text(text: str, order: str | None, wanted: str) -> None:
    """The clock's digits stay as they are; so does what is no date."""
    assert iso_text(text, order) == wanted


def test_without_an_order_nothing_is_guessed() -> None:
    """The reason quotes the stamp."""
    with pytest.raises(ValueError, match=r"02\.01\.2025"):
        iso_text("02.01.2025 00:05")


@given(DAYS, st.integers(1, 40), st.sampled_from(list(FORMS)))
def test_days_in_a_row_tell_their_order(day: dt.date, count: int, order: str) -> None:
    """Whatever the day and however many: the order by which the file has the day it is asked for."""
    days = [day + dt.timedelta(days=n) for n in range(count)]
    found = order_of([FORMS[order].format(d=d) for d in days], day)

    assert found == order or all(d.day == d.month for d in days)


@given(DAYS, st.sampled_from(list(FORMS)))
def test_one_date_far_from_the_day_is_not_told(day: dt.date, order: str) -> None:
    """Nobody knows which month it is of, unless one reading is no date, or both are the same."""
    around = dt.date(day.year + 1, 1, 1)
    found = order_of([FORMS[order].format(d=day)], around)

    assert found is None if day.day <= 12 and day.day != day.month else found is not None
