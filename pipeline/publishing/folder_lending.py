"""What a folder store lends: links, for which nothing is read and which take no room."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.publishing.folder_store import FolderStore


@dataclass(frozen=True, slots=True)
class FolderLender:
    """Of a folder store: relative links, so that the store may be moved."""

    store: FolderStore
    folder: str

    @property
    def _root(self) -> Path:
        return Path(os.path.abspath(self.store.root)) / self.folder

    @property
    def address(self) -> str:
        """As `Lender`."""
        return self._root.as_uri()

    def options(self) -> dict[str, str]:
        """None."""
        return {}

    def names(self) -> Iterator[str]:
        """As `Lender`."""
        for place, _, names in os.walk(self._root):
            yield from (os.path.relpath(os.path.join(place, name), self._root) for name in names)

    def lend(self, day: dt.date, number: int, file: str, name: str) -> None:
        """As `Lender`."""
        link = self._root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        temporary = link.with_name(f".{uuid.uuid4().hex}.new")
        temporary.symlink_to(os.path.relpath(self.store.revision(day, number) / file, link.parent))
        os.replace(temporary, link)

    def remove(self, name: str) -> None:
        """As `Lender`."""
        (self._root / name).unlink(missing_ok=True)
