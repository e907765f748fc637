"""The record of a unit: what its outputs are, and all they depended on.

The receipts of a symbol's day, or of a date, lie together in one file beside the units' files. A receipt is
written after its unit's file: outputs without one, or that no longer match it, do not count. Nor does a
receipt that is no longer what was written: each has a digest of itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from pipeline import storage
from pipeline.free_form import Json

FILE = "receipts.json"

SEAL = "sha256"
"""In an entry of that file: the digest of its unit's name and of all else in it."""

RACY_NS = 2_000_000_000
"""A file younger than this when it was looked at may change again without changing its time stamps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A unit's file as it was written: its size, SHA-256 and `signature`."""

    bytes: int
    sha256: str
    stat: list[int]


class RawState(NamedTuple):
    """A raw file as it was parsed: its `signature`, and the SHA-256 of its bytes."""

    stat: list[int]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Everything that decides whether outputs are still true.

    `parts` are what the result depended on, by kind (see `fingerprint.parts`), kept whole, because the
    reason for a rebuild is found by comparing them. `contents` has the digest of the logical content of each
    output, `file` what they were written to; None for a unit without outputs. `raw` has the raw files by
    name. `windows` holds, by feed and side, the stamps of a neighbour day that can be the unit's own,
    `beside` each such input's content and the digest of that slice of it. `facts` (rows, seconds, why it
    ran) decide nothing.
    """

    parts: dict[str, dict[str, str]]
    contents: dict[str, str]
    file: Written | None
    raw: dict[str, RawState] = field(default_factory=dict)
    seen_ns: int = 0
    windows: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    beside: dict[str, list[str]] = field(default_factory=dict)
    facts: Json = field(default_factory=dict)


def signature(status: os.stat_result) -> list[int]:
    """What changes when a file does: size, both times in ns, inode."""
    return [status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns]


def is_trusted(kept: list[int], now: list[int], seen_ns: int) -> bool:
    """Whether an equal signature proves that the bytes are those that were seen at `seen_ns`."""
    return kept == now and max(kept[1], kept[3]) + RACY_NS < seen_ns


def describe(path: Path) -> Written:
    """The record of a file just written."""
    status = path.stat()
    return Written(bytes=status.st_size, sha256=storage.file_digest(path), stat=signature(status))


def restamped(path: Path, written: Written | None) -> Written | None:
    """The record of a file that is whole, with the state that it has now."""
    return None if written is None else replace(written, stat=signature(path.stat()))


def is_damaged(path: Path, receipt: Receipt, *, trusting: bool = True) -> bool:
    """Whether a unit's file is gone, or is not what the receipt says.

    A file whose stat signature is the recorded one is believed; any other, or with `trusting` False every
    one, is hashed.
    """
    written = receipt.file
    if written is None:
        return False
    try:
        status = path.stat()
    except OSError:
        return True
    return (signature(status) != written.stat or not trusting) and (
        status.st_size != written.bytes or storage.file_digest(path) != written.sha256
    )


def write(folder: Path, receipts: Mapping[str, Receipt]) -> None:
    """Puts receipts, by their units' names, among those of the folder; a run beside this one loses none."""
    folder.mkdir(parents=True, exist_ok=True)
    with storage.alone_in(folder):
        kept = storage.read_object(folder / FILE)
        kept |= {name: _sealed(name, asdict(receipt)) for name, receipt in receipts.items()}
        storage.write_bytes(folder / FILE, storage.canonical_json(kept), sweep=True)


def _sealed(name: str, entry: Json) -> Json:
    return {**entry, SEAL: storage.digest([name, entry])}


def read(folder: Path, name: str) -> Receipt | None:
    """The receipt of a unit in a folder; None where there is none, or not as it was written."""
    try:
        kept = dict(_all(folder / FILE)[name])
        if kept.pop(SEAL) != storage.digest([name, kept]):
            return None
        raw = {name: RawState(*entry) for name, entry in kept.pop("raw").items()}
        file = kept.pop("file")
        return Receipt(raw=raw, file=Written(**file) if file else None, **kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _all(path: Path) -> Json:
    """Every receipt in a file, by its unit's name; the file is read again only when it may have changed."""
    now = signature(os.stat(path))
    if max(now[1], now[3]) + RACY_NS < time.time_ns():
        return _kept(path, tuple(now))
    return storage.read_object(path)


@lru_cache(maxsize=64)
def _kept(path: Path, state: tuple[int, ...]) -> Json:
    return storage.read_object(path)
