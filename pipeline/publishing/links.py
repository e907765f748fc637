"""The links that readers follow: `<date>`, `LATEST`, `LATEST_AVAILABLE`.

Each is switched by one rename, only after all that it makes reachable is durable. A run that died before
its links were right is finished by the next one: see `roll_forward`.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import storage
from pipeline.clock import parse_day
from pipeline.errors import PublishError
from pipeline.publishing import locks, revisions
from pipeline.publishing.revisions import Sealed

if TYPE_CHECKING:
    from pipeline.publishing.folder_store import FolderStore

SEALED_MODE = 0o555

_REVISION = re.compile(r"\.revisions/([0-9-]{10})\.r([1-9][0-9]{0,8})", re.ASCII)


def named_revision(store: FolderStore, day: dt.date) -> int | None:
    """The number that the date's link names, whether it is there or not; None without a link.

    Raises:
        PublishError: something else than a link of ours has the date's name.
    """
    target = _target(store.date_link(day))
    if target is None:
        return None
    match = _REVISION.fullmatch(target)
    if match is None or match[1] != day.isoformat():
        raise _foreign(store.date_link(day), target, f".revisions/{day.isoformat()}.r<N>")
    return int(match[2])


def named_day(store: FolderStore, *, available: bool = False) -> dt.date | None:
    """The date that LATEST (or LATEST_AVAILABLE) names; None without the link.

    Raises:
        PublishError: something else than a link of ours has that name.
    """
    link = store.latest(available=available)
    target = _target(link)
    try:
        return None if target is None else parse_day(target)
    except ValueError:
        raise _foreign(link, str(target), "<date>") from None


def is_settled(store: FolderStore, sealed: Sealed) -> bool:
    """Whether every link that the date's current revision asks for is right.

    Each is read once: another date's publication may move it at any moment.
    """
    latest, available = named_day(store), named_day(store, available=True)
    return (
        named_revision(store, sealed.day) == sealed.revision
        and latest is not None
        and latest >= sealed.day
        and store.latest().exists()
        and _newest_available(store, sealed, available) == available
    )


def roll_forward(store: FolderStore, sealed: Sealed) -> None:
    """Seals the revision's folder and moves every link that is behind it; nothing else.

    To be called under the date's lock. LATEST is store-wide and has a lock of its own, so that two dates
    published at once cannot move it back.

    Raises:
        PublishError: a foreign thing has a link's name.
        OSError: a link could not be moved; the next run tries again.
    """
    _seal_folder(store, sealed.path)
    named = named_revision(store, sealed.day) or 0
    if named > sealed.revision and revisions.find(store, sealed.day, named) is not None:
        return  # another host's, which came later, and leads readers itself
    if named != sealed.revision:
        _switch(store, store.date_link(sealed.day), f".revisions/{sealed.path.name}")
    with locks.held(store.lock(sealed.day).with_name("LATEST")):
        latest = _newest(store, sealed.day)
        if named_day(store) != latest:
            _switch(store, store.latest(), latest.isoformat())
        _move_available(store, sealed)


def faults(store: FolderStore, day: dt.date) -> Iterator[tuple[str, str]]:
    """What is wrong with the links of a published date: neither LATEST may dangle or be older than a day that
    it could name, and the date's own link may not stay behind.

    Raises:
        PublishError: something else than a link of ours has the date's name.
    """
    number = named_revision(store, day)
    sealed = None if number is None else revisions.find(store, day, number)
    good = sealed is not None and revisions.is_available(sealed)
    for available, counts in ((False, sealed is not None), (True, good)):
        link = store.latest(available=available)
        try:
            named = named_day(store, available=available)
        except PublishError as error:
            yield link.name, str(error)
            continue
        if named is not None and not link.exists():
            yield link.name, f"names {named}, which is not there"
        elif counts and (named is None or named < day):
            yield link.name, f"names {named}, wanted {day} or a newer date"
        elif available and not good and named == day:
            yield link.name, f"names {day}, whose condition is not available"
    newest = revisions.current(store, day)
    if newest is not None and newest.revision != number:
        behind = f"the link names r{number}, wanted r{newest.revision}, the newest whole one"
        yield day.isoformat(), behind


def check_names(store: FolderStore, day: dt.date) -> None:
    """Refuses, before anything is written, names that are held by foreign things.

    Raises:
        PublishError: see `named_revision` and `named_day`.
    """
    named_revision(store, day)
    named_day(store)
    named_day(store, available=True)


def _move_available(store: FolderStore, sealed: Sealed) -> None:
    named, link = named_day(store, available=True), store.latest(available=True)
    wanted = _newest_available(store, sealed, named)
    if wanted == named:
        return
    if wanted is not None:
        _switch(store, link, wanted.isoformat())
    else:
        link.unlink()
        storage.fsync_folder(store.root)


def _newest(store: FolderStore, day: dt.date) -> dt.date:
    """The date LATEST must name: never an older one than it names, unless that one is not there."""
    named = named_day(store)
    if named is not None and store.latest().exists():
        return max(named, day)
    return max([day, *published_days(store)])


def _newest_available(store: FolderStore, sealed: Sealed, named: dt.date | None) -> dt.date | None:
    """The date LATEST_AVAILABLE must name, where it names `named`. It goes back only when its own day ceased
    to be available.
    """
    good = revisions.is_available(sealed)
    if named is None and not good:
        return None
    if named is not None and store.latest(available=True).exists():
        if good:
            return max(named, sealed.day)
        if named != sealed.day:
            return named
    return next((d for d in reversed(published_days(store)) if _is_available(store, d)), None)


def _is_available(store: FolderStore, day: dt.date) -> bool:
    sealed = revisions.current(store, day)
    return sealed is not None and revisions.is_available(sealed)


def published_days(store: FolderStore) -> list[dt.date]:
    """Every date whose link leads to a folder, ascending."""
    days = []
    for entry in os.scandir(store.root) if store.root.is_dir() else ():
        try:
            day = parse_day(entry.name)
        except ValueError:
            continue
        if entry.is_symlink() and entry.is_dir():
            days.append(day)
    return sorted(days)


def _seal_folder(store: FolderStore, path: Path) -> None:
    if path.stat().st_mode & 0o777 != SEALED_MODE:
        path.chmod(SEALED_MODE)
    for folder in (path, store.revisions, store.root):
        storage.fsync_folder(folder)


def _switch(store: FolderStore, link: Path, target: str) -> None:
    """Makes `link` lead to `target` in one rename. The temporary name is the same each time and lies in
    the folder of the locks, so that a killed run leaves nothing that the next one does not use up.
    """
    temporary = store.root / ".locks" / f"{link.name}.link"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    os.replace(temporary, link)
    storage.fsync_folder(store.root)


def _target(link: Path) -> str | None:
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return None
    except OSError:
        raise PublishError(
            f"{link}: something that is no link has this name, wanted a link of the kitchen;"
            " look at it and move it away"
        ) from None


def _foreign(link: Path, target: str, wanted: str) -> PublishError:
    return PublishError(
        f"{link}: leads to {target!r}, wanted {wanted}: not a link of the kitchen;"
        " look at it and move it away"
    )
