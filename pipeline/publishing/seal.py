"""Publishing a day: stage, read back, claim a number, move the links.

Safe at every moment and without any scheduler: each visible change is one rename, or one conditional write;
before it, everything that it makes reachable is durable; nothing reachable is written later. So a run that
dies anywhere leaves the old state or the new one, and the next run first finishes what a dead one began.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import platform
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import pyarrow.compute as pc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline import clock, storage
from pipeline.contracts.manifest import FileEntry, Manifest, to_json
from pipeline.errors import PublishError, SnapshotExistsError
from pipeline.free_form import Json
from pipeline.packs import Stored
from pipeline.publishing import (
    changes,
    content,
    index,
    preflight,
    ranges,
    revisions,
    staging,
    sums,
)
from pipeline.publishing.revisions import Sealed, current
from pipeline.publishing.store import ALWAYS, Store
from pipeline.tables import parquet


class Entrant(Protocol):
    """Who publishes: a release, as `epochs.Publisher`. What it goes by is no part of what is published."""

    def begin(self, store: Store) -> None:
        """Before anything is staged: that it may publish there."""

    def enter(self, store: Store, parent: Sealed | None = None) -> None:
        """Before a number is claimed: that it still may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What shall be published: `files` maps relative names to prepared files, `manifest` describes them.

    `reason` and `run` say why and by which run; they stand in `publication.json` alone, as does `extra`,
    what a rollback says of itself. With a `key` the publication is signed. `by` is the release that made the
    content; a rollback, which makes none, has none. `after` is the highest number of the date that was taken
    when what is to be published was looked at: it follows no revision that came later.
    """

    day: dt.date
    files: dict[str, Stored]
    manifest: Manifest
    reason: str
    run: str
    extra: Json = field(default_factory=dict)
    key: Ed25519PrivateKey | None = None
    by: Entrant | None = None
    after: int | None = None


def publish(draft: Draft, store: Store) -> Sealed:
    """Publishes a draft as the date's next revision, unless its content is already the current one.

    A new revision is made only when a table's content, a condition or reason, or an applied correction
    differs, and not of a content that was rolled back. Otherwise nothing in the store is touched, and the
    current revision comes back with `new` False and a `note` of why.

    Raises:
        ParameterError: a date or file name that could leave the store.
        LockedError: another run is publishing the date, or published other content meanwhile.
        ReleaseError: another release is in force in the store.
        PublishError: the store or the files do not allow it; readers see what they saw before.
    """
    preflight.check_day(draft.day)
    preflight.check_names(draft.files)
    _check_manifest(draft)
    sizes: list[int] = []
    try:
        sizes += [place.place()[1] for place in draft.files.values()]
        store.prepare()
        if draft.by is not None:
            draft.by.begin(store)
        with store.held(draft.day):
            return _publish(draft, store.still(), sizes)
    except OSError as error:
        raise preflight.explain(error, store.disk, f"{draft.day} not published", sizes) from error


def _standing(store: Store, sealed: Sealed | None, draft: Draft) -> Sealed | None:
    """The current revision, with a note why, when the draft asks for no other."""
    if sealed is None:
        return None
    if content.says_the_same(sealed, draft.manifest, draft.files):
        return replace(sealed, note="already says the same")
    if not draft.extra and content.is_withdrawn(store, sealed, draft.manifest, draft.files):
        return replace(sealed, note="stands: what the raw files give was rolled back")
    return None


def _check_manifest(draft: Draft) -> None:
    described, given = set(draft.manifest.files), set(draft.files)
    if described != given or draft.manifest.date != draft.day:
        raise PublishError(
            f"snapshot {draft.day}: the manifest is of {draft.manifest.date} and differs from the files"
            f" in {sorted(described ^ given) or 'none'}, wanted the same; make the manifest again"
        )


def _publish(draft: Draft, store: Store, sizes: list[int]) -> Sealed:
    """The protocol, under the date's lock. Until it is claimed, all is asked of one look at the store."""
    sealed = current(store, draft.day)
    store.mend(draft.day, sealed)
    standing = _standing(store, sealed, draft)
    if standing is not None:
        index.note(store, standing)
        return standing
    preflight.check_room(store.disk, sizes)
    with store.staged(draft.day) as staged:
        _fill(draft, staged.folder)
        _read_back(draft, staged.folder)
        sealed = _claim(draft, store, staged)
    store = store.look(ALWAYS)
    try:
        store.follow(sealed)
        index.note(store, current(store, draft.day) or sealed)
    except OSError as error:
        state = f"{draft.day} sealed as r{sealed.revision}, not all links moved"
        raise preflight.explain(error, store.disk, state, sizes) from error
    return sealed


def _fill(draft: Draft, folder: Path) -> None:
    """Every file but the publication, durable and read-only."""
    found = {
        name: staging.copy(place, folder / name) for name, place in sorted(draft.files.items())
    }
    staging.write(folder / sums.MANIFEST, storage.canonical_json(to_json(draft.manifest)))
    found[sums.MANIFEST] = sums.facts(folder / sums.MANIFEST)
    for name, digest in sums.LISTS.items():
        staging.write(folder / name, sums.listing(found, digest))


