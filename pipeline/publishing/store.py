"""What every snapshot store does, whether it is a folder or a bucket of objects.

A revision's files are read as files of this machine: in a folder store where they lie, of a bucket from
copies that were verified when they came. What differs is how a number is claimed and what readers follow.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pipeline.publishing.lender import Lender
    from pipeline.publishing.revisions import Sealed
    from pipeline.publishing.staging import Staging

Span = tuple[dt.date, dt.date]
"""First and last date, both included."""

ALWAYS: Span = (dt.date.min, dt.date.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trash:
    """What was collected and is not deleted yet.

    Args:
        name: Of the revision or object folder, as `delete` takes it.
        since: From when on its time of grace counts; None where nothing says so.
        bytes: How many it has.
        grace_days: Its own time of grace, where it is not the policy's.
        what: What it is, in words.
    """

    name: str
    since: dt.datetime | None
    bytes: int
    grace_days: float | None = None
    what: str = "in the trash"


class Store(Protocol):
    """A store of snapshots. Every date may be asked for, published or not."""

    @property
    def name(self) -> str:
        """What people call it: a folder's path, or an address."""

    @property
    def disk(self) -> Path:
        """A folder of this machine in whose file system a revision is made."""

    @property
    def at_once(self) -> int:
        """So many questions asked side by side are answered sooner than one after another."""

    # What is there. A store that is asked over a network answers from one listing a look.

    def look(self, span: Span | None = None) -> Store:
        """The store as it is from now on seen: a listing that is needed is made once.

        Args:
            span: The dates that will be asked for; all of them cost one listing.
        """

    def still(self) -> Store:
        """The same look, or a first one."""

    def days(self) -> list[dt.date]:
        """Every date of which a revision lies there, whether readers see it or not, ascending."""

    def published_days(self) -> list[dt.date]:
        """Every date that readers see, ascending."""

    def numbers(self, day: dt.date) -> list[int]:
        """Every number of a date that is taken, ascending, also by what is no whole revision."""

    def standing(self, day: dt.date) -> list[int]:
        """The numbers under which something lies there: neither collected nor a claim alone, ascending."""

    def taken(self, day: dt.date) -> list[str]:
        """A short text of all numbers that a date has or had; it changes when one is published."""

    def named_revision(self, day: dt.date) -> int | None:
        """The number that readers get; None where the date is not published.

        Raises:
            PublishError: something that is not the kitchen's has the date's name.
        """

    def newest(self, *, available: bool = False) -> dt.date | None:
        """The date that readers get as LATEST, or as LATEST_AVAILABLE."""

    def settled(self, sealed: Sealed) -> bool:
        """Whether readers get the date's current revision, and LATEST is not behind it."""

    def faults(self, day: dt.date) -> Iterable[tuple[str, str]]:
        """What is wrong with what leads readers to a published date: its name, and in words."""

    def known_since(self, day: dt.date, number: int, published_at: dt.datetime) -> dt.datetime:
        """From when on `as_of` finds a revision that says when it was published."""

    # The files of a revision.

    def revision(self, day: dt.date, number: int) -> Path:
        """The folder of one revision on this machine. Its name is `<date>.r<number>`."""

    def fetch(self, day: dt.date, number: int, names: Iterable[str] = ()) -> Path:
        """The folder of a revision, in which its publication and these of its files are, if it has them.

        Raises:
            SnapshotCorruptError: what came over a network is not what was published.
        """

    def anew(self, day: dt.date, number: int) -> AbstractContextManager[Path | None]:
        """A folder with every file of a revision as the store has it now, for the block; None without."""

    def watched(self, sealed: Sealed) -> list[str]:
        """Paths whose state says that a revision's papers are as they were; none where they cannot change."""

    def url(self, day: dt.date, number: int, name: str = "") -> str:
        """Where a revision, or a file of it, lies: a path, or an address for tools that read such."""

    def address(self, day: dt.date) -> str:
        """Where readers find a published date."""

    def opens(self, day: dt.date) -> str:
        """A line of Python that shows a published date's bars."""

    # Releases.

    @property
    def epochs(self) -> str:
        """The folder of the epochs, a name as `names` takes it."""

    def hosts(self) -> Iterable[str]:
        """Who published here: a host each time it did, or in words that it may have been any."""

    def fence(self) -> None:
        """Lets releases that know no epochs fail before they publish; readers see no difference."""

    # Publishing.

    def prepare(self) -> None:
        """Makes sure that a revision can be published here.

        Raises:
            PublishError: it cannot, safely.
            OSError: this machine's disk says no.
        """

    def held(self, day: dt.date) -> AbstractContextManager[object]:
        """Keeps other publishers of the date on this machine out for the block.

        Raises:
            LockedError: one was at work for too long.
        """

    def alone(self) -> AbstractContextManager[bool]:
        """Keeps other writers of store-wide files out for the block, as far as that can be; True if so."""

    def mend(self, day: dt.date, sealed: Sealed | None) -> None:
        """Finishes what a publisher of the date began that is dead; `sealed` is its current revision."""

    def staged(self, day: dt.date) -> AbstractContextManager[Staging]:
        """A private folder in which a revision is made; gone after the block unless it was claimed."""

    def claim(self, staged: Staging, day: dt.date, number: int, *, copied: bool = False) -> None:
        """Makes the staged folder the revision of that number, at once and for ever.

        Args:
            staged: The folder, whole and durable.
            day: Its date.
            number: Its number.
            copied: Whether it is another store's, so that its time of publication is to be believed.

        Raises:
            FileExistsError: another publisher has the number; nothing of it was touched.
            PublishError: the store did not take it.
            OSError: this machine's disk says no.
        """

    def put_right(self, staged: Staging, day: dt.date, number: int) -> None:
        """Puts the files of the staged folder in place of a revision's own, each at one moment.

        To be called with files that its papers name alone, and with the date held.

        Raises:
            PublishError: the store did not take them.
            OSError: this machine's disk says no.
        """

    def follow(self, sealed: Sealed) -> None:
        """Leads readers to a date's current revision."""

    # Small files of the store itself: pins, the index, pages. A name has slashes for folders.

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted."""

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None where there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Puts a file, whole or not at all, in place of what had its name."""

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Puts a file where nothing has its name; whether this very call did."""

    def remove(self, name: str) -> None:
        """Takes a file away, if it is there."""

    def lender(self, folder: str) -> Lender:
        """A folder of it for files of revisions that are lent."""

    # Collecting.

    def size(self, day: dt.date, number: int) -> int:
        """Bytes of all files of a revision."""

    def throw(self, day: dt.date, number: int, now: dt.datetime) -> None:
        """Moves a revision into the trash, from where `restore` brings it back."""

    def trash(self) -> list[Trash]:
        """What was collected and is not deleted yet, by name."""

    def delete(self, name: str) -> None:
        """Deletes a piece of trash for ever."""

    def restore(self, day: dt.date, number: int) -> str:
        """Brings a revision back from the trash, and returns its name.

        Raises:
            ParameterError: it is not there.
        """
