"""Ed25519 over `publication.json`: that it was us who published, which no digest inside can say.

A signature is the raw 64 bytes, so that `openssl pkeyutl -verify -rawin` reads it too. The private key
lies outside the repository and the store, readable by its owner alone. What is verified against are public
keys that people chose to trust, kept in a file of their own and never taken from a snapshot.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pipeline import storage, system
from pipeline.errors import ConfigError
from pipeline.publishing.opening import open_store
from pipeline.settings.config import PROJECT, Kitchen

VARIABLE = "KITCHEN_SIGNING_KEY"
"""Environment variable that names the private key's file; it goes before the configuration."""

WITHOUT = (
    "bring it back from its copy; only where there is none make a new one, kitchen keys --create"
)
"""What to do without a key: readers trust the old one, and verify by it what it signed."""

_BLOCK = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)
_OTHERS = 0o077


def key_file(kitchen: Kitchen) -> Path | None:
    """Where the private key lies; None when nothing shall be signed."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser().absolute() if named else kitchen.signing_key


def trusted_by(kitchen: Kitchen) -> list[Ed25519PublicKey] | None:
    """The trusted keys; None where neither a key nor a file of trusted ones is configured.

    Raises:
        ConfigError: the file is there and cannot be used.
    """
    if kitchen.trusted_keys.is_file():
        return read_trusted(kitchen.trusted_keys)
    return None if key_file(kitchen) is None else []


def create(path: Path, kitchen: Kitchen) -> Ed25519PublicKey:
    """Makes a private key at `path`, mode 0600; an existing file is never replaced.

    Raises:
        ConfigError: the place is not fit for a secret, or taken.
    """
    _refuse_place(path, kitchen)
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise ConfigError(
            f"{path}: is there already, and a key is never replaced; `kitchen keys --own` trusts its"
            " public half, for another key name another file"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a new file for the key") from None
    with open(handle, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    storage.fsync_folder(path.parent)
    return key.public_key()


def _refuse_place(path: Path, kitchen: Kitchen) -> None:
    real = Path(os.path.realpath(path))
    for what, folder in (
        ("the repository", PROJECT),
        ("the snapshots", open_store(kitchen.snapshots).disk),
        ("the raw exports", kitchen.raw),
        ("the prepared data", kitchen.prepared),
    ):
        if real.is_relative_to(os.path.realpath(folder)):
            raise ConfigError(
                f"{path}: lies in {what} ({folder}), wanted a private key apart from them;"
                " name another place such as ~/.config/kitchen/signing.pem"
            )


def load(path: Path, kitchen: Kitchen) -> Ed25519PrivateKey:
    """The private key in a file that its owner alone can read.

    Raises:
        ConfigError: not there, readable by others, in a place for other things, or no Ed25519 key.
    """
    _refuse_place(path, kitchen)
    try:
        handle = os.open(path, os.O_RDONLY | system.NO_LINK | system.KEPT)
    except OSError as error:
        raise ConfigError(
            f"{path}: the signing key cannot be opened ({error.strerror}); {WITHOUT}"
        ) from None
    with open(handle, "rb") as file:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        if mode & _OTHERS:
            raise ConfigError(
                f"{path}: the signing key has mode {mode:04o}, wanted 0600: others could sign;"
                " run chmod 600 on it, and make a new key if others may have read it"
            )
        return _private(file.read(), path)


def _private(data: bytes, path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # never chained: it may quote the key
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(
            f"{path}: is no unencrypted Ed25519 private key in PEM form; {WITHOUT}"
        ) from None
    return key


def read_trusted(path: Path) -> list[Ed25519PublicKey]:
    """Every public key in a file of PEM blocks; text between them is for people.

    Raises:
        ConfigError: a block is no Ed25519 public key, or there is none.
    """
    keys, data = [], path.read_bytes()
    for block in _BLOCK.findall(data):
        try:
            key = serialization.load_pem_public_key(block)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigError(f"{path}: has a block that is no Ed25519 public key; take it out")
        keys.append(key)
    if not keys and b"PRIVATE KEY-----" in data:
        raise ConfigError(
            f"{path}: is a private key, wanted public ones; `kitchen keys --own` trusts the public half of"
            " the signing key"
        )
    if not keys:
        raise ConfigError(f"{path}: has no public key; put one there with `kitchen keys --trust`")
    return keys


def trust(path: Path, key: Ed25519PublicKey, name: str) -> None:
    """Adds a public key to the trusted ones, unless it is among them."""
    known = path.read_bytes() if path.is_file() else b""
    if any(public_pem(k) == public_pem(key) for k in (read_trusted(path) if known else [])):
        return
    storage.write_bytes(path, known + f"{fingerprint(key)} {name}\n".encode() + public_pem(key))


def public_pem(key: Ed25519PublicKey) -> bytes:
    """The public key as a PEM block."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def fingerprint(key: Ed25519PublicKey) -> str:
    """A short name of a public key: `ed25519:` and 16 hex digits of the SHA-256 of its 32 bytes."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return f"ed25519:{hashlib.sha256(raw).hexdigest()[:16]}"


def signer(
    keys: Sequence[Ed25519PublicKey], data: bytes, signature: bytes
) -> Ed25519PublicKey | None:
    """The one of the keys that made the signature over the data; None when none of them did."""
    for key in keys:
        try:
            key.verify(signature, data)
        except InvalidSignature:
            continue
        return key
    return None
