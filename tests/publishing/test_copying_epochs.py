"""A copy of a store takes the same releases as the store: its epochs go with it, and are never mixed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from kit import object_server
from kit import snapshots as kit
from pipeline.contracts.value import changed
from pipeline.errors import PublishError, ReleaseError
from pipeline.freshness.release import Release
from pipeline.publishing import copying, epochs, fence
from pipeline.publishing.epochs import Publisher
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.opening import open_store
from pipeline.publishing.seal import publish
from pipeline.publishing.store import Store
from pipeline.publishing.verify import verify_day

DAYS = [kit.DAY + dt.timedelta(days=i) for i in range(30)]
OLD = Release(
    version="0.3.0",
    host="one",
    code="aaaa",
    python="3.11",
    libraries="pyarrow 26.0",
    governance="cccc",
)
NEW = changed(OLD, code="bbbb", host="two")
OTHER = changed(OLD, code="dddd", host="three")


@pytest.fixture(params=["folder to objects", "objects to folder"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, Store]:
    """Two empty stores, to copy from and to."""
    folder = open_store(tmp_path / "snapshots")
    objects = open_store(object_server.address(request.getfixturevalue("endpoint")))
    return (folder, objects) if request.param == "folder to objects" else (objects, folder)


def published(store: Store, work: Path, days: list[dt.date], release: Release) -> None:
    """Dates published by a release that was adopted."""
    Publisher(release).adopt(store)
    for day in days:
        draft = kit.draft(work / f"{release.code}{day}", day)
        publish(replace(draft, by=Publisher(release)), store)


def copied(source: Store, target: Store) -> list[str]:
    """The revisions that were copied."""
    done = copying.copy(source, target, source.look().days())
    return [it.name for it in done if it.what == copying.COPIED]


def papers(store: Store) -> dict[str, bytes | None]:
    """Every epoch as it lies there."""
    return {name: store.read(f"{store.epochs}/{name}") for name in store.names(store.epochs)}


def test_a_store_that_is_restored_takes_no_older_release(
    pair: tuple[Store, Store], tmp_path: Path
) -> None:
    """Of thirty revisions by two releases: the same epochs, and the first release is as old as before."""
    source, target = pair
    published(source, tmp_path, DAYS[:15], OLD)
    published(source, tmp_path, DAYS[15:], NEW)

    assert len(copied(source, target)) == 30

    assert papers(target) == papers(source)
    assert [it.release for it in epochs.known(target)] == [OLD, NEW]
    for release in (OLD, OTHER):
        with pytest.raises(ReleaseError):
            Publisher(release).may(target)
    assert Publisher(NEW).may(target)
    assert [verify_day(target, day) for day in DAYS] == [[]] * 30


def test_a_backup_that_goes_on_gets_later_epochs(pair: tuple[Store, Store], tmp_path: Path) -> None:
    """Those that it has stay; and going back, a store that is ahead of its backup stays ahead."""
    source, target = pair
    published(source, tmp_path, DAYS[:1], OLD)
    copied(source, target)
    published(source, tmp_path, DAYS[1:2], NEW)

    assert copied(source, target) == [f"{DAYS[1]}.r1"]
    assert papers(target) == papers(source)
    Publisher(OTHER).adopt(source)
    assert copied(target, source) == []
    assert [it.release for it in epochs.known(source)] == [OLD, NEW, OTHER]


def test_stores_of_other_releases_are_not_mixed(pair: tuple[Store, Store], tmp_path: Path) -> None:
    """One sentence names both stores and releases, also in a plan; nothing is copied."""
    source, target = pair
    published(source, tmp_path, DAYS[:1], NEW)
    published(target, tmp_path, DAYS[1:2], OTHER)
    before = papers(target)

    for work in (copying.plan, copying.copy):
        with pytest.raises(PublishError) as told:
            list(work(source, target, DAYS[:1]))
        said = str(told.value)
        assert source.name in said
        assert target.name in said
        assert str(NEW) in said
        assert str(OTHER) in said
    assert papers(target) == before
    assert target.look().days() == DAYS[1:2]

    Publisher(NEW).adopt(target)
    assert copied(source, target) == [f"{DAYS[0]}.r1"]
    assert [it.release for it in epochs.known(target)] == [OTHER, NEW]


def test_without_epochs_nothing_is_asked(pair: tuple[Store, Store], tmp_path: Path) -> None:
    """A store of a release that knew none is copied as ever, into one with epochs too."""
    source, target = pair
    publish(kit.draft(tmp_path / "a", DAYS[0]), source)
    published(target, tmp_path, DAYS[1:2], NEW)

    assert copied(source, target) == [f"{DAYS[0]}.r1"]
    assert [it.release for it in epochs.known(target)] == [NEW]


def test_a_folder_that_is_restored_is_marked_as_it_was(endpoint: str, tmp_path: Path) -> None:
    """Releases that know no epochs cannot publish there either, where several hosts did."""
    objects = open_store(object_server.address(endpoint))
    published(objects, tmp_path, DAYS[:1], NEW)
    back = FolderStore(tmp_path / "back")

    copied(objects, back)

    assert fence.stands(back.locks)
