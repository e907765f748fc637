"""Verification: whatever was done to a published byte, name or link has a finding."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import snapshots as kit
from pipeline import storage
from pipeline.errors import ContractError, RefusedError, SnapshotCorruptError
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.revisions import SELF_DIGEST, publication_digest
from pipeline.publishing.seal import publish
from pipeline.publishing.verify import verify
from pipeline.reader import load


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """A store with r1 and r2 of a date, whose folders may be tampered with."""
    store = FolderStore(tmp_path / "snapshots")
    for price in (100.0, 101.0):
        publish(kit.draft(tmp_path / str(price), price=price), store)
    for path in store.revisions.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for path in store.revisions.iterdir():
        path.chmod(0o755)
    return store


def test_what_was_published_is_good(store: FolderStore) -> None:
    """Both revisions and the links have no finding."""
    assert verify(store, kit.DAY) == []
    assert verify(store, kit.DAY, 1) == []


def test_any_turned_byte_is_found(store: FolderStore) -> None:
    """200 random bits of random files: each is found and named, and none when it is turned back."""
    folder = store.revision(kit.DAY, 2)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    chance = random.Random(20250102)
    for _ in range(200):
        path = chance.choice(files)
        good = path.read_bytes()
        bad = bytearray(good)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        path.write_bytes(bad)

        found = {finding.file for finding in verify(store, kit.DAY)}

        name = path.relative_to(folder).as_posix()
        assert name in found
        path.write_bytes(good)
    assert verify(store, kit.DAY) == []


def _truncate(folder: Path) -> str:
    path = folder / "bars_1m.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    return path.name


def _remove(folder: Path) -> str:
    (folder / "rejects.parquet").unlink()
    return "rejects.parquet"


def _add(folder: Path) -> str:
    (folder / "qc/extra.txt").write_text("x")
    return "qc/extra.txt"


def _swap(folder: Path) -> str:
    one, two = folder / "bars_1m.parquet", folder / "features_micro.parquet"
    a, b = one.read_bytes(), two.read_bytes()
    one.write_bytes(b)
    two.write_bytes(a)
    return two.name


def _link(folder: Path) -> str:
    path = folder / "macro_slow.parquet"
    path.rename(folder.parent / "moved")
    path.symlink_to(folder.parent / "moved")
    return path.name


def _empty_folder(folder: Path) -> str:
    (folder / "qc/ETHUSDT").mkdir()
    return "qc/ETHUSDT"


def _no_papers(folder: Path) -> str:
    (folder / "publication.json").unlink()
    return "publication.json"


def _older_over_newer(folder: Path) -> str:
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("2025-01-02.r1"), folder)
    return "publication.json"


def _other_parent(folder: Path) -> str:
    path = folder.with_name("2025-01-02.r1") / "dataset_manifest.json"
    path.write_bytes(path.read_bytes() + b" ")
    return "publication.json"


@pytest.mark.parametrize(
    "tamper",
    [
        _truncate,
        _remove,
        _add,
        _swap,
        _link,
        _empty_folder,
        _no_papers,
        _older_over_newer,
        _other_parent,
    ],
)
def test_tampering_is_named(store: FolderStore, tamper: Callable[[Path], str]) -> None:
    """Truncated, removed, added, swapped, linked, copied from elsewhere: the file is named."""
    name = tamper(store.revision(kit.DAY, 2))

    findings = verify(store, kit.DAY)

    assert name in {finding.file for finding in findings}
    assert str(findings[0]).startswith("2025-01-02.r2: ")


def test_a_copy_under_another_date_is_found(store: FolderStore) -> None:
    """A whole revision of one date does not pass for another."""
    other = kit.DAY + dt.timedelta(days=1)
    shutil.copytree(store.revision(kit.DAY, 1), store.revision(other, 1))
    store.date_link(other).symlink_to(".revisions/2025-01-03.r1")

    named = {finding.file for finding in verify(store, other)}

    assert {"publication.json", "dataset_manifest.json"} <= named


@pytest.mark.parametrize(
    ("link", "target", "what"),
    [
        ("LATEST", "2025-01-01", "which is not there"),
        ("LATEST", "2026-01-01", "names 2026-01-01"),
        ("LATEST", "/etc", "not a link of the kitchen"),
        ("LATEST_AVAILABLE", None, "names None"),
        ("2025-01-02", ".revisions/2025-01-02.r1", "wanted r2"),
        ("2025-01-02", ".revisions/2025-01-02.r9", "wanted r2"),
        ("2025-01-02", None, "no such link"),
    ],
)
def test_wrong_links_are_found(
    store: FolderStore, link: str, target: str | None, what: str
) -> None:
    """Dangling, behind, foreign and lost links are findings."""
    (store.root / link).unlink()
    if target is not None:
        (store.root / link).symlink_to(target)

    assert any(what in str(finding) for finding in verify(store, kit.DAY)), verify(store, kit.DAY)


def test_a_latest_that_fell_behind_is_found(store: FolderStore, tmp_path: Path) -> None:
    """LATEST names a published date, but not the newest."""
    after = kit.DAY + dt.timedelta(days=1)
    publish(kit.draft(tmp_path / "after", after), store)
    store.latest().unlink()
    store.latest().symlink_to(kit.DAY.isoformat())

    assert [str(f) for f in verify(store, after)] == [
        "2025-01-03.r1: LATEST: names 2025-01-02, wanted 2025-01-03 or a newer date"
    ]


def test_latest_available_must_not_name_a_degraded_day(store: FolderStore, tmp_path: Path) -> None:
    """The link's name is a promise."""
    publish(kit.draft(tmp_path / "worse", states={"BTCUSDT": "degraded"}), store)
    store.latest(available=True).symlink_to("2025-01-02")

    assert [f.file for f in verify(store, kit.DAY)] == ["LATEST_AVAILABLE"]


