"""The index of all days: always what the revisions say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from kit import snapshots as kit
from pipeline.contracts.value import to_json
from pipeline.publishing import index, links
from pipeline.publishing.rollback import rollback
from pipeline.publishing.seal import publish
from pipeline.publishing.store import Store
from pipeline.publishing.verify import verify

NEXT = kit.DAY + dt.timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two dates; one symbol of the second is degraded."""
    store = Store(tmp_path / "snapshots")
    publish(kit.draft(tmp_path / "a"), store)
    states = {"BTCUSDT": "available", "ETHUSDT": "degraded"}
    publish(kit.draft(tmp_path / "b", NEXT, states=states), store)
    return store


def test_every_day_and_symbol_has_its_condition(store: Store) -> None:
    """With the codes of what degrades it."""
    found = index.read(store).days

    assert list(found) == [kit.DAY, NEXT]
    assert found[NEXT].condition == "degraded"
    assert to_json(found[NEXT])["symbols"] == {
        "BTCUSDT": {"condition": "available", "codes": [], "proven": None},
        "ETHUSDT": {"condition": "degraded", "codes": ["C12"], "proven": None},
    }


def test_it_is_the_same_whether_kept_up_or_made_anew(store: Store, tmp_path: Path) -> None:
    """After a correction and a rollback too, byte for byte."""
    publish(kit.draft(tmp_path / "c", price=101.0), store)
    rollback(store, kit.DAY, 1, "no")
    kept = index.path(store).read_bytes()

    index.path(store).unlink()
    index.rebuild(store)

    assert index.path(store).read_bytes() == kept
    assert index.read(store).days[kit.DAY].revision == 3


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"days": 3}'])
def test_a_damaged_index_is_made_anew_by_the_next_publication(
    store: Store, damage: bytes, tmp_path: Path
) -> None:
    """All days stand in it again."""
    index.path(store).write_bytes(damage)

    publish(kit.draft(tmp_path / "c", price=101.0), store)

    assert list(index.read(store).days) == [kit.DAY, NEXT]


def test_a_day_that_was_published_and_not_indexed_is_added(store: Store, tmp_path: Path) -> None:
    """A run that died before the index was written is finished by the next."""
    kept = index.path(store).read_bytes()
    index.path(store).unlink()

    assert publish(kit.draft(tmp_path / "again"), store).new is False
    assert index.path(store).read_bytes() == kept


def test_a_store_that_was_put_back_by_hand_is_found(store: Store, tmp_path: Path) -> None:
    """r2 taken away and the link moved to r1: nothing but the index remembers."""
    r2 = publish(kit.draft(tmp_path / "c", price=101.0), store)
    r2.path.rename(tmp_path / "hidden")
    store.date_link(kit.DAY).unlink()
    store.date_link(kit.DAY).symlink_to(".revisions/2025-01-02.r1")

    found = [str(f) for f in verify(store, kit.DAY)]

    assert found == [
        "2025-01-02.r1: index.json: has r2, the date's link names r1: rolled back by hand, or the index is"
        " behind"
    ]


def test_making_it_anew_touches_nothing_when_it_is_right(store: Store) -> None:
    """Not one inode."""
    before = kit.tree(store.root)

    index.rebuild(store)

    assert kit.tree(store.root) == before
    assert links.named_day(store) == NEXT
