"""Memory that nobody uses any more, given back to the system.

Belongs here: that alone. Both allocators, Arrow's and the C library's, keep what was freed for later; after
a step through a large table that is as much again as the next step needs.
"""

from __future__ import annotations

import ctypes

import pyarrow as pa

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Of glibc; other C libraries have no such call."""


def give_back() -> None:
    """To be called where a large table was just forgotten."""
    pa.default_memory_pool().release_unused()
    if _trim is not None:
        _trim(0)
