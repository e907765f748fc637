"""Text that people read in mails, logs and unit files: nothing in it can drive a terminal."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Sequence

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_USERINFO = re.compile(r"([a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)


def plain(value: object) -> str:
    """Without control and escape characters, marks that turn the writing direction, and passwords in URLs."""
    return _USERINFO.sub(r"\1", _CONTROL.sub("", str(value)))


def meant(got: str, known: Iterable[str]) -> str:
    """`; did you mean vpin?`, to end a sentence with; empty where nothing that is known is like it."""
    names = {name.casefold(): name for name in known}
    like = importlib.import_module("difflib").get_close_matches
    found = like(got[:80].casefold(), names, n=2)
    return f"; did you mean {' or '.join(names[name] for name in found)}?" if found else ""


def few(words: Sequence[str], separator: str = ", ", most: int = 3) -> str:
    """The first few, and how many more there are."""
    more = len(words) - most
    return separator.join(words[:most]) + (f" and {more} more" if more > 0 else "")
