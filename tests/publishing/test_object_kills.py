"""A publisher to objects that is killed, or struck, at any of its requests."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path

import pytest

from kit import object_server
from kit import snapshots as kit
from kit.object_server import Answer, Door, Fault, Pass, Request, error
from pipeline.publishing.copies import Copies
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.object_store import ObjectStore
from pipeline.publishing.s3 import Objects
from pipeline.publishing.seal import Draft, publish
from pipeline.publishing.verify import verify, verify_day
from pipeline.settings.stores import Address, Server

DAY = kit.DAY
REQUESTS = 60
"""More than a first publication takes."""


def host(tmp_path: Path, place: Address, name: str) -> ObjectStore:
    """The store as a machine of that name has it."""
    objects = Objects(place)
    return ObjectStore(objects, Copies(objects, FolderStore(tmp_path / "hosts" / name)))


def through(door: str, place: Address) -> Address:
    """The same place through a door."""
    server = Server(endpoint=door, patience_seconds=30)
    return Address(bucket=place.bucket, prefix=place.prefix, server=server)


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


def check_kills(endpoint: str, tmp_path: Path, moments: list[int]) -> int:
    """Kills at these requests, each before and after; how many struck."""
    draft, struck, door = kit.draft(tmp_path / "a"), 0, Door(endpoint)
    with door.open() as address:
        for at in moments:
            for done in (False, True):
                place = object_server.address(endpoint)
                name = f"{at}-{done}"
                store = host(tmp_path, through(address, place), name)
                struck += publish_and_die(door, store, draft, at, done=done)
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
    assert check_kills(endpoint, tmp_path, list(range(1, REQUESTS))) >= 80


def _lost(request: Request, go: Pass) -> None:
    go(request)


FAULTS: dict[str, Fault] = {
    "500": lambda request, go: error(500, "InternalError"),
    "503": lambda request, go: error(503, "SlowDown"),
    "no answer, not done": lambda request, go: None,
    "no answer, but done": _lost,
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_request_is_not_seen(endpoint: str, tmp_path: Path, fault: str) -> None:
    """One revision, whole, and said to be new, whichever request is struck."""
    draft, door, struck = kit.draft(tmp_path / "a"), Door(endpoint), 0
    with door.open() as address:
        for at in range(1, REQUESTS):
            count = itertools.count(1)

            def strike(request: Request, go: Pass, at: int = at, count=count) -> Answer | None:  # type: ignore[no-untyped-def]
                return (FAULTS[fault] if next(count) == at else _passed)(request, go)

            door.fault = strike
            place = object_server.address(endpoint)
            sealed = publish(draft, host(tmp_path, through(address, place), f"{at}"))
            struck += next(count) > at
            assert (sealed.revision, sealed.new) == (1, True)
            assert verify_day(host(tmp_path, place, f"reader-{at}"), DAY) == []

    assert struck > 40


def _passed(request: Request, go: Pass) -> Answer:
    return go(request)
