"""Collecting old revisions: never what somebody needs, never without a way back."""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import snapshots as kit
from pipeline.errors import ParameterError, PublishError
from pipeline.publishing import collect, pins
from pipeline.publishing.collect import Policy
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.seal import publish
from pipeline.publishing.verify import verify, verify_day

NOW = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=8)
POLICY = Policy(keep=1, grace_days=7)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """A store with five revisions of a date."""
    store = FolderStore(tmp_path / "snapshots")
    for i in range(5):
        publish(kit.draft(tmp_path / str(i), price=100.0 + i), store)
    return store


def actions(store: FolderStore, policy: Policy = POLICY, now: dt.datetime = NOW) -> dict[str, str]:
    """Name -> what the plan says."""
    return {item.name: item.action for item in collect.plan(store, policy, now)}


def numbers(store: FolderStore) -> list[int]:
    """The revisions that lie in the store."""
    return [n for n in range(1, 6) if store.revision(kit.DAY, n).exists()]


def test_a_plan_changes_nothing(store: FolderStore) -> None:
    """Not one inode."""
    before = kit.tree(store.root)

    assert actions(store) == {
        f"2025-01-02.r{n}": "keep" if n == 5 else "trash" for n in range(1, 6)
    }
    assert kit.tree(store.root) == before


def test_trash_is_deleted_only_after_its_grace(store: FolderStore) -> None:
    """First renamed, then waiting, then gone; what is kept stays good."""
    collect.collect(store, POLICY, NOW)
    assert numbers(store) == [5]
    assert set(actions(store, now=NOW + dt.timedelta(days=6)).values()) == {"keep", "wait"}
    assert len(list(store.revisions.glob(".trash-*.r?"))) == 4

    collect.collect(store, POLICY, LATER)

    assert os.listdir(store.revisions) == ["2025-01-02.r5"]
    assert verify_day(store, kit.DAY) == []


def test_the_trash_can_be_undone(store: FolderStore) -> None:
    """A revision comes back as it was, byte for byte and in mode."""
    before = kit.contents(store.revision(kit.DAY, 2))
    collect.collect(store, POLICY, NOW)

    path = store.revisions / store.restore(kit.DAY, 2)

    assert kit.contents(path) == before
    assert path.stat().st_mode & 0o777 == 0o555
    assert verify(store, kit.DAY, 2) == []
    with pytest.raises(ParameterError, match="not in the trash"):
        store.restore(kit.DAY, 2)


def test_pinned_revisions_stay(store: FolderStore) -> None:
    """Until the pin is taken away; a damaged pin still pins."""
    pins.pin(store, kit.DAY, 2, "paper of March")
    (store.root / ".pins/2025-01-02.r2").write_bytes(b"{")
    collect.collect(store, POLICY, NOW)
    assert numbers(store) == [2, 5]

    pins.unpin(store, kit.DAY, 2)
    collect.collect(store, POLICY, NOW)

    assert numbers(store) == [5]


def test_the_newest_stay(store: FolderStore) -> None:
    """As many as the policy says."""
    collect.collect(store, Policy(keep=3, grace_days=0), NOW)

    assert numbers(store) == [3, 4, 5]


def test_what_a_link_names_stays(store: FolderStore) -> None:
    """Also when it is not the newest, for instance because a publisher is on its way."""
    store.date_link(kit.DAY).unlink()
    store.date_link(kit.DAY).symlink_to(".revisions/2025-01-02.r2")

    collect.collect(store, POLICY, NOW)

    assert numbers(store) == [2, 5]


def _turn(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["bars_1m.parquet", "dataset_manifest.json", "publication.json"])
def test_what_cannot_be_proved_whole_stays(store: FolderStore, name: str) -> None:
    """A damaged revision may be the only evidence; so may its child, whose parent is not as it was."""
    _turn(store.revision(kit.DAY, 3) / name)

    collect.collect(store, POLICY, NOW)
    collect.collect(store, POLICY, LATER)

    child = [4] if name == "dataset_manifest.json" else []
    assert numbers(store) == [3, *child, 5]


def test_a_name_among_the_pins_that_cannot_be_read_stops_all(store: FolderStore) -> None:
    """It might be a pin."""
    (store.root / ".pins").mkdir()
    (store.root / ".pins/keep-this").touch()

    with pytest.raises(PublishError, match="keep-this: is no pin"):
        collect.collect(store, POLICY, NOW)
    assert numbers(store) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("damage", [b"", b"{", b'{"why":"\xff"}'])
def test_a_damaged_pin_still_pins(store: FolderStore, damage: bytes) -> None:
    """Whoever wanted it kept wants it still, also where the pin is no text any more."""
    (store.root / ".pins").mkdir()
    (store.root / ".pins" / f"{kit.DAY}.r2").write_bytes(damage)

    collect.collect(store, POLICY, NOW)

    assert 2 in numbers(store)


def test_trash_without_a_record_stays(store: FolderStore) -> None:
    """Nobody knows for how long it was there."""
    collect.collect(store, POLICY, NOW)
    for record in store.revisions.glob(".trash-*.json"):
        record.write_bytes(b"{")

    collect.collect(store, POLICY, LATER)

    assert len(list(store.revisions.glob(".trash-*.r?"))) == 4


def test_a_collected_number_is_never_given_again(store: FolderStore, tmp_path: Path) -> None:
    """The next revision is r6."""
    collect.collect(store, Policy(keep=1, grace_days=0), NOW)

    assert publish(kit.draft(tmp_path / "new", price=1.0), store).revision == 6


@pytest.mark.parametrize("policy", [Policy(keep=0, grace_days=7), Policy(keep=1, grace_days=-1)])
def test_a_policy_that_keeps_nothing_is_refused(store: FolderStore, policy: Policy) -> None:
    """One sentence, nothing done."""
    with pytest.raises(ParameterError, match="wanted at least 1 revision"):
        collect.collect(store, policy, NOW)


class _Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("now", [NOW, LATER])
def test_a_kill_at_any_call_loses_nothing_that_is_needed(
    store: FolderStore, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dead before any mutating call: what is linked and pinned is whole, and the next run ends it."""
    pins.pin(store, kit.DAY, 2, "needed")
    if now == LATER:
        collect.collect(store, POLICY, NOW)
    for die_at in range(1, 200):
        calls = _Calls(die_at)
        with monkeypatch.context() as patch:
            for name in ("rename", "replace", "unlink", "rmdir", "chmod", "fsync"):
                patch.setattr(os, name, calls.counted(getattr(os, name)))
            try:
                collect.collect(store, POLICY, now)
            except _Killed:
                assert verify(store, kit.DAY) == verify(store, kit.DAY, 2) == []
                continue
        break
    assert die_at > 3
    collect.collect(store, POLICY, now)
    assert numbers(store) == [2, 5]


class _Calls:
    """Counts system calls, and dies before one of them."""

    def __init__(self, die_at: int) -> None:
        self.left = die_at

    def counted(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            self.left -= 1
            if self.left <= 0:
                raise _Killed
            return real(*args, **kwargs)

        return call


def test_collecting_beside_publishing_loses_nothing(store: FolderStore, tmp_path: Path) -> None:
    """In any order of both, the newest and the linked revision are there and whole."""
    chance = random.Random(1)
    for i in range(6):
        if chance.random() < 0.5:
            publish(kit.draft(tmp_path / f"n{i}", price=200.0 + i), store)
        collect.collect(store, Policy(keep=1, grace_days=0), NOW)
        assert verify_day(store, kit.DAY) == []
