"""Size and digests of published files, and the two lists that `md5sum -c` and `sha256sum -c` read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pipeline import system

if TYPE_CHECKING:
    from pipeline.contracts.manifest import FileEntry

MANIFEST = "dataset_manifest.json"
PUBLICATION = "publication.json"
SIGNATURE = "publication.json.sig"
LISTS = {"MD5SUMS": "md5", "SHA256SUMS": "sha256"}
"""List file -> the digest it lists."""

RESERVED = (MANIFEST, PUBLICATION, SIGNATURE, *LISTS)
"""Names inside a revision that are not listed under `files` of the manifest."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a file's bytes are."""

    bytes: int
    md5: str
    sha256: str

    def differs(self, entry: FileEntry) -> str | None:
        """The first of size, sha256 and md5 in which a manifest's entry differs, in words."""
        for key in ("bytes", "sha256", "md5"):
            got, wanted = getattr(self, key), getattr(entry, key)
            if got != wanted:
                return f"{key} is {got}, wanted {wanted}"
        return None


def facts(path: Path) -> Facts:
    """Size and both digests of a file, read once; a link is not followed."""
    handle = os.open(path, os.O_RDONLY | system.NO_LINK | system.KEPT)
    with open(handle, "rb") as file:
        return drain(file)


def drain(source: BinaryIO, target: BinaryIO | None = None) -> Facts:
    """Size and digests of all that is left in `source`, copied to `target` on the way."""
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        md5.update(chunk)
        sha256.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return Facts(bytes=size, md5=md5.hexdigest(), sha256=sha256.hexdigest())


def listing(files: Mapping[str, Facts | FileEntry], digest: str) -> bytes:
    """The GNU form: `<hex>  <name>` a line, by name. GNU escapes none of them, see `preflight.py`."""
    return "".join(f"{getattr(files[name], digest)}  {name}\n" for name in sorted(files)).encode()
