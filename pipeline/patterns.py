"""Path patterns of raw files: the marks in their braces, and what a pattern must say.

Which patterns there are is `model/feeds.py`'s and the configuration's.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import string
import unicodedata

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
