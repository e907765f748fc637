"""This machine's copies of what a store of objects has: claims, and files of revisions.

A revision's folder is that of a folder store, with those files that were asked for. Each was held against its
digest when it came, and is never changed. A claim is kept by what a listing said of it, so that a bucket that
was made anew is not taken for the old one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline import storage
from pipeline.errors import SnapshotCorruptError
from pipeline.free_form import Json
from pipeline.publishing import preflight, staging, sums
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.object_listing import Number
from pipeline.publishing.s3 import Listed, Objects
from pipeline.publishing.side_by_side import each

AT_ONCE = 16
"""Requests side by side."""

_OWN = (sums.PUBLICATION, sums.SIGNATURE, staging.OWNER)
"""Files of a revision's folder that are no objects: they stand in the claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a claim says: which folder of objects it is about, and the papers that seal it.

    `copied`: it came from another store, with the time of publication that it had there.
    """

    at: str
    publication: Json
    signature: bytes | None
    copied: bool = False

    def to_bytes(self) -> bytes:
        """As it is put."""
        signature = None if self.signature is None else self.signature.hex()
        said = {"at": self.at, "publication": self.publication, "signature": signature}
        return storage.readable_json(said | ({"copied": True} if self.copied else {}))


def read_claim(data: bytes | None) -> Claim | None:
    """The claim in these bytes; None where they are none."""
    with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
        said = json.loads(data or b"")
        publication, signature = said["publication"], said["signature"]
        if isinstance(publication, dict) and str(said["at"]).startswith("objects/"):
            return Claim(
                at=said["at"],
                publication=publication,
                signature=None if signature is None else bytes.fromhex(signature),
                copied=said.get("copied") is True,
            )
    return None


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies in a folder of this machine, of one store."""

    objects: Objects
    folder: FolderStore

    def claim(self, day: dt.date, number: int, listed: Listed) -> Claim | None:
        """A claim that a listing told of, its papers put into the folder; None: damaged or gone."""
        path = self.folder.revision(day, number)
        stamp = f"{listed.bytes}-{listed.modified:%Y%m%dT%H%M%S%f}"
        kept = self.folder.root / ".claims" / f"{path.name}.{stamp}.json"
        found = read_claim(_read(kept))
        if found is None or _read(path / sums.PUBLICATION) is None:
            data = self.objects.get(listed.name)
            found = read_claim(data)
            if found is None or data is None:
                return None
            self._keep_papers(path, found)
            storage.write_scratch(kept, data)
        return found

    def _keep_papers(self, path: Path, claim: Claim) -> None:
        """Publication and signature; what another life of the bucket left goes, all at once."""
        paper, there = storage.readable_json(claim.publication), _read(path / sums.PUBLICATION)
        if there == paper:
            return
        if there is not None:
            aside = path.with_name(f".old-{path.name}-{uuid.uuid4().hex}")
            with suppress(FileNotFoundError):  # another process was quicker
                os.rename(path, aside)
            staging.discard(aside)
        if claim.signature is not None:
            storage.write_scratch(path / sums.SIGNATURE, claim.signature)
        storage.write_scratch(path / sums.PUBLICATION, paper)

    def files(self, path: Path, claim: Claim, names: Iterable[str]) -> None:
        """Brings those files of a revision into its folder that are not there, if its manifest names them.

        Raises:
            SnapshotCorruptError: an object is gone, or has other bytes than were published.
        """
        lacking = [name for name in names if name not in _OWN and not (path / name).exists()]
        if not lacking:
            return
        digest = claim.publication.get("manifest_sha256")
        if not (path / sums.MANIFEST).exists():
            self._bring(path, claim, sums.MANIFEST, str(digest))
        try:
            entries = json.loads((path / sums.MANIFEST).read_bytes())["files"]
            wanted = [(name, entries[name]["sha256"]) for name in lacking if name in entries]
            preflight.check_names(name for name, _ in wanted)
        except (ValueError, KeyError, TypeError) as error:
            where = self.objects.url(f"{claim.at}/{sums.MANIFEST}")
            raise SnapshotCorruptError(
                f"{where}: is no manifest of the kitchen's ({error})"
            ) from None
        each(lambda it: self._bring(path, claim, *it), wanted, AT_ONCE)

    def _bring(self, path: Path, claim: Claim, name: str, sha256: str) -> None:
        data = self.objects.get(f"{claim.at}/{name}")
        found = None if data is None else hashlib.sha256(data).hexdigest()
        if data is None or found != sha256:
            what = "is gone" if data is None else f"sha256 is {found}, wanted {sha256}"
            raise SnapshotCorruptError(
                f"{self.objects.url(f'{claim.at}/{name}')}: {what}; do not use it, run `kitchen verify`,"
                " and `kitchen copy --repair` from a copy of the store"
            )
        storage.write_scratch(path / name, data)

    def all_anew(self, number: Number, target: Path) -> None:
        """Every object of a revision as the store has it now, and its papers, whatever they are."""
        if number.claim is None:
            return
        data = self.objects.get(number.claim.name)
        claim = read_claim(data)
        if claim is None:
            (target / sums.PUBLICATION).write_bytes(data or b"")
            return
        (target / sums.PUBLICATION).write_bytes(storage.readable_json(claim.publication))
        if claim.signature is not None:
            (target / sums.SIGNATURE).write_bytes(claim.signature)
        each(
            lambda listed: _put(target, claim.at, listed.name, self.objects.get(listed.name)),
            self.objects.listed(f"{claim.at}/"),
            AT_ONCE,
        )

    def upload(self, source: Path, at: str) -> None:
        """Puts every file of a folder but the papers below `at`, reads each back, and compares.

        Raises:
            SnapshotCorruptError: the store has other bytes than it was given.
        """
        each(lambda name: self._put(source, at, name), _files(source), AT_ONCE)

    def _put(self, source: Path, at: str, name: str) -> None:
        data = (source / name).read_bytes()
        self.objects.put(f"{at}/{name}", data)
        if self.objects.get(f"{at}/{name}") != data:
            raise SnapshotCorruptError(
                f"{self.objects.url(f'{at}/{name}')}: read back, the store has other bytes than it was given;"
                " nothing was published, look at the store and ask again"
            )


def _files(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        for name in names:
            relative = Path(place, name).relative_to(folder).as_posix()
            if relative not in _OWN:
                yield relative


def _put(target: Path, at: str, name: str, data: bytes | None) -> None:
    # Whoever may write to the bucket chooses names: none may lead out of the folder.
    parts = [p if p not in ("", ".", "..") else "_" for p in name.removeprefix(f"{at}/").split("/")]
    file = target.joinpath(*parts)
    if data is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
