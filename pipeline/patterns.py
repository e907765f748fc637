"""Path patterns of raw files: the marks in their braces, what a pattern must say, what it tells of a name.

Which patterns there are is `model/feeds.py`'s and the configuration's, which files `layout.py`'s.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
import string
import unicodedata
from functools import lru_cache

from pipeline.clock import parse_day

DATES = ("date", "month", "yyyymmdd")
"""The marks of a pattern that tell a day, or the month that it lies in."""

SPAN = ("first", "last")
"""The marks that together tell the days of one file, both ends included."""

_MARKS = ("market", "symbol", *DATES, *SPAN)
_DATED = "{date}, {month}, {yyyymmdd}, or {first} and {last}"


def fault(text: str) -> str | None:
    """Why a text is no path pattern below `paths.raw`, and what is wanted; None where it is one.

    A pattern tells the day, since the files of a day are found by their names alone.
    """
    if text.startswith(("/", "~")) or ".." in text.split("/"):
        return "leaves paths.raw; name a path below it"
    if "\\" in text:
        return "has a backslash; write / between folders, on Windows too"
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in text):
        return "has a character that is not seen; write the path without it"
    try:
        marks = [(name, spec, turn) for _, name, spec, turn in string.Formatter().parse(text)]
    except ValueError as error:
        return f"is no pattern ({error}); write a brace of the name itself twice"
    names = [name for name, _, _ in marks if name is not None]
    odd = [n for n, spec, turn in marks if n is not None and (n not in _MARKS or spec or turn)]
    if odd:
        return f"has {{{odd[0]}}}; wanted marks of {', '.join(f'{{{n}}}' for n in _MARKS)}, as they are"
    if any(sign in text for sign in ("?", "[", "**")):
        return "has ?, [ or **; wanted * alone for any part of a name"
    is_span = all(name in names for name in SPAN)
    if is_span == any(name in names for name in DATES) or is_span != any(n in names for n in SPAN):
        return f"does not say where the date stands in it; wanted one with {_DATED}"
    return None


_SIGNS = {"date": "\1", "month": "\2", "yyyymmdd": "\3", "first": "\4", "last": "\5"}
_CUT = re.compile("([\1-\5*])")
_DAY_DIGITS = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DIGITS = {"month": "[0-9]{4}-[0-9]{2}", "yyyymmdd": "[0-9]{8}"}


def filled(pattern: str, market: str, name: str) -> str:
    """A pattern of one symbol, in which one character each stands for the marks of a date."""
    return pattern.format(market=market, symbol=name, **_SIGNS)


@lru_cache(maxsize=16_384)
def expression(filled: str) -> re.Pattern[str]:
    """What a path of a filled pattern, or of a part of one, looks like, with a group named as each mark."""
    text = re.escape(filled).replace(r"\*", "[^/]*")
    for mark, sign in _SIGNS.items():
        digits = _DIGITS.get(mark, _DAY_DIGITS)
        text = text.replace(sign, f"(?P<{mark}>{digits})", 1).replace(sign, digits)
    return re.compile(text)


def days_told(told: dict[str, str]) -> list[dt.date]:
    """The days that the marks of a name tell, ascending; none where there is no such date."""
    try:
        if "date" in told:
            first = last = parse_day(told["date"])
        elif "yyyymmdd" in told:
            text = told["yyyymmdd"]
            first = last = parse_day(f"{text[:4]}-{text[4:6]}-{text[6:]}")
        elif "first" in told:
            first, last = parse_day(told["first"]), parse_day(told["last"])
        else:
            first = parse_day(f"{told['month']}-01")
            last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    except ValueError:
        return []
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def is_dated_first(filled: str) -> bool:
    """Whether the names of a filled pattern sort as the days that they tell."""
    return _cut(filled)[1] != "*"


def beginning(filled: str, day: str = "") -> str:
    """How the paths of a filled pattern begin up to its first mark, or `*`; with a day up to that day's end.

    Args:
        filled: The pattern, or a part of it.
        day: `YYYY-MM-DD`, or `YYYY-MM` for any day of the month.
    """
    literal, sign, rest = _cut(filled)
    if not day or sign not in (_SIGNS[mark] for mark in DATES):
        return literal
    # The character behind the date: `X-1m-2025-01.` is not `X-1m-2025-01-02.zip`.
    is_whole = sign == _SIGNS["month"] or len(day) > len("2025-01")
    return literal + _named(day, sign) + (rest[:1].strip("\1\2\3\4\5*/") if is_whole else "")


def not_before(part: str, day: dt.date) -> str:
    """Where, among sorted names of a part, those begin that tell no earlier day, and maybe a later one."""
    literal, sign, _ = _cut(part)
    # A file of the day's month counts from the month's first day on.
    return literal + _named(day.isoformat(), sign) + ("\x7f" if sign == _SIGNS["month"] else "")


def _cut(filled: str) -> list[str]:
    return [*_CUT.split(filled, maxsplit=1), "", ""][:3]


def _named(day: str, sign: str) -> str:
    """A day, or month, in the form of a sign."""
    forms = {_SIGNS["month"]: day[:7], _SIGNS["yyyymmdd"]: day.replace("-", "")}
    return forms.get(sign, day)
