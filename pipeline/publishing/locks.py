"""Locks of the kernel, which vanish with their holder. They save work; `claim.py` gives the safety."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import LockedError

WAIT_SECONDS = 5.0
"""Another publisher is done sooner, unless it hangs."""

_MODE = 0o644
_POLL_SECONDS = 0.02


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds the lock file's flock for the block; the file is made if absent and never removed.

    Raises:
        LockedError: another process held it all the while.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    try:
        if os.fstat(handle).st_size == 0 and os.fstat(handle).st_mode & 0o777 != _MODE:
            os.fchmod(handle, _MODE)
        deadline = time.monotonic() + WAIT_SECONDS
        while not try_lock(handle):
            if time.monotonic() >= deadline:
                raise LockedError(
                    f"{path}: another run holds the lock after {WAIT_SECONDS:g} s, wanted it free;"
                    " wait for that run to end and ask again"
                )
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(handle)


def try_lock(handle: int) -> bool:
    """Whether the open file's exclusive flock could be had at once."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def if_free(path: Path) -> Iterator[bool]:
    """True in the block while this process holds the lock of an existing file, or none is there."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    except OSError:  # a link, or not ours to open: not ours to judge either
        yield False
        return
    try:
        yield try_lock(handle)
    finally:
        os.close(handle)
