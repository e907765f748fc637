"""Publishing to other servers of objects than the one of all tests, where they are installed."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit import ceph, object_server
from kit import snapshots as kit
from pipeline.errors import PublishError
from pipeline.publishing import collect, copying, revisions, s3
from pipeline.publishing.collect import Policy
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.opening import open_store
from pipeline.publishing.rollback import rollback
from pipeline.publishing.s3 import Objects
from pipeline.publishing.seal import publish
from pipeline.publishing.verify import verify_day
from pipeline.settings.stores import Address

pytestmark = pytest.mark.slow

ROUNDS, WRITERS = 15, 20


@pytest.fixture(autouse=True)
def _credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each of these servers, and a cache of the test's own."""
    for name, value in object_server.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@contextmanager
def running(program: str, *arguments: str, **environment: str) -> Iterator[None]:
    """A program for the block, if it is there."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not on the PATH")
    with subprocess.Popen(
        [found, *arguments],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def made(endpoint: str) -> str:
    """The server's address, once it has the bucket."""
    until = time.monotonic() + 60
    while True:
        try:
            object_server.client(endpoint).create_bucket(Bucket=object_server.BUCKET)
            return endpoint
        except Exception:
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.5)


@contextmanager
def ministack(work: Path) -> Iterator[str]:
    """The address of one, written in Python."""
    port = str(object_server.free_port())
    with running("ministack", BIND_HOST="127.0.0.1", GATEWAY_PORT=port):
        yield f"http://127.0.0.1:{port}"


SERVERS = {"ministack": ministack, "ceph": ceph.running}
"""Other implementations that keep the promise."""


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of each of them, in turn."""
    with SERVERS[request.param](tmp_path_factory.mktemp("server")) as endpoint:
        yield made(endpoint)


@pytest.fixture
def place(server: str) -> Address:
    """A place of the test's own there."""
    return object_server.address(server)


def test_another_server_lets_one_of_many_writers_win(place: Address) -> None:
    """In each of many rounds."""
    objects = Objects(place)
    for _ in range(ROUNDS):
        name, together = f"revisions/{uuid.uuid4().hex}", threading.Barrier(WRITERS)

        def write(number: int, name: str = name, gate: threading.Barrier = together) -> bool:
            gate.wait()
            return objects.put_if_absent(name, f"writer {number}".encode())

        with ThreadPoolExecutor(WRITERS) as pool:
            won = list(pool.map(write, range(WRITERS)))
        assert won.count(True) == 1
        assert objects.get(name) == f"writer {won.index(True)}".encode()


def test_another_server_has_the_same_revisions(place: Address, tmp_path: Path) -> None:
    """A publication, a correction, a rollback; and all of it copied to a folder."""
    store, back = open_store(place), FolderStore(tmp_path / "back")
    for number, price in enumerate((100.0, 101.0)):
        publish(kit.draft(tmp_path / f"{number}", price=price), store)
    rollback(store, kit.DAY, 1, "no")

    assert verify_day(store, kit.DAY) == []
    done = [each.what for each in copying.copy(store, back, store.days())]

    assert done == ["copied"] * 3
    assert verify_day(back, kit.DAY) == []
    assert revisions.wanted(back, kit.DAY, None).revision == 3


def test_another_server_tells_the_time(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a machine whose clock is a minute off publishes nothing there."""
    late = dt.timedelta(seconds=60)
    monkeypatch.setattr(s3, "utc_now", lambda: dt.datetime.now(dt.UTC) - late)

    with pytest.raises(PublishError, match=r"clock is (59|60|61) s behind the store's"):
        publish(kit.draft(tmp_path / "a"), open_store(place))

    assert not [n for n in object_server.contents(place) if not n.startswith("epochs/")]


def test_another_server_collects(place: Address, tmp_path: Path) -> None:
    """What is due by the server's own times; claims stay."""
    store, policy = open_store(place), Policy(keep=1, grace_days=7)
    for number, price in enumerate((100.0, 101.0)):
        publish(kit.draft(tmp_path / f"{number}", price=price), store)
    at = f"objects/{kit.DAY}/{'0' * 32}"
    store.write(f"{at}/bars_1m.parquet", b"half")
    now = dt.datetime.now(dt.UTC)

    done = [
        sorted(
            (item.action, item.name) for item in collect.collect(store.look(), policy, now + later)
        )
        for later in (dt.timedelta(0), dt.timedelta(days=6), dt.timedelta(days=8))
    ]

    first = f"{kit.DAY}.r1"
    assert done == [[("trash", first)], [("delete", at)], [("delete", first)]]
    assert sorted(n for n in object_server.contents(place) if n.startswith("revisions/")) == [
        f"revisions/{kit.DAY}/000001.collected",
        f"revisions/{kit.DAY}/000001.json",
        f"revisions/{kit.DAY}/000002.json",
    ]
    assert verify_day(store.look(), kit.DAY) == []


def test_a_server_that_ignores_conditions_is_refused(tmp_path: Path) -> None:
    """A real one: every one of many writers wins there."""
    port, files = object_server.free_port(), tmp_path / "files"
    files.mkdir()
    key = ",".join(
        object_server.ENVIRONMENT[f"AWS_{n}"] for n in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
    )
    serve = ("serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", key, str(files))
    with running("rclone", *serve):
        place = object_server.address(made(f"http://127.0.0.1:{port}"))
        with pytest.raises(PublishError, match="ignores If-None-Match"):
            publish(kit.draft(tmp_path / "a"), open_store(place))

    assert list(files.rglob("*.parquet")) == []
