"""Files of revisions lent to tools that read only what lies below a folder of their own, as a Delta table.

Nothing is read for it: in a folder store a lent file is a link, in a bucket a copy that the server makes.
Whatever such a tool does to what it was lent, no revision is touched.
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pipeline.publishing.folder_store import FolderStore
    from pipeline.publishing.object_store import ObjectStore


class Lender(Protocol):
    """A folder of a store for files that are lent. Names are below it."""

    @property
    def address(self) -> str:
        """Where the folder is, as an address."""

    def options(self) -> dict[str, str]:
        """What the library `deltalake` needs besides to open the address, credentials included."""

    def names(self) -> Iterator[str]:
        """Every file that is there."""

    def lend(self, day: dt.date, number: int, file: str, name: str) -> None:
        """Lets a revision's file be read under a name, in place of what had it."""

    def remove(self, name: str) -> None:
        """Takes a file away, if it is there; of a revision's file only its name here."""


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


@dataclass(frozen=True, slots=True)
class ObjectLender:
    """Of a store of objects."""

    store: ObjectStore
    folder: str

    @property
    def address(self) -> str:
        """As `Lender`."""
        return self.store.objects.url(self.folder)

    def options(self) -> dict[str, str]:
        """As `Lender`."""
        return self.store.objects.options()

    def names(self) -> Iterator[str]:
        """As `Lender`."""
        return iter(self.store.names(self.folder))

    def lend(self, day: dt.date, number: int, file: str, name: str) -> None:
        """As `Lender`."""
        self.store.objects.copy(self.store.url(day, number, file), f"{self.folder}/{name}")

    def remove(self, name: str) -> None:
        """As `Lender`."""
        self.store.remove(f"{self.folder}/{name}")
