"""Files of revisions lent to tools that read only what lies below a folder of their own, as a Delta table.

Whatever such a tool does to what it was lent, no revision is touched. Belongs here: that promise. How the two
kinds of store keep it is `folder_lending.py` and `object_lending.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Protocol


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
