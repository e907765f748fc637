"""Which revisions a date has. They are the truth; what leads readers to them are hints that follow.

A number counts as a revision only when its publication and manifest say so; an empty folder, a file or a
link that somebody put there only makes it taken.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import storage
from pipeline.clock import parse_day
from pipeline.errors import ContractError, ParameterError, SnapshotCorruptError
from pipeline.free_form import Json
from pipeline.publishing import sums

if TYPE_CHECKING:
    from pipeline.contracts.manifest import Manifest
    from pipeline.publishing.store import Store

SELF_DIGEST = "publication_sha256"
"""Key of `publication.json`: SHA-256 of the canonical JSON of all its other keys."""

_NAME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.r([1-9][0-9]{0,8})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """One revision. `new` is False when it was there before and nothing was published; `note` says why."""

    day: dt.date
    revision: int
    path: Path
    new: bool
    manifest_sha256: str
    note: str = ""


def parse(text: str) -> tuple[dt.date, int | None]:
    """The date and number in `2025-01-02.r3`; no number in `2025-01-02`.

    Raises:
        ParameterError: neither form.
    """
    match = _NAME.fullmatch(text)
    try:
        return (parse_day(match[1]), int(match[2])) if match else (parse_day(text), None)
    except ValueError:
        # Only by name: how a wrong value is told decides no snapshot.
        meant = importlib.import_module("pipeline.asked").meant_day(text)
        raise ParameterError(
            f"{text!r} is neither a date nor a revision; wanted 2025-01-02 or 2025-01-02.r3{meant}"
        ) from None


def wanted(store: Store, day: dt.date, number: int | None) -> Sealed:
    """The revision of that number, or the current one.

    Raises:
        ParameterError: there is none; says which there are.
    """
    sealed = current(store, day) if number is None else find(store, day, number)
    if sealed is None:
        there = [f"r{n}" for n in store.numbers(day) if find(store, day, n)]
        named = day.isoformat() if number is None else f"{day}.r{number}"
        raise ParameterError(
            f"{named}: no such whole revision in {store.name}; the date has {', '.join(there) or 'none'}"
        )
    return sealed


def current(store: Store, day: dt.date) -> Sealed | None:
    """The highest whole revision of a date, or None."""
    return newest(store, day, store.numbers(day))


def newest(store: Store, day: dt.date, numbers: list[int]) -> Sealed | None:
    """The highest of these revisions that is whole, or None."""
    for number in reversed(numbers):
        sealed = find(store, day, number)
        if sealed is not None:
            return sealed
    return None


def find(store: Store, day: dt.date, number: int) -> Sealed | None:
    """The revision of that number, if a whole one stands there: its publication names it and its manifest."""
    publication = paper(store, day, number)
    if not publication:
        return None
    try:
        path = store.fetch(day, number, [sums.MANIFEST])
        digest = storage.file_digest(path / sums.MANIFEST)
    except (OSError, SnapshotCorruptError):
        return None
    if digest != publication.get("manifest_sha256"):
        return None
    return Sealed(day=day, revision=number, path=path, new=False, manifest_sha256=digest)


def paper(store: Store, day: dt.date, number: int) -> Json:
    """The publication of the revision of that number; empty where none stands there by its own words."""
    path = store.fetch(day, number)
    publication = read_publication(path)
    named = (publication.get("date"), publication.get("revision"))
    return {} if path.is_symlink() or named != (day.isoformat(), number) else publication


def read_publication(path: Path) -> Json:
    """The publication of a revision's folder; empty where it cannot be read or is damaged."""
    value = storage.read_object(path / sums.PUBLICATION)
    return value if value.get(SELF_DIGEST) == publication_digest(value) else {}


def publication_digest(publication: Json) -> str:
    """What `SELF_DIGEST` must be, so that a turned byte shows even without a signature."""
    return storage.digest({k: v for k, v in publication.items() if k != SELF_DIGEST})


def read_manifest(sealed: Sealed) -> Manifest:
    """The manifest of a revision, the very bytes that its publication names.

    Raises:
        OSError: gone meanwhile.
        ValueError: other bytes than were named.
        ContractError: a form that this version does not know.
    """
    path = sealed.path / sums.MANIFEST
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sealed.manifest_sha256:
        raise ValueError(f"{path}: sha256 differs from its publication")
    # What reads manifests is not loaded by a run that has nothing to do.
    form = importlib.import_module("pipeline.contracts.manifest")
    manifest: Manifest = form.read_published(json.loads(data), str(path))
    return manifest


def is_available(sealed: Sealed) -> bool:
    """Whether the revision's day condition is available."""
    try:
        return read_manifest(sealed).condition.day == "available"
    except (OSError, ValueError, ContractError):
        return False
