"""Which release may publish into a store: epochs, adoption, and who comes too late."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import os
import platform
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kit import snapshots as kit
from kit.dying import Killed, faulty
from pipeline.contracts.value import changed
from pipeline.errors import PublishError, ReleaseError, SnapshotExistsError
from pipeline.freshness.release import Release
from pipeline.publishing import epochs, revisions
from pipeline.publishing.epochs import Publisher
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.revisions import Sealed
from pipeline.publishing.seal import Draft, publish
from pipeline.publishing.store import Store
from pipeline.publishing.verify import verify

HOST = platform.node()
OWN = Release(
    version="0.3.0",
    host=HOST,
    code="aaaa",
    python="3.11",
    libraries="numpy 2.4, pyarrow 26.0",
    governance="cccc",
)
EDITED = changed(OWN, code="bbbb")
ELSEWHERE = changed(EDITED, host="two")
WRITERS = 20


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    """An empty store in a folder."""
    return FolderStore(tmp_path / "snapshots")


@pytest.fixture
def day(tmp_path: Path) -> Draft:
    """A day ready to be published."""
    return kit.draft(tmp_path / "day")


@pytest.fixture
def corrected(tmp_path: Path) -> Draft:
    """The same day with other prices."""
    return kit.draft(tmp_path / "corrected", price=101.0)


def by(draft: Draft, release: Release, *, adopts: bool = False) -> Draft:
    """A day that a release made."""
    return replace(draft, by=Publisher(release, adopts=adopts))


def codes(store: Store) -> list[str]:
    """The code of each epoch, in order."""
    return [epoch.release.code for epoch in epochs.known(store)]


class OtherHost(FolderStore):
    """The same folder seen from a host that the locks of this one do not reach."""

    __slots__ = ()

    def held(self, day: dt.date) -> AbstractContextManager[int]:
        """Nobody is kept out."""
        return nullcontext(0)

    def mend(self, day: dt.date, sealed: Sealed | None) -> None:
        """Nothing: only who has the lock may sweep."""


def from_elsewhere(store: Store, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The same store seen from another host."""
    if isinstance(store, FolderStore):
        return OtherHost(store.root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return type(store).at(store.objects.address)


@dataclass(frozen=True, slots=True)
class Delayed(Publisher):
    """To whom something happens just before the claim."""

    meanwhile: Callable[[], object] = str

    def enter(self, store: Store, parent: Sealed | None = None) -> None:
        """After it."""
        Publisher.enter(self, store, parent)
        self.meanwhile()


def test_the_first_release_makes_the_first_epoch(store: Store, day: Draft) -> None:
    """With all that it builds by, when and where; publishing once more makes no other."""
    for _ in range(2):
        publish(by(day, OWN), store)

    [epoch] = epochs.known(store)
    assert (epoch.number, epoch.release) == (1, OWN)
    assert store.names(store.epochs) == ["000001.json"]


def test_a_version_or_a_host_alone_is_no_other_release(store: Store, day: Draft) -> None:
    """What decides is what results are built by."""
    publish(by(day, OWN), store)

    assert Publisher(changed(OWN, version="9.0", host="two")).may(store)


def test_another_release_is_refused_until_it_is_adopted(
    store: Store, day: Draft, corrected: Draft
) -> None:
    """In a sentence with both and the command; then the first one is old, and refused. One revision."""
    publish(by(day, OWN), store)

    with pytest.raises(ReleaseError) as unknown:
        publish(by(corrected, ELSEWHERE), store)
    assert revisions.wanted(store, kit.DAY, None).revision == 1
    Publisher(ELSEWHERE).adopt(store)
    with pytest.raises(ReleaseError) as old:
        publish(by(corrected, OWN), store)

    for told, first, second in ((unknown, ELSEWHERE, OWN), (old, OWN, ELSEWHERE)):
        said = str(told.value)
        assert told.value.exit_code == 40
        assert said.index(str(first)) < said.index(str(second))
        assert f"code is {first.code}, wanted {second.code}" in said
        assert "`kitchen release adopt`" in said
    assert "which nobody adopted" in str(unknown.value)
    assert "which was epoch 1" in str(old.value)
    assert codes(store) == ["aaaa", "bbbb"]
    assert publish(by(day, ELSEWHERE), store).revision == 1


def test_a_release_that_was_adopted_again_is_the_next_epoch(store: Store) -> None:
    """Going back is a decision like any other; adopting what is in force changes nothing."""
    for release in (OWN, ELSEWHERE, OWN, OWN):
        Publisher(release).adopt(store)

    assert codes(store) == ["aaaa", "bbbb", "aaaa"]


@pytest.mark.parametrize(
    ("version", "adopted"), [("0.3.0", True), ("0.10.0", True), ("0.3.0rc1", False)]
)
def test_auto_adopts_what_is_not_lower(
    store: Store, day: Draft, version: str, adopted: bool
) -> None:
    """By the order of versions, in which a candidate comes before its release."""
    publish(by(day, OWN), store)
    other = Publisher(changed(ELSEWHERE, version=version), adopts=True)

    if adopted:
        assert not other.may(store)
        other.enter(store)
        assert codes(store) == ["aaaa", "bbbb"]
    else:
        with pytest.raises(ReleaseError, match="which nobody adopted"):
            other.may(store)


def test_auto_never_adopts_what_was_in_force_before(store: Store) -> None:
    """Else two hosts would take turns for ever."""
    for release in (OWN, ELSEWHERE):
        Publisher(release).adopt(store)

    with pytest.raises(ReleaseError, match="which was epoch 1"):
        Publisher(OWN, adopts=True).may(store)


def test_a_folder_of_one_host_takes_whatever_that_host_has(
    folder: FolderStore, day: Draft, corrected: Draft
) -> None:
    """An edit, and its taking back, are epochs at the next revision, with no question and no mark."""
    sealed = [
        publish(by(draft, release), folder).revision
        for draft, release in ((day, OWN), (corrected, EDITED), (day, OWN))
    ]

    assert sealed == [1, 2, 3]
    assert codes(folder) == ["aaaa", "bbbb", "aaaa"]
    assert not folder.locks.is_symlink()


def test_what_says_the_same_makes_no_epoch(folder: FolderStore, day: Draft) -> None:
    """An edit without effect publishes nothing."""
    publish(by(day, OWN), folder)
    publish(by(day, EDITED), folder)

    assert codes(folder) == ["aaaa"]


def test_revisions_of_another_host_count_as_a_release(folder: FolderStore, day: Draft) -> None:
    """A release without epochs published them; `auto` may go on from there."""
    publish(day, folder)
    other = changed(OWN, host="two")

    with pytest.raises(ReleaseError, match=f"{HOST} published there by a release without epochs"):
        Publisher(other).may(folder)
    assert not Publisher(other, adopts=True).may(folder)
    assert not Publisher(OWN).may(folder)


def test_a_store_of_several_hosts_is_marked(
    folder: FolderStore, day: Draft, corrected: Draft
) -> None:
    """Readers and later publishers see no difference, and locks that are held stay so."""
    publish(by(day, OWN), folder)
    with folder.held(kit.DAY):
        inode = folder.lock(kit.DAY).stat().st_ino
        Publisher(ELSEWHERE).adopt(folder)
        assert folder.lock(kit.DAY).stat().st_ino == inode

    assert os.readlink(folder.locks) == ".locks-with-epochs"
    assert publish(by(corrected, ELSEWHERE), folder).revision == 2
    assert kit.settled(folder, kit.DAY)
    assert verify(folder, kit.DAY) == []


def test_publishing_over_another_host_s_revision_marks_too(
    folder: FolderStore, day: Draft, corrected: Draft
) -> None:
    """That host may have a release that knows no epochs, and would put its own over ours."""
    there = changed(OWN, host="two")
    Publisher(there).adopt(folder)
    publish(day, folder)

    publish(by(corrected, there), folder)

    assert folder.locks.is_symlink()


def test_a_mark_that_a_run_died_over_is_made_whole(folder: FolderStore, day: Draft) -> None:
    """The folder had its new name, and nothing had the old one."""
    folder.prepare()
    folder.locks.rename(folder.root / ".locks-with-epochs")

    publish(by(day, OWN), folder)

    assert os.readlink(folder.locks) == ".locks-with-epochs"


def test_a_run_that_was_killed_over_an_epoch_leaves_nothing_behind(folder: FolderStore) -> None:
    """Nor does the next one write into what stands: the file of the killed one is that of the epoch."""
    Publisher(OWN).adopt(folder)
    stands = folder.root / folder.epochs / "000001.json"
    os.link(stands, folder.locks / f"{stands.parent.name}.{HOST}.new")
    before = stands.read_bytes()

    Publisher(EDITED).adopt(folder)

    assert stands.read_bytes() == before
    assert codes(folder) == ["aaaa", "bbbb"]
    assert not [path for path in folder.locks.iterdir() if path.suffix == ".new"]


def test_an_adopter_that_dies_at_any_moment_leaves_nothing_undone(
    tmp_path: Path, day: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a store of another host: what it would have left, and the mark, are there after the next one."""
    for at in itertools.count(1):
        folder = FolderStore(tmp_path / f"{at}")
        publish(by(day, changed(OWN, host="two")), folder)
        with contextlib.suppress(Killed), faulty(monkeypatch, at) as fault:
            Publisher(EDITED).adopt(folder)
        Publisher(EDITED).adopt(folder)

        assert folder.locks.is_symlink(), at
        assert codes(folder) == ["aaaa", "bbbb"], at
        assert not [path for path in folder.locks.iterdir() if path.suffix == ".new"], at
        assert verify(folder, kit.DAY) == [], at
        if fault.count < at:
            break

    assert at > 8


def test_an_epoch_that_cannot_be_read_stops_publishing(store: Store, day: Draft) -> None:
    """A newer release may have written it."""
    store.prepare()
    store.put_if_absent(f"{store.epochs}/000001.json", b'{"number": 1, "new": true}')

    with pytest.raises(PublishError, match=r"000001\.json: is no epoch of this version"):
        publish(by(day, OWN), store)


def test_adopters_at_one_moment_stand_in_one_order(store: Store) -> None:
    """Each number is given once, and what is in force is the same for all."""
    store.prepare()
    hosts = [changed(OWN, host=f"h{n}", code=f"c{n}") for n in range(8)]
    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(lambda release: Publisher(release).adopt(store), hosts))

    assert sorted(codes(store)) == [release.code for release in hosts]
    assert [epoch.number for epoch in epochs.known(store)] == list(range(1, 9))


def test_a_release_that_is_superseded_while_it_publishes_publishes_nothing(
    store: Store, day: Draft
) -> None:
    """It is asked once more, right before the claim."""

    @dataclass(frozen=True, slots=True)
    class Slow(Publisher):
        def enter(self, store: Store, parent: Sealed | None = None) -> None:
            Publisher(ELSEWHERE).adopt(store)
            Publisher.enter(self, store, parent)

    Publisher(OWN).adopt(store)
    with pytest.raises(ReleaseError, match="which was epoch 1"):
        publish(replace(day, by=Slow(OWN)), store)

    assert store.look().numbers(kit.DAY) == []


@pytest.mark.parametrize("same", [True, False], ids=["of one content", "of as many contents"])
def test_writers_of_one_number(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    """One has it. The others give way to it where it says what they would have, else end with 10."""
    gate = threading.Barrier(WRITERS, timeout=100)
    hosts = [from_elsewhere(store, tmp_path / f"c{n}", monkeypatch) for n in range(WRITERS)]
    drafts = [kit.draft(tmp_path / str(n), price=100.0 + n * (not same)) for n in range(WRITERS)]
    publish(by(kit.draft(tmp_path / "before", price=99.0), OWN), store)

    def write(number: int) -> str:
        release = Delayed(changed(OWN, host=f"h{number}"), meanwhile=gate.wait)
        try:
            return f"new {publish(replace(drafts[number], by=release), hosts[number]).new}"
        except SnapshotExistsError as error:
            return f"exit {error.exit_code:d}"

    with ThreadPoolExecutor(WRITERS) as pool:
        ended = sorted(pool.map(write, range(WRITERS)))

    others = "new False" if same else "exit 10"
    assert ended == sorted(["new True", *[others] * (WRITERS - 1)])
    assert store.look().numbers(kit.DAY) == [1, 2]
    assert verify(store.look(), kit.DAY) == []


def test_a_publisher_that_wakes_late_does_not_put_old_over_new(
    store: Store, tmp_path: Path, day: Draft, corrected: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had its number before another one published: a conflict, and what stands stays."""
    awake = from_elsewhere(store, tmp_path / "cache of another host", monkeypatch)
    zombie = Delayed(OWN, meanwhile=lambda: publish(by(corrected, OWN), awake))

    with pytest.raises(SnapshotExistsError, match="other content meanwhile") as told:
        publish(replace(day, by=zombie), from_elsewhere(store, tmp_path / "c", monkeypatch))

    assert told.value.exit_code == 10
    seen = store.look()
    assert seen.numbers(kit.DAY) == [1]
    assert publish(by(corrected, OWN), seen).note == "already says the same"


def test_a_revision_is_later_than_its_parent_though_the_clock_is_not(
    store: Store, day: Draft, corrected: Draft
) -> None:
    """Its host's clock may be behind the other's."""
    publish(by(day, OWN), store)
    before = revisions.wanted(store, kit.DAY, 1)
    said = dt.datetime.fromisoformat(revisions.read_publication(before.path)["published_at"])
    for draft in (corrected, day):
        sealed = publish(by(draft, OWN), store.look())
        told = revisions.read_publication(sealed.path)["published_at"]
        assert dt.datetime.fromisoformat(told) > said
        said = dt.datetime.fromisoformat(told)
