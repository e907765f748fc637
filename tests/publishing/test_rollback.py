"""Rolling back: an older content as a new revision, which stays until something else comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import snapshots as kit
from pipeline import storage
from pipeline.errors import ParameterError, SnapshotCorruptError
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.rollback import rollback
from pipeline.publishing.seal import publish
from pipeline.publishing.verify import verify_day
from pipeline.reader import load


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """A store with r1 at price 100 and r2 at price 101."""
    store = FolderStore(tmp_path / "snapshots")
    for price in (100.0, 101.0):
        publish(kit.draft(tmp_path / str(price), price=price), store)
    return store


def price(store: FolderStore) -> float:
    """What a reader gets."""
    table = load("bars_1m", kit.DAY, kit.DAY, columns=["close"], root=store.root)
    return float(table["close"][0].as_py())


def test_the_old_content_is_a_new_revision(store: FolderStore) -> None:
    """r3 has r1's files byte for byte, says why, and r1 and r2 keep every byte."""
    before = {n: kit.contents(store.revision(kit.DAY, n)) for n in (1, 2)}

    sealed = rollback(store, kit.DAY, 1, "r2 was wrong")

    paper = storage.read_json(sealed.path / "publication.json")
    assert (sealed.revision, sealed.new, price(store)) == (3, True, 100.0)
    assert (paper["parent"], paper["rolled_back_to"]) == (2, 1)
    assert paper["reason"] == "rolled back to r1: r2 was wrong"
    assert [entry["revision"] for entry in paper["withdrawn"]] == [2]
    same = {k: v for k, v in kit.contents(sealed.path).items() if k != "publication.json"}
    assert same == {k: v for k, v in before[1].items() if k != "publication.json"}
    assert {n: kit.contents(store.revision(kit.DAY, n)) for n in (1, 2)} == before
    assert verify_day(store, kit.DAY) == []


def test_what_was_rolled_back_is_not_published_again(store: FolderStore, tmp_path: Path) -> None:
    """The next run gives r2's content: r3 stands, and not one inode is touched."""
    rollback(store, kit.DAY, 1, "r2 was wrong")
    before = kit.tree(store.root)

    again = publish(kit.draft(tmp_path / "again", price=101.0), store)

    assert (again.new, again.revision) == (False, 3)
    assert "rolled back" in again.note
    assert kit.tree(store.root) == before


def test_another_content_ends_the_rollback(store: FolderStore, tmp_path: Path) -> None:
    """Corrected raw files become r4; from then on r2's content counts like any other."""
    rollback(store, kit.DAY, 1, "r2 was wrong")

    corrected = publish(kit.draft(tmp_path / "c", price=102.0), store)
    old = publish(kit.draft(tmp_path / "d", price=101.0), store)

    assert (corrected.revision, corrected.new) == (4, True)
    assert (old.revision, old.new) == (5, True)


def test_a_rollback_can_be_taken_back(store: FolderStore, tmp_path: Path) -> None:
    """Rolling back to the withdrawn r2 publishes it again, and a run then agrees with it."""
    rollback(store, kit.DAY, 1, "r2 was wrong")

    back = rollback(store, kit.DAY, 2, "r2 was right after all")
    agreed = publish(kit.draft(tmp_path / "again", price=101.0), store)

    assert (back.revision, price(store)) == (4, 101.0)
    assert (agreed.new, agreed.revision, agreed.note) == (False, 4, "already says the same")


def test_rolling_back_to_what_is_current_does_nothing(store: FolderStore) -> None:
    """No empty revisions."""
    assert rollback(store, kit.DAY, 2, "nothing to do").new is False


def test_damaged_bytes_are_not_published_again(store: FolderStore) -> None:
    """r1 must be what it was when it was published."""
    path = store.revision(kit.DAY, 1) / "bars_1m.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(
        SnapshotCorruptError, match=r"r1 is not what was published, so nothing was rolled"
    ):
        rollback(store, kit.DAY, 1, "why not")
    assert price(store) == 101.0


def test_a_revision_that_is_not_there_is_named(store: FolderStore) -> None:
    """With those that are."""
    with pytest.raises(ParameterError, match=r"2025-01-02\.r9: .* has r1, r2"):
        rollback(store, kit.DAY, 9, "why not")
