"""A folder of files that come together or not at all, and nobody else's are lost.

Files are made in a draft beside and moved in when all of them are whole. Before the first one moves, their
digests are written down (`BEGUN`), so that the next run knows what one that was killed has left. What is
there with bytes that no run of ours wrote is somebody else's.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pipeline import storage
from pipeline.errors import ParameterError
from pipeline.exporting.receipt import FileEntry

Digests = dict[str, set[str]]
"""Path below the folder -> digests that it has, or may have, from us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Files on their way into a folder.

    Attributes:
        folder: Where they are to lie.
        place: Where they are made.
        begun: The note of a move that is under way.
        files: Those that are whole.
    """

    folder: Path
    place: Path
    begun: Path
    files: dict[str, FileEntry] = field(default_factory=dict)

    @contextmanager
    def file(self, name: str, rows: int | None) -> Iterator[BinaryIO]:
        """A file to write, of so many rows; it counts when the block ends well."""
        path = self.place / name
        with storage.replacing(path, sync_folder=False) as handle:
            yield handle
        self.files[name] = FileEntry(
            bytes=path.stat().st_size, sha256=storage.file_digest(path), rows=rows
        )

    def settle(self, earlier: dict[str, FileEntry]) -> None:
        """Moves them in; takes away those of `earlier` that are no longer among them.

        Raises:
            ParameterError: a file in the way is not ours.
        """
        ours: Digests = {name: {entry.sha256} for name, entry in earlier.items()}
        for name, digests in storage.read_object(self.begun).items():
            ours.setdefault(name, set()).update(digests)
        new = [name for name in sorted(self.files) if self._is_to_move(name, ours.get(name, set()))]
        for name, entry in self.files.items():
            ours.setdefault(name, set()).add(entry.sha256)
        gone = [name for name in sorted(ours.keys() - self.files.keys()) if self._has(name, ours)]
        if new or gone:
            storage.write_json(self.begun, {name: sorted(ours[name]) for name in sorted(ours)})
        self._move(new, gone)

    def _is_to_move(self, name: str, ours: set[str]) -> bool:
        path = self.folder / name
        if not path.exists() and not path.is_symlink():
            return True
        found = storage.file_digest(path) if path.is_file() else "no file"
        if found not in {*ours, self.files[name].sha256}:
            raise ParameterError(
                f"--out: {path} is there and not as an export of ours left it; move it away, or name"
                " another folder"
            )
        return found != self.files[name].sha256

    def _has(self, name: str, ours: Digests) -> bool:
        path = self.folder / name
        return path.is_file() and storage.file_digest(path) in ours[name]

    def _move(self, new: list[str], gone: list[str]) -> None:
        for name in new:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.place / name, self.folder / name)
        for name in gone:
            (self.folder / name).unlink()
        for parent in sorted({(self.folder / name).parent for name in [*new, *gone]}):
            storage.fsync_folder(parent)


@contextmanager
def drafted(folder: Path, receipt: str) -> Iterator[Draft]:
    """A draft of a folder, of which this run alone is at work for the block.

    Args:
        folder: Is made where it is not there; and goes again where nothing came of it.
        receipt: The name of the receipt, whose export it is.

    Raises:
        ParameterError: the folder cannot be written to.
    """
    is_new = not folder.exists()
    stem = receipt.removesuffix(".json")
    place = folder / f".{stem}.draft"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with storage.alone_in(folder):
            shutil.rmtree(place, ignore_errors=True)
            try:
                yield Draft(folder=folder, place=place, begun=folder / f"{stem}.begun.json")
            finally:
                shutil.rmtree(place, ignore_errors=True)
                if is_new and not any(folder.iterdir()):
                    folder.rmdir()
    except OSError as error:
        raise ParameterError(
            f"--out: {error.filename or folder}: {error.strerror or error}; name a folder that can be"
            " written to"
        ) from error
