"""Numbers in CSV text, strictly: what Python would let pass (`1_000`, `nan`, blanks) is no number.

Belongs here: text -> int, float; nothing about columns.
"""

from __future__ import annotations

import math
import re

_WHOLE = re.compile(rb"-?[0-9]{1,19}")
_DECIMAL = re.compile(rb"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def whole(text: bytes, what: str) -> int:
    """A whole number of at most 19 digits.

    Raises:
        ValueError: anything else.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{what} {_shown(text)} is not a whole number")
    return int(text)


def decimal(text: bytes, what: str) -> float:
    """The float64 nearest to a decimal number; out of range becomes infinite.

    Raises:
        ValueError: anything else.
    """
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{what} {_shown(text)} is not a decimal number")
    return float(text)


def amount(text: bytes, what: str) -> float:
    """A decimal number that is finite, 0 or more.

    Raises:
        ValueError: anything else.
    """
    value = decimal(text, what)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{what} {value}; wanted finite, 0 or more")
    return abs(value)


def _shown(text: bytes) -> str:
    return repr(text[:40].decode("utf-8", "backslashreplace"))
