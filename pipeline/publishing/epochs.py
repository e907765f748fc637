"""Epochs: which releases published into a store, in order. Only the last one's may publish.

An epoch is a small file, put where nothing has its name: its number is an order on which all hosts agree, and
no clock is asked. A release whose digests are those of the last epoch goes on; one of an earlier epoch is old
and refused, so that no host that was forgotten puts its results over newer ones; an unknown one has to be
adopted. A folder in which only one host ever published adopts what that host has by itself.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from pipeline import clock, storage
from pipeline.contracts.value import Value, to_json
from pipeline.errors import PublishError, ReleaseError
from pipeline.freshness.release import Release
from pipeline.publishing import revisions
from pipeline.publishing.revisions import Sealed
from pipeline.publishing.store import Store

COMMAND = "kitchen release adopt"

_NAME = re.compile(r"[0-9]{6,}\.json", re.ASCII)


class Epoch(Value, frozen=True, kw_only=True):
    """From when on a release published; `release.host` adopted it."""

    number: int
    adopted_at: str
    release: Release

    def __str__(self) -> str:
        """As a sentence names it."""
        return f"epoch {self.number}, {self.release}, adopted {self.adopted_at}"


def known(store: Store) -> list[Epoch]:
    """All epochs, ascending.

    Raises:
        PublishError: one cannot be read.
    """
    return list(reversed(list(_newest_first(store))))


def _newest_first(store: Store) -> Iterator[Epoch]:
    names = [name for name in store.names(store.epochs) if _NAME.fullmatch(name)]
    for name in sorted(names, key=lambda name: int(name.removesuffix(".json")), reverse=True):
        place = f"{store.epochs}/{name}"
        try:
            yield msgspec.json.decode(store.read(place) or b"", type=Epoch)
        except msgspec.DecodeError as error:
            raise PublishError(
                f"{store.name}/{place}: is no epoch of this version ({error}); a newer release wrote it,"
                " or it is damaged: look at it, and publish with the release that is in force"
            ) from None


@dataclass(frozen=True, slots=True)
class Publisher:
    """A release that wants to publish.

    Args:
        release: It.
        adopts: Whether it may be adopted without being asked for, unless its version is lower.
    """

    release: Release
    adopts: bool = False

    def may(self, store: Store) -> bool:
        """Whether it is in force; False where it may be, once its epoch is there.

        Raises:
            ReleaseError: another one is.
        """
        epochs = _newest_first(store)
        last = next(epochs, None)
        if last is not None and not self.release.against(last.release):
            return True
        earlier = list(epochs)
        others = _others(store, [*earlier, *([last] if last else [])], self.release.host)
        other = next(others, None)
        if other is None:
            return False
        self._refuse(store, last, earlier, other)
        return False

    def _refuse(self, store: Store, last: Epoch | None, earlier: list[Epoch], other: str) -> None:
        """Unless it may adopt the store by itself."""
        begin = f"{store.name}: nothing is built, for this is {self.release}"
        if last is None:
            if self.adopts:
                return
            raise ReleaseError(
                f"{begin}, and {other} published there by a release without epochs; if this one shall be"
                f" the store's from now on, run `{COMMAND}`"
            )
        old = next((e for e in earlier if not self.release.against(e.release)), None)
        if old is None and self.adopts and not _is_lower(self.release, last.release):
            return
        was = "which nobody adopted" if old is None else f"which was epoch {old.number}"
        raise ReleaseError(
            f"{begin}, {was}, and {last} is in force: {self.release.against(last.release)};"
            f" bring the other to this host, or run `{COMMAND}` if this one shall be the store's from now on"
        )

    def begin(self, store: Store) -> None:
        """Before anything is staged: that it may; and where no epoch is there, puts the first.

        Raises:
            ReleaseError: as `may`.
            PublishError: another host was quicker, in a store that only one may have.
        """
        if not self.may(store) and next(_newest_first(store), None) is None:
            self._put(store)
            store.prepare()

    def enter(self, store: Store, parent: Sealed | None = None) -> None:
        """Before a number is claimed: that it is in force, with an epoch of its own where it may have one.

        Args:
            store: Where it publishes.
            parent: What it publishes over.

        Raises:
            ReleaseError: as `may`.
        """
        while not self.may(store):
            self._put(store)
        before = "" if parent is None else revisions.read_publication(parent.path).get("host", "")
        if before not in ("", self.release.host):
            store.fence()

    def adopt(self, store: Store) -> Epoch:
        """Makes it the one in force, whatever was before."""
        store.prepare()
        while True:
            last = next(_newest_first(store), None)
            made = self._put(store) if last is None or self.release.against(last.release) else last
            if made is not None:
                return made

    def _put(self, store: Store) -> Epoch | None:
        """Puts its epoch after the last; None where another one was quicker."""
        epochs = known(store)
        number = epochs[-1].number + 1 if epochs else 1
        now = clock.utc_now().isoformat(timespec="seconds").replace("+00:00", "Z")
        made = Epoch(number=number, adopted_at=now, release=self.release)
        name, paper = f"{store.epochs}/{number:06}.json", storage.readable_json(to_json(made))
        # First the mark, so that no run that dies here leaves an epoch in force and the store without it.
        if next(_others(store, epochs, self.release.host), ""):
            store.fence()
        return made if store.put_if_absent(name, paper) else None


def lacking(source: Store, target: Store) -> list[Epoch]:
    """The epochs of a store that another one has to be given with its revisions; none where it is ahead.

    Raises:
        PublishError: the two tell of other releases, and not of the same one in force.
    """
    given, there = known(source), known(target)
    differs = any(a.release.against(b.release) for a, b in zip(given, there, strict=False))
    if not given or not differs:
        return given[len(there) :]
    if given[-1].release.against(there[-1].release):
        raise PublishError(
            f"{target.name}: {there[-1]} is in force there, and in {source.name} {given[-1]}, wanted the same"
            f" epochs or none: nothing is copied; copy to an empty store, or run `{COMMAND}` by one on"
            " both"
        )
    return []


def carry(source: Store, target: Store) -> None:
    """Gives a store the epochs of the one whose revisions it gets, as they are, and its mark.

    Raises:
        PublishError: as `lacking`; or another one was put meanwhile.
    """
    for epoch in lacking(source, target):
        name = f"{epoch.number:06}.json"
        paper = source.read(f"{source.epochs}/{name}") or b""
        place = f"{target.epochs}/{name}"
        if not target.put_if_absent(place, paper) and target.read(place) != paper:
            raise PublishError(f"{target.name}/{place}: another one was put meanwhile; ask again")
    there = known(target)
    if there and next(_others(source, there, there[-1].release.host), None) is not None:
        target.fence()


def _others(store: Store, epochs: list[Epoch], own: str) -> Iterator[str]:
    """Other hosts that published, or may have."""
    yield from (epoch.release.host for epoch in epochs if epoch.release.host != own)
    yield from (host for host in store.hosts() if host != own)


def _is_lower(own: Release, other: Release) -> bool:
    version = importlib.import_module("packaging.version").Version
    return bool(version(own.version) < version(other.version))
