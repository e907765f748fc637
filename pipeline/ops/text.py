"""Text that people read in mails, logs and unit files: nothing in it can drive a terminal."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_USERINFO = re.compile(r"([a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)


def plain(value: object) -> str:
    """Without control and escape characters, marks that turn the writing direction, and passwords in URLs."""
    return _USERINFO.sub(r"\1", _CONTROL.sub("", str(value)))


def span(seconds: float) -> str:
    """A duration for people: `42 s`, `3 min`, `5 h`, `2 d`; with a minus where it is negative."""
    size = abs(seconds)
    for unit, length in (("d", 2 * 86_400), ("h", 2 * 3_600), ("min", 120)):
        if size >= length:
            divisor = {"d": 86_400, "h": 3_600, "min": 60}[unit]
            return f"{'-' if seconds < 0 else ''}{int(size // divisor)} {unit}"
    return f"{seconds:.0f} s"
