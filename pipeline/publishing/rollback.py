"""Publishing an older content again, as a revision of its own."""

from __future__ import annotations

import datetime as dt
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.errors import SnapshotCorruptError
from pipeline.free_form import Json
from pipeline.packs import Stored
from pipeline.publishing import content, revisions
from pipeline.publishing.revisions import Sealed
from pipeline.publishing.seal import Draft, publish
from pipeline.publishing.store import Store
from pipeline.publishing.verify import verify


def rollback(
    store: Store, day: dt.date, number: int, reason: str, key: Ed25519PrivateKey | None = None
) -> Sealed:
    """Publishes the content of an older revision as the date's next one.

    What every later revision says is thereby withdrawn: `Snapshot` does not publish it again while the
    rollback is the current revision (`content.py`). Other content, of corrected raw files or new rules,
    is published as ever; a rollback to a withdrawn revision brings that one back.

    Raises:
        ParameterError: there is no such revision.
        SnapshotCorruptError: its bytes are not what they were; nothing is published from them.
        PublishError: as `publish`.
    """
    target = revisions.wanted(store, day, number)
    findings = verify(store, day, number)
    if findings:
        raise SnapshotCorruptError(
            f"{findings[0]}; r{number} is not what was published, so nothing was rolled back"
        )
    manifest = revisions.read_manifest(target)
    folder = store.fetch(day, number, manifest.files)
    return publish(
        Draft(
            day=day,
            files={name: Stored(folder / name) for name in manifest.files},
            manifest=manifest,
            reason=f"rolled back to r{number}: {reason}",
            run=uuid.uuid4().hex,
            extra={
                content.ROLLED_BACK_TO: number,
                content.WITHDRAWN: _withdrawn(store, target, content.identity(manifest)),
            },
            key=key,
        ),
        store,
    )


def _withdrawn(store: Store, target: Sealed, kept: dict[str, str]) -> list[Json]:
    """Revision and content of all later revisions that say something else."""
    entries = []
    for number in store.numbers(target.day):
        later = revisions.find(store, target.day, number) if number > target.revision else None
        if later is not None:
            found = content.identity(revisions.read_manifest(later))
            entries += [{"revision": number, **found}] if found != kept else []
    return entries
