"""The record beside a unit's outputs: what they are, and all they depended on.

The receipt is written last. Outputs without a receipt, or that no longer match it, do not count.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from pipeline import storage
from pipeline.free_form import Json

FILE = "receipt.json"

RACY_NS = 2_000_000_000
"""A file younger than this when it was looked at may change again without changing its time stamps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file: its name in the unit's folder, size, SHA-256, digest of its logical content, and stat."""

    file: str
    bytes: int
    sha256: str
    content: str
    stat: list[int]


class RawState(NamedTuple):
    """A raw file as it was parsed: its `signature`, and the SHA-256 of its bytes."""

    stat: list[int]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Everything that decides whether outputs are still true.

    `parts` are what the result depended on, by kind (see `fingerprint.parts`), kept whole, because the
    reason for a rebuild is found by comparing them. `raw` has the raw files by name. `windows` holds, by
    feed and side, the stamps of a neighbour day that can be the unit's own, `beside` each such input's
    content and the digest of that slice of it. `facts` (rows, seconds, why it ran) decide nothing.
    """

    parts: dict[str, dict[str, str]]
    outputs: dict[str, Output]
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


def describe(path: Path, content: str) -> Output:
    """The record of a file just written."""
    status = path.stat()
    return Output(
        file=path.name,
        bytes=status.st_size,
        sha256=storage.file_digest(path),
        content=content,
        stat=signature(status),
    )


def is_as_recorded(path: Path, output: Output) -> bool:
    """Whether a file has the very state that was recorded, so that it is the one that was seen."""
    try:
        return signature(path.stat()) == output.stat
    except OSError:
        return False


def restamped(folder: Path, outputs: dict[str, Output]) -> dict[str, Output]:
    """The records of outputs that are whole, with the states that they have now."""
    states = {name: signature((folder / entry.file).stat()) for name, entry in outputs.items()}
    return {name: replace(entry, stat=states[name]) for name, entry in outputs.items()}


def write(folder: Path, receipt: Receipt) -> None:
    """Puts the receipt beside its outputs."""
    storage.write_bytes(folder / FILE, storage.canonical_json(asdict(receipt)))


def read(folder: Path) -> Receipt | None:
    """The receipt in a folder; None where there is none, or none that can be read."""
    try:
        kept = storage.read_json(folder / FILE)
        outputs = {name: Output(**entry) for name, entry in kept.pop("outputs").items()}
        raw = {name: RawState(*entry) for name, entry in kept.pop("raw").items()}
        return Receipt(outputs=outputs, raw=raw, **kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def damaged(folder: Path, receipt: Receipt, *, trusting: bool = True) -> str | None:
    """The name of an output that is gone or is not what the receipt says; None when all are whole.

    A file whose stat signature is the recorded one is believed; any other, or with `trusting` False every
    one, is hashed.
    """
    for name, output in receipt.outputs.items():
        path = folder / output.file
        try:
            status = path.stat()
        except OSError:
            return name
        if (signature(status) != output.stat or not trusting) and (
            status.st_size != output.bytes or storage.file_digest(path) != output.sha256
        ):
            return name
    return None
