"""Copying revisions from one store to another, each as it is: same number, same bytes, same papers.

A revision is verified where it is read and once more where it is staged, and then claimed as a publisher
does. One that is there already is left alone, so that a copy that was stopped goes on where it was.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PublishError, SnapshotCorruptError
from pipeline.packs import Stored
from pipeline.publishing import epochs, index, pins, preflight, revisions, staging, sums
from pipeline.publishing.store import ALWAYS, Store
from pipeline.publishing.verify import in_folder

COPIED = "copied"
THERE = "there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A revision's name, what became of it, `copied` or already `there`, and the bytes of all its files."""

    name: str
    what: str
    bytes: int


def plan(source: Store, target: Store, days: Iterable[dt.date]) -> Iterator[Copied]:
    """What `copy` would do. Reads only.

    Raises:
        PublishError: the stores have different revisions of one number, or epochs that contradict each other.
    """
    epochs.lacking(source, target)
    source, target = source.look(ALWAYS), target.look(ALWAYS)
    for day in days:
        for number in source.standing(day):
            yield _told(source, day, number, there=_is_there(source, target, day, number))


def copy(source: Store, target: Store, days: Iterable[dt.date]) -> Iterator[Copied]:
    """Copies the epochs, and revisions of some dates with their pins, oldest first; says what became of each.

    Raises:
        PublishError: as `plan`; or as `publish`.
        SnapshotCorruptError: a revision is not what was published; those before it are copied.
    """
    target.prepare()
    # First, so that from the first revision on the releases that may publish there are those of the source.
    epochs.carry(source, target)
    source = source.look(ALWAYS)
    for day in days:
        with target.held(day):
            yield from _day(source, target.look(), day)
    _pins(source, target)


def _day(source: Store, target: Store, day: dt.date) -> Iterator[Copied]:
    target.mend(day, revisions.current(target, day))
    for number in source.standing(day):
        there = _is_there(source, target, day, number)
        if not there:
            _one(source, target, day, number)
        yield _told(source, day, number, there=there)
    target = target.look(ALWAYS)
    sealed = revisions.current(target, day)
    if sealed is not None:
        target.follow(sealed)
        index.note(target, sealed)


def _one(source: Store, target: Store, day: dt.date, number: int) -> None:
    name, sizes = source.revision(day, number).name, [source.size(day, number)]
    try:
        preflight.check_room(target.disk, sizes)
        with source.anew(day, number) as folder, target.staged(day) as staged:
            if folder is None:
                raise PublishError(f"{name}: was collected meanwhile from {source.name}; ask again")
            _refuse_wrong(folder, day, number, source.name)
            (staged.folder / staging.OWNER).unlink()
            for file in _files(folder):
                staging.copy(Stored(folder / file), staged.folder / file)
            _refuse_wrong(staged.folder, day, number, str(staged.folder))
            staging.sync_folders(staged.folder)
            target.claim(staged, day, number, copied=True)
    except FileExistsError:
        raise _differs(source, target, name) from None
    except OSError as error:
        raise preflight.explain(error, target.disk, f"{name} not copied", sizes) from error


def _refuse_wrong(folder: Path, day: dt.date, number: int, where: str) -> None:
    findings = in_folder(folder, day, number)
    if findings:
        file, what = findings[0]
        raise SnapshotCorruptError(
            f"{day}.r{number} in {where}: {file}: {what}; it was not copied, run `kitchen verify` there"
        )


def _is_there(source: Store, target: Store, day: dt.date, number: int) -> bool:
    """Whether the target has the very revision."""
    if number not in target.numbers(day):
        return False
    papers = [_paper(store.fetch(day, number) / sums.PUBLICATION) for store in (source, target)]
    if papers[0] is None or papers[0] != papers[1]:
        raise _differs(source, target, f"{day}.r{number}")
    return True


def _paper(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _differs(source: Store, target: Store, name: str) -> PublishError:
    return PublishError(
        f"{name}: {target.name} has another revision of that number than {source.name}, wanted the same or"
        " none; what is there is never replaced, copy to another store or leave the date out"
    )


def _told(source: Store, day: dt.date, number: int, *, there: bool) -> Copied:
    return Copied(
        name=f"{day}.r{number}",
        what=THERE if there else COPIED,
        bytes=source.size(day, number),
    )


def _files(folder: Path) -> list[str]:
    found = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return sorted(file.relative_to(folder).as_posix() for file in found)


def _pins(source: Store, target: Store) -> None:
    """Of what was copied; a pin that is there already says what it says."""
    there = pins.pinned(target)
    for name in pins.pinned(source).keys() - there.keys():
        day, number = revisions.parse(name)
        if number in target.standing(day):
            with target.alone():
                target.write(f"{pins.FOLDER}/{name}", source.read(f"{pins.FOLDER}/{name}") or b"")
