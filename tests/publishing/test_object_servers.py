"""Publishing to other servers of objects than the one of all tests, where they are installed."""

from __future__ import annotations

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

from kit import object_server
from kit import snapshots as kit
from pipeline.errors import PublishError
from pipeline.publishing import copying, revisions
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.opening import open_store
from pipeline.publishing.rollback import rollback
from pipeline.publishing.s3 import Objects
from pipeline.publishing.seal import publish
from pipeline.publishing.verify import verify_day
from pipeline.settings.stores import Address, Server

pytestmark = pytest.mark.slow

ROUNDS, WRITERS = 15, 20


@pytest.fixture(autouse=True)
def _credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each of these servers, and a cache of the test's own."""
    for name, value in object_server.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@contextmanager
def running(program: str, *arguments: str, port: int, **environment: str) -> Iterator[Address]:
    """A place in a bucket of a server that is started for the block."""
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
            endpoint = f"http://127.0.0.1:{port}"
            _make_bucket(endpoint)
            yield Address(bucket=object_server.BUCKET, prefix="a", server=Server(endpoint=endpoint))
        finally:
            process.terminate()


def _make_bucket(endpoint: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            object_server.client(endpoint).create_bucket(Bucket=object_server.BUCKET)
            return
        except Exception:
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.5)


@contextmanager
def ministack() -> Iterator[Address]:
    """A second implementation that keeps the promise."""
    port = object_server.free_port()
    with running("ministack", port=port, BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port)) as place:
        yield place


def test_another_server_lets_one_of_many_writers_win() -> None:
    """In each of many rounds."""
    with ministack() as place:
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


def test_another_server_has_the_same_revisions(tmp_path: Path) -> None:
    """A publication, a correction, a rollback; and all of it copied to a folder."""
    with ministack() as place:
        store, back = open_store(place), FolderStore(tmp_path / "back")
        for number, price in enumerate((100.0, 101.0)):
            publish(kit.draft(tmp_path / f"{number}", price=price), store)
        rollback(store, kit.DAY, 1, "no")

        assert verify_day(store, kit.DAY) == []
        done = [each.what for each in copying.copy(store, back, store.days())]

    assert done == ["copied"] * 3
    assert verify_day(back, kit.DAY) == []
    assert revisions.wanted(back, kit.DAY, None).revision == 3


def test_a_server_that_ignores_conditions_is_refused(tmp_path: Path) -> None:
    """A real one: every one of many writers wins there."""
    port, files = object_server.free_port(), tmp_path / "files"
    files.mkdir()
    key = ",".join(
        object_server.ENVIRONMENT[f"AWS_{n}"] for n in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
    )
    serve = ("serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", key, str(files))
    with (
        running("rclone", *serve, port=port) as place,
        pytest.raises(PublishError, match="ignores If-None-Match"),
    ):
        publish(kit.draft(tmp_path / "a"), open_store(place))

    assert list(files.rglob("*.parquet")) == []
