"""Dates and symbols that a person asks for, on a command line or in a call: the value, or one sentence.

Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress

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
        raise ParameterError(
            f"{option}: {error}; give a UTC date such as 2025-01-02{meant_day(text)}"
        ) from None
    if not FIRST_DAY <= found <= LAST_DAY:
        raise ParameterError(f"{option}: got {found}, wanted {FIRST_DAY} to {LAST_DAY}")
    return found


_DAY_LIKE = re.compile(r"([0-9]{4})[-/. ]?([0-9]{1,2})[-/. ]?([0-9]{1,2})")


def meant_day(text: str) -> str:
    """`; did you mean 2025-01-02?` where year, month and day are there in another form; else empty."""
    like = _DAY_LIKE.fullmatch(text.strip()[:20])
    if like is not None:
        with suppress(ValueError):
            return f"; did you mean {dt.date(*map(int, like.groups()))}?"
    return ""


def names(text: str) -> tuple[str, ...]:
    """The words of a list with commas between; none of an empty text."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def symbol(text: str, option: str) -> str:
    """A name that may be a symbol's.

    Raises:
        ParameterError: it may not.
    """
    wrong = symbols.fault(text)
    if wrong is not None:
        raise ParameterError(
            f"{option}: {text[:80]!r} is no symbol, it {wrong}; {_meant_symbol(text)}"
        )
    return text


def _meant_symbol(text: str) -> str:
    """`did you mean BTCUSDT?` for one in lower case, or as BTC/USDT; else the form that is wanted."""
    found = re.sub(r"[/: ]", "", text[:80]).upper()
    return f"did you mean {found}?" if symbols.is_symbol(found) else f"wanted {symbols.FORM}"
