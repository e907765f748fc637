"""What a bucket lends: copies that the server makes, for which nothing passes this machine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.publishing.object_store import ObjectStore


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
