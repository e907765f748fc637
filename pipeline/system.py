"""What one operating system has and another lacks, each in one place; the kitchen is built for Linux.

On Windows it reads, checks, imports and watches exporters; what builds or publishes refuses there. Standard
library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import mmap
import os
import threading
from pathlib import Path

_BINARY: int = getattr(os, "O_BINARY", 0)
"""Without it Windows turns line ends into others, and ends a file at a Ctrl-Z."""

KEPT: int = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | _BINARY
"""A flag of `os.open`: of this process alone, byte by byte."""

NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)
"""A flag of `os.open`: a link is refused, where the system can."""

NO_WAIT: int = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""A flag of `os.open`: neither a pipe's other end is waited for, nor a terminal taken."""

_FICLONE = 0x40049409

_moving = threading.Lock()
"""Held between going to a place of a file and reading there, where that takes two calls."""


def is_unix() -> bool:
    """Whether locks vanish with their holder here, and processes fork."""
    return importlib.util.find_spec("fcntl") is not None


def lock(handle: int, *, shared: bool = False, wait: bool = False) -> bool:
    """Takes the lock (flock) of an open file; False where another has it.

    Raises:
        OSError: the file system, or this system, has no such locks.
    """
    if not is_unix():
        raise OSError(errno.ENOLCK, "no file locks on this system")
    fcntl = importlib.import_module("fcntl")
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(handle, kind if wait else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def share_blocks(source: int, target: int) -> None:
    """Makes the file open as `target` share the blocks of `source` (a reflink).

    Raises:
        OSError: the file system, or this system, cannot.
    """
    if not is_unix():
        raise OSError(errno.EOPNOTSUPP, "no reflinks on this system")
    importlib.import_module("fcntl").ioctl(target, _FICLONE, source)


def open_folder(path: Path) -> int | None:
    """A folder as an open file, for its lock and for `fsync`; None on Windows, which opens none."""
    if not hasattr(os, "O_DIRECTORY"):
        return None
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def read_into(handle: int, buffer: memoryview, at: int) -> int:
    """Reads an open file at a place, and returns how many bytes came; its own place may move."""
    if hasattr(os, "preadv"):
        return os.preadv(handle, [buffer], at)
    with _moving:
        os.lseek(handle, at, os.SEEK_SET)
        found = os.read(handle, len(buffer))
    buffer[: len(found)] = found
    return len(found)


def write_at(handle: int, data: memoryview, at: int) -> int:
    """Writes into an open file at a place, and returns how many bytes went; its own place may move."""
    if hasattr(os, "pwrite"):
        return os.pwrite(handle, data, at)
    with _moving:
        os.lseek(handle, at, os.SEEK_SET)
        return os.write(handle, data)


def view(handle: int, size: int, at: int) -> mmap.mmap:
    """Bytes of an open file as memory; all pages at once where the system can, else as they are touched."""
    if not hasattr(mmap, "MAP_SHARED"):
        return mmap.mmap(handle, size, access=mmap.ACCESS_READ, offset=at)
    flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
    return mmap.mmap(handle, size, flags=flags, prot=mmap.PROT_READ, offset=at)


def memory(size: int) -> mmap.mmap:
    """That many bytes, zero, of this process alone; pages are taken as they are touched."""
    if hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return mmap.mmap(-1, size)


def user() -> int:
    """The user's number; on Windows 0, as files say there of their owner."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def set_mode(handle: int, mode: int) -> None:
    """Who may do what with an open file; on Windows its folder says that."""
    if hasattr(os, "fchmod"):
        os.fchmod(handle, mode)


def files_free(folder: Path) -> float:
    """The share of a file system's files that may still be made; 1 where it is not limited, or not known."""
    if not hasattr(os, "statvfs"):
        return 1.0
    status = os.statvfs(folder)
    return status.f_favail / status.f_files if status.f_files else 1.0
