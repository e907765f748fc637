"""Which bytes were verified before, by this process or an earlier one.

A record is a digest of a file's identity (device, inode, size, times of change), of the ranges that were read
and of what their digests must be: whatever changes, it is another record, and the bytes are hashed again.
Records lie in the user's cache, in one file that may be deleted at will.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from pipeline import storage, system
from pipeline.contracts.manifest import Range
from pipeline.locations import user_cache

_BYTES = 16
_MOST = 1 << 19
"""More records than this are not kept; the file has 8 MiB then."""

_AT_REST_NS = 2_000_000_000
"""A file that changed so lately may change again within the grain of its times, and nobody would see it."""

_known: dict[Path, set[bytes]] = {}
"""What a cache's file held when it was first asked, and what was verified since."""

_new: list[bytes] = []


def record(file: os.stat_result, ranges: Iterable[Range]) -> bytes:
    """What is remembered once these ranges of a file in this state have been found good."""
    state = (file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns, file.st_ctime_ns)
    told = blake2b(repr(state).encode(), digest_size=_BYTES)
    for part in ranges:
        told.update(f"{part.offset} {part.bytes} {part.sha256}\n".encode())
    return told.digest()


def holds(wanted: bytes) -> bool:
    """Whether this was found good."""
    return wanted in _all()


def note(found: bytes, file: os.stat_result) -> None:
    """Remembers what was found good, if the file had been at rest before; `file` is its state before."""
    if time.time_ns() - max(file.st_mtime_ns, file.st_ctime_ns) > _AT_REST_NS:
        _all().add(found)
        _new.append(found)


def keep() -> None:
    """Puts what is new into the cache, for other processes. That it cannot be written costs time alone."""
    if not _new:
        return
    taken, _new[:] = b"".join(_new), []
    path = _file()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        size = path.stat().st_size if path.exists() else 0
        torn = size % _BYTES
        if torn or size > _MOST * _BYTES:
            # A torn record would shift all behind it. Of too many the older half goes; what another process
            # adds meanwhile may be lost, and is hashed again.
            kept = path.read_bytes()[: size - torn]
            storage.write_scratch(
                path, kept[-_MOST // 2 * _BYTES :] if size > _MOST * _BYTES else kept
            )
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | system.KEPT, 0o600)
        with open(handle, "ab", buffering=0) as file:
            file.write(taken)


def forget() -> None:
    """As a process that has verified nothing yet; the cache's file stays."""
    _known.clear()
    _new.clear()


def _file() -> Path:
    return user_cache("verified") / "ranges"


def _all() -> set[bytes]:
    path = _file()
    if path not in _known:
        data = _read(path)
        _known[path] = {data[at : at + _BYTES] for at in range(0, len(data), _BYTES)}
    return _known[path]


def _read(path: Path) -> bytes:
    """The records, if nobody but the user may have written them."""
    with suppress(OSError), open(path, "rb") as file:
        state = os.fstat(file.fileno())
        if state.st_uid == system.user() and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return file.read()
    return b""
