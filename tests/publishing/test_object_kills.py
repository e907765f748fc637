"""A publisher to objects that is killed, or struck, at any of its requests."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kit import object_faults, object_server
from kit import snapshots as kit
from kit.object_server import Answer, Door, Fault, Pass, Request
from pipeline.errors import KitchenError
from pipeline.freshness.release import Release
from pipeline.publishing.copies import Copies
from pipeline.publishing.epochs import Publisher
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.object_store import ObjectStore
from pipeline.publishing.s3 import Objects
from pipeline.publishing.seal import Draft, publish
from pipeline.publishing.verify import verify, verify_day
from pipeline.settings.stores import Address, Server

DAY = kit.DAY
RELEASE = Release(
    version="0.3.0", host="one", code="a", python="3.11", libraries="numpy 2.4", governance="c"
)


def host(tmp_path: Path, place: Address, name: str) -> ObjectStore:
    """The store as a machine of that name has it."""
    objects = Objects(place)
    return ObjectStore(objects, Copies(objects, FolderStore(tmp_path / "hosts" / name)))


def through(door: str, place: Address) -> Address:
    """The same place through a door."""
    server = Server(endpoint=door, patience_seconds=object_faults.PATIENCE_SECONDS)
    return Address(bucket=place.bucket, prefix=place.prefix, server=server)


def ready(folder: Path, price: float = 100.0) -> Draft:
    """A day that a release made, and whose epoch it has to be."""
    return replace(kit.draft(folder, price=price), by=Publisher(RELEASE))


def publish_and_die(door: Door, store: ObjectStore, draft: Draft, at: int, *, done: bool) -> bool:
    """Publishes in a process that is killed at a request, before or after it is done; whether it was."""
    process, count = [0], [0]

    def deadly(request: Request, go: Pass) -> Answer | None:
        count[0] += 1
        if count[0] != at:
            return go(request)
        if done:
            go(request)
        os.kill(process[0], signal.SIGKILL)
        return None

    door.fault = deadly
    process[0] = os.fork()
    if process[0] == 0:
        try:
            publish(draft, store)
        finally:
            os._exit(0)
    status = os.waitpid(process[0], 0)[1]
    door.fault = lambda request, go: go(request)
    return os.WIFSIGNALED(status)


def check_kills(endpoint: str, tmp_path: Path, moments: Iterable[int]) -> int:
    """Kills at these requests, each before and after, up to the last there is; how many."""
    draft, struck, door = ready(tmp_path / "a"), 0, Door(endpoint)
    with door.open() as address:
        for at in moments:
            for done in (False, True):
                place = object_server.address(endpoint)
                name = f"{at}-{done}"
                store = host(tmp_path, through(address, place), name)
                if not publish_and_die(door, store, draft, at, done=done):
                    return struck
                struck += 1
                reader = host(tmp_path, place, f"reader-{name}")
                assert reader.numbers(DAY) in ([], [1])
                assert all(verify(reader, DAY, n) == [] for n in reader.numbers(DAY))

                assert publish(draft, store).revision == 1
                assert verify_day(reader, DAY) == []
                assert not list(store.disk.glob(".staging*"))
    return struck


def test_a_publisher_that_is_killed_leaves_nothing_half_made(endpoint: str, tmp_path: Path) -> None:
    """At moments from the first request to the last: nothing is seen of it, or all."""
    assert check_kills(endpoint, tmp_path, [1, 25, 44, 47]) >= 6


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_publisher_that_is_killed_at_any_request(endpoint: str, tmp_path: Path) -> None:
    """Each of them."""
    assert check_kills(endpoint, tmp_path, itertools.count(1)) >= 80


@dataclass
class Strike:
    """A fault that strikes one request, counted from the first."""

    fault: Fault
    at: int
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __call__(self, request: Request, go: Pass) -> Answer | None:
        """The answer."""
        return (self.fault if next(self._count) == self.at else passed)(request, go)

    def has_struck(self) -> bool:
        """Whether there was such a request."""
        return next(self._count) > self.at


def passed(request: Request, go: Pass) -> Answer:
    """What becomes of all others."""
    return go(request)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fault", object_faults.PASSING)
def test_a_fault_at_any_request_is_not_seen(endpoint: str, tmp_path: Path, fault: str) -> None:
    """One revision, whole, and said to be new, whichever request is struck."""
    draft, door, struck = ready(tmp_path / "a"), Door(endpoint), 0
    with door.open() as address:
        for at in itertools.count(1):
            strike = door.fault = Strike(object_faults.PASSING[fault], at)
            place = object_server.address(endpoint)
            sealed = publish(draft, host(tmp_path, through(address, place), f"{at}"))
            if not strike.has_struck():
                break
            struck = at
            assert (sealed.revision, sealed.new) == (1, True), at
            assert verify_day(host(tmp_path, place, f"reader-{at}"), DAY) == []

    assert struck > 45


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fault", object_faults.LYING)
def test_a_lie_at_any_request_leaves_the_old_or_the_new(
    endpoint: str, tmp_path: Path, fault: str
) -> None:
    """Of a correction: whole either way, and told in one sentence; the next run makes it right."""
    first, second = ready(tmp_path / "a"), ready(tmp_path / "b", price=101.0)
    door, struck, said = Door(endpoint), 0, list[str]()
    with door.open() as address:
        for at in itertools.count(1):
            door.fault = passed
            place = object_server.address(endpoint)
            publish(first, host(tmp_path, place, f"first-{at}"))
            strike = door.fault = Strike(object_faults.LYING[fault], at)
            try:
                publish(second, host(tmp_path, through(address, place), f"{at}"))
            except KitchenError as told:
                said.append(str(told))
            if not strike.has_struck():
                break
            struck = at
            reader = host(tmp_path, place, f"reader-{at}")
            numbers = reader.numbers(DAY)
            assert numbers in ([1], [1, 2]), at
            assert [verify(reader, DAY, n) for n in numbers] == [[]] * len(numbers), at

            door.fault = passed
            again = publish(second, host(tmp_path, through(address, place), f"{at}"))
            assert again.revision == 2, at
            assert verify_day(host(tmp_path, place, f"again-{at}"), DAY) == []

    assert struck > 45
    assert said
    assert not any("\n" in sentence for sentence in said)
