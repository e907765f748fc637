"""Signatures: made by a key that only its owner reads, checked against keys that people trust."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit import snapshots as kit
from kit.support import kitchen_at
from pipeline.cli.main import cli
from pipeline.errors import ConfigError
from pipeline.publishing import revisions, signing
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.rollback import rollback
from pipeline.publishing.seal import publish
from pipeline.publishing.verify import verify, verify_day
from pipeline.settings.config import PROJECT, Kitchen


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    """A configuration with a key, whose public half is trusted."""
    kitchen = dataclasses.replace(
        kitchen_at(tmp_path), signing_key=tmp_path / "secret" / "signing.pem"
    )
    assert kitchen.signing_key is not None
    signing.trust(kitchen.trusted_keys, signing.create(kitchen.signing_key, kitchen), "us")
    return kitchen


@pytest.fixture
def key(kitchen: Kitchen) -> Ed25519PrivateKey:
    """The private key."""
    assert kitchen.signing_key is not None
    return signing.load(kitchen.signing_key, kitchen)


@pytest.fixture
def store(tmp_path: Path, key: Ed25519PrivateKey) -> FolderStore:
    """A store with r1 and r2, both signed, whose folders may be tampered with."""
    store = FolderStore(tmp_path / "snapshots")
    for price in (100.0, 101.0):
        draft = kit.draft(tmp_path / str(price), price=price)
        publish(dataclasses.replace(draft, key=key), store)
    for path in [*store.revisions.rglob("*"), *store.revisions.iterdir()]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return store


def wrong(store: FolderStore, kitchen: Kitchen) -> dict[str, str]:
    """File -> what is wrong with the current revision."""
    return {f.file: f.what for f in verify(store, kit.DAY, None, signing.trusted_by(kitchen))}


def test_signed_revisions_are_good(
    store: FolderStore, kitchen: Kitchen, key: Ed25519PrivateKey
) -> None:
    """A rollback is signed like any other."""
    rollback(store, kit.DAY, 1, "no", key)

    assert verify_day(store, kit.DAY, signing.trusted_by(kitchen)) == []


def test_openssl_agrees(store: FolderStore, key: Ed25519PrivateKey, tmp_path: Path) -> None:
    """The signature is plain Ed25519 over the bytes of publication.json."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "public.pem").write_bytes(signing.public_pem(key.public_key()))
    folder = store.revision(kit.DAY, 2)
    signed = ["-in", folder / "publication.json", "-sigfile", folder / "publication.json.sig"]

    done = subprocess.run(
        [
            "openssl",
            "pkeyutl",
            "-verify",
            "-rawin",
            "-pubin",
            "-inkey",
            tmp_path / "public.pem",
            *signed,
        ],
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_a_missing_signature_is_named(store: FolderStore, kitchen: Kitchen) -> None:
    """Where a key is configured every revision must be signed."""
    (store.revision(kit.DAY, 2) / "publication.json.sig").unlink()

    assert list(wrong(store, kitchen)) == ["publication.json.sig"]
    assert verify(store, kit.DAY) == []


def test_a_foreign_key_is_named(store: FolderStore, kitchen: Kitchen) -> None:
    """Rightly signed, but not by us."""
    folder = store.revision(kit.DAY, 2)
    foreign = Ed25519PrivateKey.generate().sign((folder / "publication.json").read_bytes())
    (folder / "publication.json.sig").write_bytes(foreign)

    assert "is of no trusted key" in wrong(store, kitchen)["publication.json.sig"]


def test_a_signature_of_another_revision_is_named(store: FolderStore, kitchen: Kitchen) -> None:
    """Ours, but over other bytes."""
    for name in ("publication.json.sig",):
        shutil.copy(store.revision(kit.DAY, 1) / name, store.revision(kit.DAY, 2) / name)

    assert "of another publication" in wrong(store, kitchen)["publication.json.sig"]


def test_a_publication_made_up_whole_is_named(store: FolderStore, kitchen: Kitchen) -> None:
    """Someone who mends every digest still cannot sign."""
    path = store.revision(kit.DAY, 2) / "publication.json"
    paper = revisions.read_publication(path.parent) | {"reason": "trust me"}
    paper["publication_sha256"] = revisions.publication_digest(paper)
    path.write_bytes(signing.storage.readable_json(paper))

    assert verify(store, kit.DAY) == []
    assert list(wrong(store, kitchen)) == ["publication.json.sig"]


def test_a_signed_copy_of_another_day_is_named(store: FolderStore, kitchen: Kitchen) -> None:
    """The signature holds; the date does not."""
    other = kit.DAY.replace(day=5)
    shutil.copytree(store.revision(kit.DAY, 1), store.revision(other, 1))

    found = verify(store, other, 1, signing.trusted_by(kitchen))

    assert {f.file for f in found} == {"publication.json", "dataset_manifest.json"}


def test_without_keys_signatures_are_not_asked_for(tmp_path: Path) -> None:
    """Neither a key nor a trusted file: digests alone decide."""
    assert signing.trusted_by(kitchen_at(tmp_path)) is None


def test_the_private_key_is_its_owner_s_alone(kitchen: Kitchen) -> None:
    """0600, in a folder of 0700, whatever the umask."""
    assert kitchen.signing_key is not None
    assert kitchen.signing_key.stat().st_mode & 0o777 == 0o600
    assert kitchen.signing_key.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_read_is_refused(kitchen: Kitchen, mode: int) -> None:
    """The sentence names the mode and what to do."""
    assert kitchen.signing_key is not None
    kitchen.signing_key.chmod(mode)

    with pytest.raises(ConfigError, match=rf"has mode {mode:04o}, wanted 0600"):
        signing.load(kitchen.signing_key, kitchen)


@pytest.mark.parametrize("what", ["repository", "snapshots", "raw"])
def test_a_key_in_the_wrong_place_is_refused(kitchen: Kitchen, what: str) -> None:
    """It could be committed, published or copied along."""
    folder = {"repository": PROJECT, "snapshots": kitchen.snapshots, "raw": kitchen.raw}[what]

    with pytest.raises(ConfigError, match="wanted a private key apart"):
        signing.create(folder / "inner" / "key.pem", kitchen)
    assert not (folder / "inner").exists()


def test_a_key_is_never_replaced(kitchen: Kitchen) -> None:
    """Making a key twice is refused, and the first stays."""
    assert kitchen.signing_key is not None
    before = kitchen.signing_key.read_bytes()

    with pytest.raises(
        ConfigError, match="is there already, and a key is never replaced; `kitchen keys --own`"
    ):
        signing.create(kitchen.signing_key, kitchen)
    assert kitchen.signing_key.read_bytes() == before


def test_a_linked_or_damaged_key_is_refused_without_quoting_it(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    """No word of the file's content reaches the message."""
    assert kitchen.signing_key is not None
    link = tmp_path / "link.pem"
    link.symlink_to(kitchen.signing_key)
    with pytest.raises(
        ConfigError, match=r"cannot be opened .*; bring it back from its copy; only"
    ):
        signing.load(link, kitchen)
    text = kitchen.signing_key.read_text()
    kitchen.signing_key.write_text(text.replace("PRIVATE", "CANARY"))

    with pytest.raises(ConfigError, match="no unencrypted Ed25519") as told:
        signing.load(kitchen.signing_key, kitchen)
    assert "CANARY" not in str(told.value)
    assert text.splitlines()[1] not in str(told.value)


def test_the_environment_goes_before_the_configuration(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For hosts whose configuration is shared."""
    monkeypatch.setenv(signing.VARIABLE, "/run/keys/kitchen.pem")

    assert signing.key_file(kitchen) == Path("/run/keys/kitchen.pem")


def test_a_trusted_file_that_cannot_be_used_is_refused(kitchen: Kitchen) -> None:
    """An empty file must not mean that everything is trusted, or nothing asked for."""
    kitchen.trusted_keys.write_text("no key here\n")
    with pytest.raises(ConfigError, match="has no public key"):
        signing.trusted_by(kitchen)
    kitchen.trusted_keys.write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")

    with pytest.raises(ConfigError, match="no Ed25519 public key"):
        signing.trusted_by(kitchen)


def test_trusting_twice_changes_nothing(kitchen: Kitchen, key: Ed25519PrivateKey) -> None:
    """One block a key."""
    before = kitchen.trusted_keys.read_bytes()

    signing.trust(kitchen.trusted_keys, key.public_key(), "us again")

    assert kitchen.trusted_keys.read_bytes() == before


def test_trusted_keys_that_were_lost_come_back_from_the_signing_key(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same key, by one command; the private half is refused with that command's name."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(kitchen.file))
    monkeypatch.setenv(signing.VARIABLE, str(kitchen.signing_key))
    before = signing.trusted_by(kitchen)
    kitchen.trusted_keys.unlink()
    private = CliRunner().invoke(cli, ["keys", "--trust", str(kitchen.signing_key)])

    ended = CliRunner().invoke(cli, ["keys", "--own"], catch_exceptions=False)

    assert "is a private key, wanted public ones; `kitchen keys --own`" in str(private.exception)
    assert ended.exit_code == 0
    assert before is not None
    assert signing.trusted_by(kitchen) == before
    assert ended.stdout.count(signing.fingerprint(before[0])) == 2
