"""What lies in a folder of vendor files: which of it is data, and whether that is simulated.

Belongs here: what is told by names, those in a zip too, and places. Looking into files is `vendor_file.py`'s.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import ConfigError
from pipeline.sample import mark

_IGNORED = ("latest.json", "exporter.log", "heartbeat.txt", ".heartbeat")
"""What the exporters write beside their exports."""

_IGNORED_FOLDERS = ("_logs", "_heartbeats", "__MACOSX")
_NO_DATA = frozenset(
    (
        *("txt", "md", "rst", "pdf", "rtf", "doc", "docx", "html", "htm", "log", "py", "ipynb"),
        *("png", "jpg", "jpeg", "gif", "webp", "svg", "bmp", "tif", "tiff", "ico", "heic"),
    )
)
"""How the names of texts and pictures end: left, they are no data that is missing."""


def names_in(folder: Path) -> Iterator[str]:
    """Every file below a folder but hidden ones, checksums and the mark of a sample, by name."""
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and not name.endswith((".CHECKSUM", mark.NAME)):
                yield (Path(root) / name).relative_to(folder).as_posix()


def is_data(file: Path) -> bool:
    """Whether a file is no text, no picture and no zip of such, by its name and those of a zip's members."""
    if file.suffix.lower() != ".zip":
        return _names_data(file.name)
    try:
        with zipfile.ZipFile(file) as archive:
            members = [name for name in archive.namelist() if not name.endswith("/")]
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return True
    return not members or any(map(_names_data, members))


def _names_data(name: str) -> bool:
    return name.rpartition(".")[2].lower() not in _NO_DATA


def is_beside_exports(path: str) -> bool:
    """Whether a file is one of those that exporters and packers write beside what they export."""
    parts = path.split("/")
    return parts[-1] in _IGNORED or any(part in _IGNORED_FOLDERS for part in parts)


def is_simulated(folder: Path) -> bool | None:
    """Whether the data of a folder were made by `kitchen sample`; None where there are none.

    Raises:
        ConfigError: some were, and some were not.
    """
    known: dict[bool, str] = {}
    for name in names_in(folder.resolve()):
        if is_data(folder / name) and not is_beside_exports(name):
            known.setdefault(mark.is_above(folder.resolve() / name), name)
    if len(known) > 1:
        raise ConfigError(
            f"{folder}: {known[True]} is simulated ({mark.NAME} lies above it), and {known[False]} is not;"
            " name a folder of one kind, and give each a kitchen of its own"
        )
    return next(iter(known), None)
