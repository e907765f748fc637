"""Building a published date again, apart from everything, and holding it against what was published."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import layout, storage
from pipeline.contracts.manifest import Manifest, read
from pipeline.free_form import Json
from pipeline.freshness import graph
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.plain_text import few
from pipeline.publishing import content, revisions
from pipeline.publishing.opening import open_store
from pipeline.settings.config import Kitchen
from pipeline.tasks import job

SAME = "same"
DIFFERS = "differs"
INPUTS_GONE = "inputs gone"
CODE_CHANGED = "code changed"

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """The outcome for one revision, and what it is about: files, steps or parts of the content."""

    name: str
    outcome: str
    what: list[str]

    @property
    def good(self) -> bool:
        """Whether the raw files still give the revision."""
        return self.outcome == SAME

    @property
    def told(self) -> str:
        """What it is about, for a line of text."""
        return f" ({few(self.what, '; ', _NAMED)})" if self.what else ""

    def facts(self) -> Json:
        """For JSON."""
        return {"revision": self.name, "outcome": self.outcome, "what": self.what}


def rebuild(kitchen: Kitchen, day: dt.date, number: int | None) -> Rebuilt:
    """Builds the date anew from its raw files, in a temporary folder, and compares the content.

    Returns:
        `same`: tables, conditions and corrections are equal. `inputs gone`: a raw file of the day is not
        there or has other bytes, and nothing was built; or the content is another one and a neighbour
        day's file has changed. Else the content is another one: `code changed` where code or governance
        are not those of then, `differs` where they are.

    Raises:
        ParameterError: no such revision.
        KitchenError: the date cannot be built.
    """
    sealed = revisions.wanted(open_store(kitchen.snapshots), day, number)
    then = revisions.read_manifest(sealed)
    gone = list(_gone(kitchen.raw, then, beside=False))
    if gone:
        return Rebuilt(name=sealed.path.name, outcome=INPUTS_GONE, what=gone)
    now = _build(kitchen, day)
    if content.identity(then) == content.identity(now):
        return Rebuilt(name=sealed.path.name, outcome=SAME, what=[])
    gone = list(_gone(kitchen.raw, then, beside=True))
    if gone:
        return Rebuilt(name=sealed.path.name, outcome=INPUTS_GONE, what=gone)
    changed = list(_changed_rules(then, now))
    return Rebuilt(
        name=sealed.path.name,
        outcome=CODE_CHANGED if changed else DIFFERS,
        what=changed or list(_changed_content(then, now)),
    )


def _gone(raw: Path, manifest: Manifest, beside: bool) -> Iterator[str]:
    """What became of the day's own raw files, or of the neighbour days'; those may change elsewhere."""
    for files in manifest.inputs.values():
        for name, entry in sorted(files.items()):
            if (entry.moved_rows is not None) != beside:
                continue
            try:
                digest = storage.file_digest(raw / name)
            except OSError as error:
                yield f"{name}: {error.strerror}"
                continue
            if digest != entry.sha256:
                yield f"{name}: has other bytes"


def _build(kitchen: Kitchen, day: dt.date) -> Manifest:
    """The manifest that the raw files give now."""
    layout.forget_listings()
    with tempfile.TemporaryDirectory(prefix="kitchen-rebuild-") as folder:
        apart = replace(kitchen, prepared=Path(folder))
        unit = Unit("Manifest", day)
        job.build(Freshness(apart), unit)
        return read(storage.json_in(graph.stored(apart, unit, "manifest")))


def _changed_rules(then: Manifest, now: Manifest) -> Iterator[str]:
    """Steps whose code, and slices of governance, are not those of then."""
    for what, old, new in (
        ("code of", then.code.stages, now.code.stages),
        ("governance", then.contract.slices, now.contract.slices),
    ):
        yield from (f"{what} {n}" for n in sorted({*old, *new}) if old.get(n) != new.get(n))


def _changed_content(then: Manifest, now: Manifest) -> Iterator[str]:
    for name in sorted({*then.files, *now.files}):
        hashes = [m.files[name].content_hash if name in m.files else None for m in (then, now)]
        if hashes[0] != hashes[1]:
            yield f"content of {name}"
    if then.condition != now.condition:
        yield "condition"
    if then.calibration_hash != now.calibration_hash:
        yield "correction"
