"""Dates and symbols that a person asks for, on a command line or in a call: the value, or one sentence.

Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import datetime as dt

from pipeline import symbols
from pipeline.clock import parse_day
from pipeline.errors import ParameterError

FIRST_DAY, LAST_DAY = dt.date(2002, 1, 1), dt.date(2285, 12, 31)
"""Within these the digits of an epoch number tell its unit; no market of the kitchen is older."""


def day(text: str, option: str) -> dt.date:
    """The UTC date that a person wrote.

    Args:
        text: As it was written.
        option: What it was given for, such as `--start`.

    Raises:
        ParameterError: no date of the calendar in the form YYYY-MM-DD, or no market's.
    """
    try:
        found = parse_day(text)
    except ValueError as error:
        raise ParameterError(f"{option}: {error}; give a UTC date such as 2025-01-02") from None
    if not FIRST_DAY <= found <= LAST_DAY:
        raise ParameterError(f"{option}: got {found}, wanted {FIRST_DAY} to {LAST_DAY}")
    return found


def span(start: str, stop: str, options: tuple[str, str]) -> tuple[dt.date, dt.date]:
    """The two dates of a range, both of it.

    Raises:
        ParameterError: as `day`, or the range ends before it starts.
    """
    first, last = day(start, options[0]), day(stop, options[1])
    if last < first:
        raise ParameterError(f"{options[1]}: {last} is before {options[0]} {first}; swap them")
    return first, last


def symbol(text: str, option: str) -> str:
    """A name that may be a symbol's.

    Raises:
        ParameterError: it may not.
    """
    wrong = symbols.fault(text)
    if wrong is not None:
        raise ParameterError(
            f"{option}: {text[:80]!r} is no symbol, it {wrong}; wanted {symbols.FORM}"
        )
    return text
