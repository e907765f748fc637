"""What a process is to others: its release, and by what it builds. One release at a time builds in a folder.

Two in one prepared folder would take each other's results for stale, for ever. So whoever builds holds the
file `.release` there, with all of its own release; the kernel lets it go when the last of them ends.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from pipeline import system
from pipeline.contracts.value import Value
from pipeline.errors import ReleaseError
from pipeline.freshness import identity
from pipeline.freshness.check import Freshness
from pipeline.settings.config import Kitchen

PACKAGE = "central-data-kitchen"
DECIDING = ("code", "python", "libraries", "governance")
"""What makes two releases of one: not the version's number, and not the host."""

_FILE = ".release"
_WAIT_SECONDS = 3.0
"""Others of the same release that begin at this moment are done sooner."""


class Release(Value, frozen=True, kw_only=True):
    """A release as it runs somewhere: the package's version, the host, and what `Identity` says."""

    version: str
    host: str
    code: str
    python: str
    libraries: str
    governance: str

    def against(self, other: Release) -> str:
        """In which words what it builds by differs from another's; empty where it does not."""
        return identity.differences(self, other, DECIDING)

    def __str__(self) -> str:
        """As a sentence names it."""
        return f"release {self.version} (code {self.code}) on {self.host}"


def of(freshness: Freshness) -> Release:
    """This process's."""
    return of_parts(freshness.kitchen, freshness.code, freshness.libraries)


def of_parts(kitchen: Kitchen, code: Mapping[str, str], libraries: Mapping[str, str]) -> Release:
    """The same, of the digests and releases that comparisons go by."""
    own = identity.of_parts(kitchen, code, libraries)
    return Release(
        version=importlib.metadata.version(PACKAGE),
        host=platform.node(),
        **{name: getattr(own, name) for name in DECIDING},
    )


_held: dict[Path, int] = {}
"""Prepared folder -> the open file by which this process and what it forks hold it."""


def hold(prepared: Path, own: Release) -> None:
    """Keeps builders of other releases out of a prepared folder until this process and its forks end.

    A folder that cannot be written, or whose file system has no locks, is not held.

    Raises:
        ReleaseError: builders of another release are at work there.
    """
    with suppress(OSError):
        _hold(prepared, own)


def _hold(prepared: Path, own: Release) -> None:
    prepared.mkdir(parents=True, exist_ok=True)
    handle = _held.get(prepared)
    if handle is None:
        handle = os.open(prepared / _FILE, os.O_RDWR | os.O_CREAT | system.KEPT, 0o644)
    until = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < until:
        if system.lock(handle, shared=True) and not _differs(own, _read(handle)):
            _held[prepared] = handle
            return
        if system.lock(handle):  # nobody else is there: what is written is of a dead one
            os.ftruncate(handle, 0)
            os.pwrite(handle, msgspec.json.encode(own), 0)
        else:  # which lets go of the other lock too; two that begin together are out of step soon
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - no secret
    other = _read(handle)
    os.close(handle)
    _held.pop(prepared, None)
    raise ReleaseError(
        f"{prepared}: {other or 'another release'} builds there at present, and this is {own}:"
        f" {_differs(own, other)}; let it end, or give this kitchen a paths.prepared of its own"
    )


def _read(handle: int) -> Release | None:
    try:
        return msgspec.json.decode(os.pread(handle, 1 << 16, 0), type=Release)
    except msgspec.DecodeError:
        return None


def _differs(own: Release, other: Release | None) -> str:
    return "it says nothing of itself" if other is None else own.against(other)