def _read_back(draft: Draft, folder: Path) -> None:
    """Holds what is on the disk against the manifest, before anybody can see it.

    Raises:
        PublishError: names the first file that differs.
    """
    for name, entry in sorted(draft.manifest.files.items()):
        wrong = sums.facts(folder / name).differs(entry)
        if wrong is None and entry.content_hash is not None:
            wrong = _wrong_table(folder / name, entry)
        if wrong is not None:
            raise PublishError(
                f"snapshot {draft.day} not published: read back, {name} differs from its manifest"
                f" ({wrong}); it changed meanwhile or the disk fails, ask again"
            )
    _check_minutes(draft, folder)


def _wrong_table(path: Path, entry: FileEntry) -> str | None:
    table = parquet.by_columns(path)
    if table.num_rows != entry.rows:
        return f"rows are {table.num_rows}, wanted {entry.rows}"
    if parquet.content_hash(table) != entry.content_hash:
        return "content_hash differs"
    return None


def _check_minutes(draft: Draft, folder: Path) -> None:
    """Each symbol that has rows has all the day's minutes; a missing one has none."""
    if "bars_1m.parquet" not in draft.files:
        return
    column = parquet.read(folder / "bars_1m.parquet", ["symbol"])["symbol"]
    rows = {str(said["values"]): said["counts"].as_py() for said in pc.value_counts(column)}
    symbols = draft.manifest.condition.symbols
    wanted = {s: clock.MINUTES_PER_DAY for s in symbols if symbols[s].condition != "missing"}
    if rows != wanted:
        raise PublishError(
            f"snapshot {draft.day} not published: bars_1m has {dict(sorted(rows.items()))} rows,"
            f" wanted {wanted}; assemble the day again"
        )


def _claim(draft: Draft, store: Store, staged: staging.Staging) -> Sealed:
    """Takes the number after the last; when another run was quicker, its revision may be all we wanted.

    Never the number after that one: what is held here may be older than what took it.
    """
    # Parent and number of one listing: between two of them another run's revision would be overlooked.
    taken = store.numbers(draft.day)
    parent = revisions.newest(store, draft.day, taken)
    standing = _standing(store, parent, draft)
    if standing is not None:
        return standing
    number = max(taken, default=0) + 1
    if draft.after is not None and number > draft.after + 1:
        return _given_way(draft, store, draft.after + 1)
    _write_publication(draft, store, staged.folder, parent, number)
    if draft.by is not None:
        draft.by.enter(store, parent)
    try:
        store.claim(staged, draft.day, number)
    except FileExistsError:
        return _given_way(draft, store.look(), number)
    sealed = revisions.find(store.look(), draft.day, number)
    if sealed is None:
        raise PublishError(
            f"{store.url(draft.day, number)}: was claimed and cannot be read; look at the store"
        )
    return replace(sealed, new=True)


def _given_way(draft: Draft, store: Store, number: int) -> Sealed:
    """The revision of the run that was quicker, where it says what this one would have."""
    standing = _standing(store, current(store, draft.day), draft)
    if standing is not None:
        return standing
    raise SnapshotExistsError(
        f"snapshot {draft.day} not published: another run published other content meanwhile, wanted r{number}"
        f" free in {store.name}; ask again"
    )


def _write_publication(
    draft: Draft, store: Store, folder: Path, parent: Sealed | None, number: int
) -> None:
    """The paper of when and why; the last file, after which the staging folder is whole and durable."""
    data = (folder / sums.MANIFEST).read_bytes()
    publication: Json = {
        "date": draft.day.isoformat(),
        "revision": number,
        "parent": parent.revision if parent else None,
        "parent_manifest_sha256": parent.manifest_sha256 if parent else None,
        "reason": draft.reason,
        "published_at": _now(parent).isoformat().replace("+00:00", "Z"),
        "run": draft.run,
        "host": platform.node(),
        "manifest_sha256": hashlib.sha256(data).hexdigest(),
        ranges.PARTS: ranges.parts(data, draft.manifest),
        "changes": changes.summary(store, parent, folder, draft.manifest) if parent else None,
        **draft.extra,
    }
    publication[revisions.SELF_DIGEST] = revisions.publication_digest(publication)
    paper = storage.readable_json(publication)
    for name in (sums.PUBLICATION, sums.SIGNATURE, staging.OWNER):
        (folder / name).unlink(missing_ok=True)
    staging.write(folder / sums.PUBLICATION, paper)
    if draft.key is not None:
        staging.write(folder / sums.SIGNATURE, draft.key.sign(paper))
    staging.sync_folders(folder)


def _now(parent: Sealed | None) -> dt.datetime:
    """When a revision is published: after its parent, whatever clock that one's host had."""
    now = clock.utc_now()
    if parent is None:
        return now
    before = dt.datetime.fromisoformat(revisions.read_publication(parent.path)["published_at"])
    return max(now, before + dt.timedelta(microseconds=1))