def test_a_collected_parent_is_no_fault(store: FolderStore) -> None:
    """Old revisions may be collected; the newer one stays good."""
    shutil.rmtree(store.revision(kit.DAY, 1))

    assert verify(store, kit.DAY) == []


def test_verify_changes_nothing(store: FolderStore) -> None:
    """It reads; evidence of damage stays as it is."""
    _truncate(store.revision(kit.DAY, 2))
    before = kit.tree(store.root)

    assert verify(store, kit.DAY)
    assert kit.tree(store.root) == before


@pytest.mark.parametrize("name", ["bars_1m.parquet", "dataset_manifest.json", "publication.json"])
def test_damaged_bytes_are_never_loaded(store: FolderStore, name: str) -> None:
    """The reader refuses a file, a manifest or a publication with one turned bit."""
    path = store.revision(kit.DAY, 2) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    with pytest.raises(SnapshotCorruptError, match="kitchen verify"):
        load("bars_1m", kit.DAY, kit.DAY, root=store.root)


def test_a_date_that_is_not_there_is_a_finding(store: FolderStore) -> None:
    """Asking for an unpublished date is answered in words, and the reader refuses it."""
    other = kit.DAY + dt.timedelta(days=5)

    assert [f.what for f in verify(store, other)] == ["no such link: the date is not published"]
    assert verify(store, kit.DAY, 7)[0].what.startswith("is not a folder")
    with pytest.raises(RefusedError, match="not published"):
        load("bars_1m", other, other, root=store.root)


def test_the_publication_carries_a_digest_of_itself(store: FolderStore) -> None:
    """Even a change of `reason` that keeps the JSON readable shows without a signature."""
    path = store.revision(kit.DAY, 2) / "publication.json"
    paper = storage.read_json(path) | {"reason": "something else"}
    storage.write_json(path, paper)

    assert [f.what for f in verify(store, kit.DAY, 2)] == ["is missing or damaged"]


def test_a_manifest_of_another_release_is_not_called_damaged(store: FolderStore) -> None:
    """Whole and in another form: verify and the reader name the field and what to read it with."""
    folder = store.revision(kit.DAY, 2)
    manifest, paper = folder / "dataset_manifest.json", folder / "publication.json"
    storage.write_json(manifest, storage.read_json(manifest) | {"licence": "none"})
    said = storage.read_json(paper) | {"manifest_sha256": storage.file_digest(manifest)}
    del said["manifest_parts"]
    said[SELF_DIGEST] = publication_digest(said)
    storage.write_json(paper, said)
    words = [f.what for f in verify(store, kit.DAY) if f.file == manifest.name]

    assert len(words) == 1
    assert "`licence`" in words[0]
    assert "damaged" not in words[0]
    with pytest.raises(ContractError, match=r"`licence`; .* the release that published it"):
        load("bars_1m", kit.DAY, kit.DAY, root=store.root)


def test_a_part_that_the_manifest_does_not_have_is_found(store: FolderStore) -> None:
    """Readers go by the parts of the manifest that the publication names: each must be the manifest's own."""
    folder = store.revision(kit.DAY, 2)
    paper, manifest = folder / "publication.json", (folder / "dataset_manifest.json").read_bytes()
    said = storage.read_json(paper)
    bars, micro = (said["manifest_parts"][f"{n}.parquet"] for n in ("bars_1m", "features_micro"))

    assert hashlib.sha256(manifest[bars["offset"] :][: bars["bytes"]]).hexdigest() == bars["sha256"]
    said["manifest_parts"]["bars_1m.parquet"] = micro
    said[SELF_DIGEST] = publication_digest(said)
    storage.write_json(paper, said)

    (found,) = verify(store, kit.DAY)
    assert str(found).endswith(
        "publication.json: names another bars_1m.parquet than the manifest has"
    )
