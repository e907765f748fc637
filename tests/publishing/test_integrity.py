"""Integrity: whatever byte of a signed revision is turned, verifying finds it."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit import snapshots as kit
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.seal import publish
from pipeline.publishing.verify import verify


@pytest.mark.parametrize("flips", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_every_turned_byte_is_found_and_named(tmp_path: Path, flips: int) -> None:
    """Random bytes of random files, each turned into another value and back; the papers too."""
    key = Ed25519PrivateKey.generate()
    store = FolderStore(tmp_path / "snapshots")
    publish(dataclasses.replace(kit.draft(tmp_path / "day"), key=key), store)
    folder = store.revision(kit.DAY, 1)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    chance = random.Random(20250102)
    for path in files:
        path.chmod(0o644)
    for _ in range(flips):
        path = chance.choice(files)
        good = path.read_bytes()
        bad = bytearray(good)
        bad[chance.randrange(len(bad))] ^= chance.randrange(1, 256)
        path.write_bytes(bad)

        found = {finding.file for finding in verify(store, kit.DAY, 1, [key.public_key()])}

        assert path.relative_to(folder).as_posix() in found
        path.write_bytes(good)
    assert verify(store, kit.DAY, 1, [key.public_key()]) == []
