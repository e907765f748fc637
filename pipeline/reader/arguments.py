"""What a caller of the reader gave, as the values that are meant; else a sentence that names the argument."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from pipeline import asked
from pipeline.errors import ParameterError
from pipeline.model.datasets import DATASETS
from pipeline.reader.described import near

CONDITIONS = ("available", "degraded", "missing", "pending")


def names_of(value: Sequence[str], name: str) -> list[str]:
    """A list of names; of one string that one.

    Raises:
        ParameterError: neither.
    """
    with suppress(TypeError):
        found = [value] if isinstance(value, str) else list(value)
        if all(isinstance(it, str) for it in found):
            return found
    raise ParameterError(f"{name}={value!r}: wanted a name, or a list of names")


def symbols_of(value: Sequence[str] | None) -> list[str] | None:
    """Each symbol once, by name; None for all.

    Raises:
        ParameterError: one of them may not be a symbol's name.
    """
    if value is None:
        return None
    return sorted({asked.symbol(it, "symbols") for it in names_of(value, "symbols")})


def allowed(value: Sequence[str]) -> tuple[str, ...]:
    """Conditions of symbol-days.

    Raises:
        ParameterError: one of them is none of `CONDITIONS`.
    """
    found = names_of(value, "allow")
    for it in found:
        if it not in CONDITIONS:
            raise ParameterError(f"allow: {it!r} is no condition; {near(it, CONDITIONS)}")
    return tuple(found)


def dataset_of(value: str) -> str:
    """The name of a dataset.

    Raises:
        ParameterError: there is none of that name.
    """
    if value not in DATASETS:
        raise ParameterError(f"no dataset {value!r}; {near(value, DATASETS)}")
    return value


def range_of(start: dt.date | str, end: dt.date | str) -> tuple[dt.date, dt.date]:
    """The first and the last date of a range, both included.

    Raises:
        ParameterError: one is no date, or they are the wrong way round.
    """
    first, last = date_of(start, "start"), date_of(end, "end")
    if first > last:
        raise ParameterError(f"start {first} is after end {last}; swap them")
    return first, last


def date_of(value: dt.date | str, name: str = "date") -> dt.date:
    """A date, `YYYY-MM-DD`, or the midnight with which one begins, naive or of UTC, as a date.

    Raises:
        ParameterError: none of them.
    """
    if type(value) is dt.date:
        return value
    if not isinstance(value, dt.datetime | np.datetime64):
        return asked.day(str(value), name)
    with suppress(ValueError):  # not a time
        found = _midnight(value)
        if found is not None:
            return found
    raise ParameterError(f"{name}: {value} is an instant, wanted a UTC date such as 2025-01-02")


def _midnight(value: dt.datetime | np.datetime64) -> dt.date | None:
    if isinstance(value, np.datetime64):
        date = value.astype("datetime64[D]")
        return date.item() if date == value else None
    date = value.date()
    begin = dt.datetime.combine(date, dt.time(), value.tzinfo)
    return date if begin == value and not value.utcoffset() else None


def instant_of(value: dt.datetime | str, name: str = "as_of") -> dt.datetime:
    """An aware instant, or ISO text with a zone, as an instant.

    Raises:
        ParameterError: neither.
    """
    try:
        moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise ParameterError(
            f"{name}: {value!r} is no instant; write it like 2025-01-05T12:00:00Z"
        ) from None
    if moment.tzinfo is None:
        raise ParameterError(f"{name}: {value} has no zone; add one, such as Z for UTC")
    return moment
