"""How fetched bytes become a raw file: from a dot name in the same folder, durable before they are named.

Dot names are no raw files whatever the patterns say (`layout.raw_files`): parts and superseded files lie
beside their file and are seen by nobody.
"""

from __future__ import annotations

import glob
import os
from contextlib import suppress
from pathlib import Path

from pipeline import storage

_DIGEST_CHARS = 8


def part_of(path: Path, sha256: str) -> Path:
    """Where a file comes in. Its name holds the digest wanted: each issue has a part of its own."""
    return path.with_name(f".{path.name}.{sha256[:_DIGEST_CHARS]}.part")


def superseded(path: Path, sha256: str) -> Path:
    """Where a file with that digest is kept once the exchange has replaced it."""
    return path.with_name(f".{path.name}.{sha256[:_DIGEST_CHARS]}.superseded")


def clear_parts(path: Path) -> None:
    """Removes what is left of earlier tries."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        part.unlink(missing_ok=True)


def keep_old(path: Path) -> None:
    """Gives the file a second name under which it stays when `path` is replaced."""
    with suppress(FileExistsError):
        os.link(path, superseded(path, storage.file_digest(path)))


def place(part: Path, path: Path) -> None:
    """Names a whole, checked file. After a power cut the old file or the new one is there."""
    with open(part, "rb") as file:
        os.fsync(file.fileno())
    os.replace(part, path)
    storage.fsync_folder(path.parent)
