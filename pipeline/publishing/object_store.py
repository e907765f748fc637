"""A snapshot store of objects in a bucket.

`revisions/D/000002.json` is claim and seal in one: it is put where nothing has its name, and says where below
`objects/D/` the files lie, which were put and read back before. All else is hints. What is read is copied to
this machine once, held against its digest, and never changed; that copy may be deleted at will.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import storage
from pipeline.locations import user_cache
from pipeline.publishing import object_trash, revisions, s3, staging, sums
from pipeline.publishing.copies import AT_ONCE, Claim, Copies
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.object_lending import ObjectLender
from pipeline.publishing.object_listing import Listing, claim_name
from pipeline.publishing.revisions import Sealed
from pipeline.publishing.s3 import Objects
from pipeline.publishing.side_by_side import each
from pipeline.publishing.staging import Staging
from pipeline.publishing.store import ALWAYS, Span, Trash
from pipeline.settings.stores import Address

_PROBERS = 8
_LATEST = ("LATEST.json", "LATEST_AVAILABLE.json")


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """What `Store` asks of objects. `seen` is the listing of one look; without, each question lists anew."""

    objects: Objects
    copies: Copies
    seen: Listing | None = None

    @classmethod
    def at(cls, address: Address) -> ObjectStore:
        """The store at an address, with its copies in the user's cache."""
        objects = Objects(address)
        known = storage.digest([str(address), address.server.endpoint])[:16]
        return cls(objects, Copies(objects, FolderStore(user_cache("stores") / known)))

    @property
    def name(self) -> str:
        """Its address."""
        return str(self.objects.address)

    @property
    def disk(self) -> Path:
        """The folder of the copies."""
        return self.copies.folder.root

    @property
    def at_once(self) -> int:
        """As `Store`."""
        return AT_ONCE

    def look(self, span: Span | None = None) -> ObjectStore:
        """As `Store`."""
        return replace(self, seen=Listing(self.objects, span))

    def still(self) -> ObjectStore:
        """As `Store`."""
        return self if self.seen else self.look()

    @property
    def _seen(self) -> Listing:
        return self.seen or Listing(self.objects, None)

    def days(self) -> list[dt.date]:
        """As `Store`."""
        return self._seen.standing()

    def published_days(self) -> list[dt.date]:
        """All of them: a claim is seen by every reader."""
        return self._seen.standing()

    def numbers(self, day: dt.date) -> list[int]:
        """As `Store`."""
        return list(self._seen.of(day))

    def standing(self, day: dt.date) -> list[int]:
        """As `Store`."""
        return [n for n, known in self._seen.of(day).items() if known.stands]

    def taken(self, day: dt.date) -> list[str]:
        """Each number with the state of its claim, and whether it was collected."""
        found = self._seen.of(day).items()
        return [f"{n} {k.claim and k.claim.modified} {k.stands}" for n, k in found]

    def named_revision(self, day: dt.date) -> int | None:
        """The highest that stands."""
        return max(self.standing(day), default=None)

    def newest(self, *, available: bool = False) -> dt.date | None:
        """By the hint and a listing of what is after it, so that it is right however old the hint is."""
        store = self.still()
        whole = store._seen.span == ALWAYS
        hint = ALWAYS[0] if whole else store._hint(available=available)
        return store._newest(hint, available=available) or (
            store._newest(ALWAYS[0], available=available) if hint > ALWAYS[0] else None
        )

    def _newest(self, first: dt.date, *, available: bool) -> dt.date | None:
        days = reversed(self._seen.standing(first))
        return next((day for day in days if not available or self._is_available(day)), None)

    def _is_available(self, day: dt.date) -> bool:
        sealed = revisions.current(self, day)
        return sealed is not None and revisions.is_available(sealed)

    def _hint(self, *, available: bool) -> dt.date:
        with suppress(ValueError, KeyError, TypeError):
            return dt.date.fromisoformat(json.loads(self.read(_LATEST[available]) or b"")["date"])
        return ALWAYS[0]

    def settled(self, sealed: Sealed) -> bool:
        """Whether no higher one stands."""
        return self.named_revision(sealed.day) == sealed.revision

    def faults(self, day: dt.date) -> Iterable[tuple[str, str]]:
        """None: readers are led by the claims themselves."""
        return ()

    def known_since(self, day: dt.date, number: int, published_at: dt.datetime) -> dt.datetime:
        """The later of what it says and when the store got it, so that no answer of `as_of` changes later.

        One that was copied from another store counts by what it says.
        """
        listed, claim = self._seen.of(day)[number].claim, self._claim(day, number)
        if listed is None or claim is None or claim.copied:
            return published_at
        return max(published_at, listed.modified)

    def revision(self, day: dt.date, number: int) -> Path:
        """As `Store`."""
        return self.copies.folder.revision(day, number)

    def _claim(self, day: dt.date, number: int) -> Claim | None:
        known = self._seen.of(day).get(number)
        listed = known.claim if known and known.stands else None
        return None if listed is None else self.copies.claim(day, number, listed)

    def fetch(self, day: dt.date, number: int, names: Iterable[str] = ()) -> Path:
        """As `Store`."""
        path, claim = self.revision(day, number), self._claim(day, number)
        if claim is None:
            return self.disk / ".none" / path.name
        self.copies.files(path, claim, names)
        return path

    @contextmanager
    def anew(self, day: dt.date, number: int) -> Iterator[Path | None]:
        """As `Store`."""
        known = self._seen.of(day).get(number)
        if known is None or not known.stands:
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="kitchen-verify-") as folder:
            self.copies.all_anew(known, Path(folder))
            yield Path(folder)

    def watched(self, sealed: Sealed) -> list[str]:
        """None: a claim never changes."""
        return []

    def url(self, day: dt.date, number: int, name: str = "") -> str:
        """The address of an object, or of the folder of them all."""
        claim = self.still()._claim(day, number)
        at = claim_name(day, number) if claim is None else f"{claim.at}/{name}".rstrip("/")
        return self.objects.url(at)

    def address(self, day: dt.date) -> str:
        """Where the objects of its current revision are."""
        return self.url(day, self.named_revision(day) or 0)

    def opens(self, day: dt.date) -> str:
        """By `load`, which verifies what it copies."""
        every = "('available', 'degraded', 'missing')"
        return (
            f"from pipeline.reader import load; print(load('bars_1m', '{day}', '{day}', allow={every},"
            f" root='{self.name}').to_pandas())"
        )

    @property
    def epochs(self) -> str:
        """As `Store`."""
        return "epochs"

    def hosts(self) -> Iterator[str]:
        """Any host, as soon as something is published: a bucket is made for several."""
        if self.days():
            yield "a host that may be any"

    def fence(self) -> None:
        """Nothing: no release without epochs knows such a store."""

    def prepare(self) -> None:
        """The folder for copies; and once for each store, that it lets exactly one of many writers win."""
        self.copies.folder.prepare()
        proven = self.disk / ".conditions-hold"
        if not proven.exists():
            self._probe()
            storage.write_scratch(proven, b"")

    def _probe(self) -> None:
        name, together = f".probe/{uuid.uuid4().hex}", threading.Barrier(_PROBERS)

        def put(writer: int) -> bool:
            together.wait()
            return self.objects.put_if_absent(name, f"writer {writer}".encode())

        try:
            won = each(put, range(_PROBERS), _PROBERS)
            # Who comes later must lose as well.
            if sum(won) != 1 or self.objects.put_if_absent(name, b"a late writer"):
                raise s3.ignores_conditions(self.objects.address)
        finally:
            self.objects.remove(name)

    def held(self, day: dt.date) -> AbstractContextManager[object]:
        """By a lock of this machine, which saves work: the claim gives the safety."""
        self.copies.folder.prepare()
        return self.copies.folder.held(day)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Nothing can keep other hosts out."""
        yield False

    def mend(self, day: dt.date, sealed: Sealed | None) -> None:
        """Removes staging folders on this machine whose makers are dead."""
        staging.sweep(self.copies.folder, day)

    def staged(self, day: dt.date) -> AbstractContextManager[Staging]:
        """Among the copies, of which it becomes one."""
        return self.copies.folder.staged(day)

    def claim(self, staged: Staging, day: dt.date, number: int, *, copied: bool = False) -> None:
        """Puts the files and reads them back, then puts the claim where nothing has its name."""
        self.objects.refuse_wrong_clock()
        publication = storage.read_object(staged.folder / sums.PUBLICATION)
        at = self._same_objects(day, publication)
        if at is None:
            at = f"objects/{day}/{uuid.uuid4().hex}"
            self.copies.upload(staged.folder, at)
        signature = staged.folder / sums.SIGNATURE
        said = Claim(
            at=at,
            publication=publication,
            signature=signature.read_bytes() if signature.exists() else None,
            copied=copied,
        )
        if not self.objects.put_if_absent(claim_name(day, number), said.to_bytes()):
            raise FileExistsError(f"{claim_name(day, number)} is taken in {self.name}")
        # It is a copy like any other from now on. Where a reader was quicker there is one already.
        with suppress(OSError):
            os.rename(staged.folder, self.revision(day, number))

    def _same_objects(self, day: dt.date, publication: dict[str, object]) -> str | None:
        """Where the very files lie that are published again; None where they are not there yet."""
        number = publication.get("rolled_back_to")
        claim = self.look()._claim(day, number) if isinstance(number, int) else None
        key = "manifest_sha256"
        same = claim and claim.publication.get(key) == publication[key]
        return claim.at if claim and same else None

    def put_right(self, staged: Staging, day: dt.date, number: int) -> None:
        """As `Store`; publication and signature stand in the claim, which never changes."""
        claim = self._claim(day, number)
        if claim is not None:
            self.copies.upload(staged.folder, claim.at)

    def follow(self, sealed: Sealed) -> None:
        """Renews the hints, which serve to find the newest dates sooner."""
        for available in (False, True):
            newest = self._newest(ALWAYS[0], available=available)
            if newest is not None and newest != self._hint(available=available):
                said = storage.readable_json({"date": newest.isoformat()})
                self.write(_LATEST[available], said)

    def names(self, folder: str) -> list[str]:
        """As `Store`."""
        found = self.objects.listed(f"{folder}/")
        return [listed.name.removeprefix(f"{folder}/") for listed in found]

    def read(self, name: str) -> bytes | None:
        """As `Store`."""
        return self.objects.get(name)

    def write(self, name: str, data: bytes) -> None:
        """As `Store`."""
        self.objects.put(name, data)

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """As `Store`."""
        self.objects.refuse_wrong_clock()
        return self.objects.put_if_absent(name, data)

    def remove(self, name: str) -> None:
        """As `Store`."""
        self.objects.remove(name)

    def lender(self, folder: str) -> ObjectLender:
        """As `Store`."""
        return ObjectLender(self, folder)

    def size(self, day: dt.date, number: int) -> int:
        """As `Store`."""
        claim = self._claim(day, number)
        found = () if claim is None else self.objects.listed(f"{claim.at}/")
        return sum(listed.bytes for listed in found)

    def throw(self, day: dt.date, number: int, now: dt.datetime) -> None:
        """Puts a mark beside the claim, which stays for ever; the time of grace is by the store's clock."""
        object_trash.throw(self.objects, day, number)

    def trash(self) -> list[Trash]:
        """As `Store`; and objects that no claim names, of publishers that died."""
        return object_trash.found(self.objects, self.copies, self._known())

    def _known(self) -> object_trash.Known:
        return Listing(self.objects, None).since(ALWAYS[0])

    def delete(self, name: str) -> None:
        """As `Store`."""
        object_trash.delete(self.objects, self.copies, self._known(), name)

    def restore(self, day: dt.date, number: int) -> str:
        """As `Store`."""
        object_trash.restore(self.objects, self.copies, self._known(), day, number)
        return self.revision(day, number).name
