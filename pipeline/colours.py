"""Colours of a terminal, for conditions and errors alone: what is good, what to look at, what is wrong.

NO_COLOR takes them away, FORCE_COLOR gives them to a pipe too; a terminal that is `dumb` has none.
"""

from __future__ import annotations

import os
from typing import TextIO

_GREEN, _YELLOW, _RED = 32, 33, 31

_OF = {
    **dict.fromkeys(("available", "fresh", "good", "+"), _GREEN),
    **dict.fromkeys(("degraded", "stale", "unbuilt", "pending", "~"), _YELLOW),
    **dict.fromkeys(("missing", "refused", "failed", "error", "-", "x"), _RED),
}


def is_terminal(stream: TextIO) -> bool:
    """Whether a person's terminal is there, in which what was written can be written over."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def wanted(stream: TextIO) -> bool:
    """Whether what is written there may have colours."""
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR", "")
    return forced not in ("", "0") or (not forced and is_terminal(stream))


def painted(text: str, word: str, stream: TextIO) -> str:
    """The text in the colour of a condition or state; as it is where it has none or none is wanted."""
    code = _OF.get(word)
    return f"\x1b[{code}m{text}\x1b[0m" if code and wanted(stream) else text
