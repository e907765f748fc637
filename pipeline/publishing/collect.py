"""Collecting old revisions: planned, moved to the trash, and deleted only after a time of grace.

Kept always: what a link names, the newest whole revisions, what is pinned, and whatever cannot be read or
proved whole; its bytes may be the only evidence. A revision in the trash has its old name with `.trash-`
before it, in the same folder: renaming it back undoes the collection. When it was put there stands in a
record beside it; the clock of a file system decides nothing.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import storage
from pipeline.errors import ParameterError, PublishError
from pipeline.publishing import claim, links, locks, pins, revisions
from pipeline.publishing.store import Store
from pipeline.publishing.verify import verify

TRASH = ".trash-"
RECORD = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How much is kept: the newest `keep` whole revisions a date; and the trash, for `grace_days`."""

    keep: int
    grace_days: float

    def check(self) -> None:
        """Refuses what would keep nothing.

        Raises:
            ParameterError: so it is.
        """
        if self.keep < 1 or not self.grace_days >= 0:
            raise ParameterError(
                f"gc: keep {self.keep} and grace {self.grace_days:g} days, wanted at least 1 revision and 0"
                " days; name a policy that keeps what readers use"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A revision or a piece of trash, and what is to be done: `keep`, `trash`, `wait` or `delete`."""

    name: str
    action: str
    why: str
    bytes: int


def plan(store: Store, policy: Policy, now: dt.datetime) -> list[Item]:
    """What a collection would do now. Reads only.

    Raises:
        ParameterError: a policy that keeps nothing.
        PublishError: a link or a pin cannot be read; then nothing may be collected.
    """
    policy.check()
    found = [i for day in revisions.all_days(store) for i in _judge(store, day, policy)]
    return found + list(_trash(store, policy, now))


def collect(store: Store, policy: Policy, now: dt.datetime) -> list[Item]:
    """Does what `plan` says, one revision after another, and returns what was done.

    Each date is judged again under its lock, so that nothing that was published or pinned since is touched.
    """
    policy.check()
    done: list[Item] = []
    for day in revisions.all_days(store):
        with locks.held(store.lock(day)):
            items = [i for i in _judge(store, day, policy) if i.action == "trash"]
            for item in items:
                _throw(store, item.name, now)
        done += items
    for item in list(_trash(store, policy, now)):
        if item.action == "delete":
            _delete(store, item.name)
            done.append(item)
    return done


def _judge(store: Store, day: dt.date, policy: Policy) -> Iterator[Item]:
    there = [n for n in revisions.numbers(store, day) if os.path.lexists(store.revision(day, n))]
    whole = [n for n in there if revisions.find(store, day, n) is not None]
    named, pinned = links.named_revision(store, day), pins.pinned(store)
    for number in there:
        path = store.revision(day, number)
        why = None
        if number == named:
            why = "its date's link names it"
        elif path.name in pinned:
            why = "it is pinned"
        elif number not in whole:
            why = "it cannot be read"
        elif number in whole[-policy.keep :]:
            why = f"it is one of the newest {policy.keep}"
        elif verify(store, day, number):
            why = "it is not what was published"
        older = f"older than the newest {policy.keep}, neither linked nor pinned"
        yield Item(
            name=path.name,
            action="keep" if why else "trash",
            why=why or older,
            bytes=_size(path),
        )


def _trash(store: Store, policy: Policy, now: dt.datetime) -> Iterator[Item]:
    """Every piece of trash; one whose record cannot be read waits for a person."""
    names = os.listdir(store.revisions) if store.revisions.is_dir() else []
    for name in sorted(n for n in names if n.startswith(TRASH) and not n.endswith(RECORD)):
        since = _thrown_at(store, name)
        if since is None:
            action, why = "keep", "no record says when it came here; look at it"
        elif now - since < dt.timedelta(days=policy.grace_days):
            action, why = "wait", f"in the trash since {since:%Y-%m-%d %H:%M}Z"
        else:
            action, why = "delete", f"in the trash for more than {policy.grace_days:g} days"
        yield Item(name=name, action=action, why=why, bytes=_size(store.revisions / name))


def _thrown_at(store: Store, name: str) -> dt.datetime | None:
    try:
        text = storage.read_json(store.revisions / f"{name}{RECORD}")["trashed_at"]
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _throw(store: Store, name: str, now: dt.datetime) -> None:
    """Record first, then the one rename; a record without its revision is used up by the next run."""
    target = store.revisions / f"{TRASH}{name}"
    storage.write_json(
        store.revisions / f"{target.name}{RECORD}",
        {"trashed_at": now.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")},
    )
    if os.path.lexists(target) or not claim.rename_noreplace(store.revisions / name, target):
        raise PublishError(
            f"{target}: has the name already, or the file system cannot rename without replacing;"
            f" {name} stays, look at it"
        )
    storage.fsync_folder(store.revisions)


def _delete(store: Store, name: str) -> None:
    """The folder, then its record: a kill in between leaves what the next run deletes."""
    folder = store.revisions / name
    for place, _, _ in os.walk(folder):
        os.chmod(place, 0o700)
    shutil.rmtree(folder)
    (store.revisions / f"{name}{RECORD}").unlink(missing_ok=True)
    storage.fsync_folder(store.revisions)


def undo(store: Store, day: dt.date, number: int) -> Path:
    """Brings a revision back from the trash.

    Raises:
        ParameterError: it is not there.
    """
    target = store.revision(day, number)
    folder = store.revisions / f"{TRASH}{target.name}"
    if not folder.is_dir() or not claim.rename_noreplace(folder, target):
        raise ParameterError(
            f"{target.name}: is not in the trash of {store.root}; see `kitchen gc`"
        )
    (store.revisions / f"{folder.name}{RECORD}").unlink(missing_ok=True)
    storage.fsync_folder(store.revisions)
    return target


def _size(path: Path) -> int:
    """Bytes of all files below."""
    found = (Path(place, name) for place, _, names in os.walk(path) for name in names)
    return sum(file.lstat().st_size for file in found)
