"""Revisions copied between stores: the same bytes under the same numbers, however often it is stopped."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit import object_server
from kit import snapshots as kit
from kit.object_server import Answer, Door, Pass, Request
from pipeline.cli.main import cli
from pipeline.errors import PublishError, SnapshotCorruptError
from pipeline.publishing import collect, copying, index, pins, revisions
from pipeline.publishing.collect import Policy
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.opening import open_store
from pipeline.publishing.rollback import rollback
from pipeline.publishing.seal import publish
from pipeline.publishing.store import Store
from pipeline.publishing.verify import verify_day
from pipeline.reader import load
from pipeline.settings.stores import Address, Server

D1, D2 = kit.DAY, kit.DAY + dt.timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    """Two dates: a correction and a rollback of the first, a degraded second, a pin."""
    store = FolderStore(tmp_path / "snapshots")
    publish(kit.draft(tmp_path / "a", D1), store)
    publish(kit.draft(tmp_path / "b", D1, price=101.0), store)
    rollback(store, D1, 1, "wrong export")
    publish(kit.draft(tmp_path / "c", D2, states={"BTCUSDT": "degraded"}), store)
    pins.pin(store, D1, 2, "paper of March")
    return store


def copied(source: Store, target: Store) -> dict[str, str]:
    """Revision -> what became of it."""
    return {e.name: e.what for e in copying.copy(source, target, source.days())}


def everything(store: Store) -> dict[str, dict[str, bytes]]:
    """Revision -> all its files."""
    found = {}
    for day in store.days():
        for number in store.standing(day):
            with store.anew(day, number) as path:
                assert path is not None
                found[f"{day}.r{number}"] = kit.contents(path)
    return found


def test_there_and_back_again(folder: FolderStore, tmp_path: Path, endpoint: str) -> None:
    """From a folder to objects and from there to another folder: no byte differs, no link, no entry."""
    objects = open_store(object_server.address(endpoint))
    back = FolderStore(tmp_path / "back")

    there = copied(folder, objects)
    copied(objects, back)

    assert there == dict.fromkeys(
        ["2025-01-02.r1", "2025-01-02.r2", "2025-01-02.r3", "2025-01-03.r1"], "copied"
    )
    assert everything(folder) == everything(objects) == everything(back)
    assert [verify_day(store, day) for store in (objects, back) for day in (D1, D2)] == [[]] * 4
    links = [
        {p.name: os.readlink(p) for p in s.root.iterdir() if p.is_symlink()} for s in (folder, back)
    ]
    assert links[0] == links[1]
    assert folder.read(index.FILE) == objects.read(index.FILE) == back.read(index.FILE)
    assert pins.pinned(folder) == pins.pinned(objects) == pins.pinned(back)


def test_what_was_known_when_is_copied_too(folder: FolderStore, endpoint: str) -> None:
    """`as_of` answers as before: the time of publication is the one of the first store."""
    objects = open_store(object_server.address(endpoint))
    said = revisions.read_publication(folder.revision(D1, 1))["published_at"]

    copied(folder, objects)

    for store in (folder, objects):
        table = load("bars_1m", D1, D1, columns=["close"], as_of=said, root=store.name)
        assert set(table["close"].to_pylist()) == {100.0}


def test_a_second_copy_has_nothing_to_do(folder: FolderStore, endpoint: str) -> None:
    """And what was published since is copied by the next one."""
    place = object_server.address(endpoint)
    copied(folder, open_store(place))
    before = object_server.contents(place)

    assert set(copied(folder, open_store(place)).values()) == {"there"}
    assert object_server.contents(place) == before


def test_a_rollback_s_objects_are_there_once(folder: FolderStore, endpoint: str) -> None:
    """It names those of the revision whose content it has."""
    place = object_server.address(endpoint)
    copied(folder, open_store(place))

    tables = [name for name in object_server.contents(place) if name.endswith("bars_1m.parquet")]

    assert len(tables) == 3


def test_a_copy_that_was_stopped_goes_on(folder: FolderStore, endpoint: str) -> None:
    """After the server went away in the middle, at several moments."""
    place, allowed = object_server.address(endpoint), [25]

    def away(request: Request, go: Pass) -> Answer | None:
        allowed[0] -= 1
        return go(request) if allowed[0] > 0 else None

    stopped = 0
    with Door(endpoint, away).open() as door:
        server = Server(endpoint=door, patience_seconds=1)
        through = Address(bucket=place.bucket, prefix=place.prefix, server=server)
        for _ in range(12):
            try:
                copied(folder, open_store(through))
                break
            except PublishError:
                stopped += 1
                allowed[0] = 25 + 25 * stopped
                # So long a store that was away is not asked again.
                time.sleep(server.patience_seconds)

    assert stopped >= 2
    assert everything(folder) == everything(open_store(place))


def test_a_copy_that_was_killed_goes_on(folder: FolderStore, tmp_path: Path, endpoint: str) -> None:
    """With -9, back into a folder: whole revisions alone are seen, and nothing is left over."""
    objects, back = open_store(object_server.address(endpoint)), FolderStore(tmp_path / "back")
    copied(folder, objects)
    command = [sys.executable, "-P", "-c", "from pipeline.cli.main import main; main()", "copy"]
    command += ["--from", objects.name, "--to", back.name]

    for wait in (0.1, 0.2, 0.3):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            until = time.monotonic() + 60
            while not list(back.root.glob(".staging*")) and time.monotonic() < until:
                if process.poll() is not None:
                    break
                time.sleep(0.01)
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
        known = everything(folder)
        assert everything(back) == {n: f for n, f in known.items() if n in everything(back)}
    subprocess.run(command, check=True, capture_output=True)

    assert everything(back) == everything(folder)
    assert list(back.root.glob(".staging*")) == []


def test_another_revision_of_a_number_is_never_replaced(
    folder: FolderStore, tmp_path: Path, endpoint: str
) -> None:
    """One sentence names both stores."""
    objects = open_store(object_server.address(endpoint))
    publish(kit.draft(tmp_path / "x", price=300.0), objects)

    with pytest.raises(PublishError, match=r"2025-01-02\.r1: s3://.* has another revision"):
        copied(folder, objects)

    assert objects.numbers(D1) == [1]


def test_a_damaged_revision_is_not_copied(folder: FolderStore, endpoint: str) -> None:
    """Those before it are."""
    objects = open_store(object_server.address(endpoint))
    file = folder.revision(D1, 2) / "bars_1m.parquet"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")

    with pytest.raises(
        SnapshotCorruptError, match=r"2025-01-02\.r2 in .*snapshots: .*; it was not copied"
    ):
        copied(folder, objects)

    assert objects.numbers(D1) == [1]


def test_collected_revisions_leave_their_numbers_free(
    folder: FolderStore, tmp_path: Path, endpoint: str
) -> None:
    """What is left keeps its number."""
    pins.unpin(folder, D1, 2)
    collect.collect(folder, Policy(keep=1, grace_days=0), dt.datetime.now(dt.UTC))
    objects = open_store(object_server.address(endpoint))

    copied(folder, objects)

    assert objects.standing(D1) == [3]
    assert verify_day(objects, D1) == []


def test_the_command_plans_copies_and_says_so(folder: FolderStore, endpoint: str) -> None:
    """A plan changes nothing; dates may be chosen."""
    place = object_server.address(endpoint)
    given = ["copy", "--from", folder.name, "--to", str(place)]

    planned = CliRunner().invoke(cli, [*given, "--dry-run"], catch_exceptions=False)
    assert "4 revisions to be copied" in planned.stdout
    assert object_server.contents(place) == {}

    done = CliRunner().invoke(cli, [*given, "--start", "2025-01-03"], catch_exceptions=False)
    assert "1 revisions copied" in done.stdout
    assert open_store(place).days() == [D2]


def test_a_store_is_not_copied_to_itself(folder: FolderStore) -> None:
    """Nor under another name of it."""
    other = folder.root.parent / "link"
    other.symlink_to(folder.root)

    told = CliRunner().invoke(cli, ["copy", "--from", folder.name, "--to", str(other)])

    assert "is the store to copy from" in str(told.exception)
