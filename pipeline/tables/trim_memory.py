"""Memory of large tables: used again while a step works, given back to the system when it has ended.

Belongs here: that alone. Both allocators, Arrow's and the C library's, keep what was freed for later; after
a step through a large table that is as much again as the next step needs. Before, the C library gives each
freed column back at once and asks for it anew, page by page: a tenth of the processor's time.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

import pyarrow as pa

try:
    _libc: ctypes.CDLL | None = ctypes.CDLL(None)
except TypeError:  # Windows has none that is every program's
    _libc = None
_trim = getattr(_libc, "malloc_trim", None)
_option = getattr(_libc, "mallopt", None)
"""Of glibc; other C libraries have no such calls."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of options in glibc's malloc.h."""

_KEPT_BYTES = 32 << 20
"""The largest block that glibc can keep."""


def reuse() -> None:
    """To be called before work on large tables: from here on this process keeps what is freed for later.

    Of Arrow's allocators jemalloc, where Arrow was built with it, asks the system least often.
    """
    with suppress(NotImplementedError):
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    if _option is not None:
        _option(_TRIM_THRESHOLD, _KEPT_BYTES)
        _option(_MMAP_THRESHOLD, _KEPT_BYTES)


def give_back() -> None:
    """To be called where a large table was just forgotten."""
    pa.default_memory_pool().release_unused()
    if _trim is not None:
        _trim(0)
