"""Locks of the kernel, which vanish with their holder. They save work; `claim.py` gives the safety."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline import system
from pipeline.errors import LockedError

WAIT_SECONDS = 5.0
"""Another publisher is done sooner, unless it hangs."""

_POLL_SECONDS = 0.02


@contextmanager
def held(path: Path, *, mode: int = 0o644, wait_seconds: float | None = None) -> Iterator[int]:
    """Holds the lock file's flock for the block, and yields the open file.

    Args:
        path: The file; it is made if absent and never removed.
        mode: What others may do with it.
        wait_seconds: How long another holder is waited for; None for `WAIT_SECONDS`.

    Raises:
        LockedError: another process held it all the while.
    """
    limit = WAIT_SECONDS if wait_seconds is None else wait_seconds
    handle = os.open(path, os.O_RDWR | os.O_CREAT | system.NO_LINK | system.KEPT, mode)
    try:
        if os.fstat(handle).st_size == 0 and os.fstat(handle).st_mode & 0o777 != mode:
            system.set_mode(handle, mode)
        deadline = time.monotonic() + limit
        # Nothing that needs a lock runs on Windows; what is left there, the heartbeat, is alone.
        while system.is_unix() and not system.lock(handle):
            if time.monotonic() >= deadline:
                after = f" after {limit:g} s" if limit else ""
                raise LockedError(
                    f"{path}: another run holds the lock{after}, wanted it free;"
                    " wait for that run to end and ask again"
                )
            time.sleep(_POLL_SECONDS)
        yield handle
    finally:
        os.close(handle)


@contextmanager
def if_free(path: Path) -> Iterator[bool]:
    """True in the block while this process holds the lock of an existing file, or none is there."""
    try:
        handle = os.open(path, os.O_RDONLY | system.NO_LINK | system.KEPT)
    except FileNotFoundError:
        yield True
        return
    except OSError:  # a link, or not ours to open: not ours to judge either
        yield False
        return
    try:
        yield system.lock(handle)
    finally:
        os.close(handle)
