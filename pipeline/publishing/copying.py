"""Copying revisions from one store to another, each as it is: same number, same bytes, same papers.

A revision is verified where it is read and once more where it is staged, and then claimed as a publisher
does. One that is there already is held against its own papers and left alone, so that a copy that was stopped
goes on where it was. What is damaged in either store is told, and keeps nothing else from being copied; what
is damaged in the target alone is put right where that is asked for.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PublishError, SnapshotCorruptError
from pipeline.packs import Stored
from pipeline.publishing import epochs, index, pins, preflight, revisions, staging, sums
from pipeline.publishing.staging import Staging
from pipeline.publishing.store import ALWAYS, Store
from pipeline.publishing.verify import in_folder, manifest_digest

COPIED = "copied"
THERE = "there"
REPAIRED = "repaired"
DAMAGED = "damaged"

_DIGEST = "manifest_sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A revision, and what became of it.

    Args:
        name: As `2025-01-02.r3`.
        what: `copied`; `there`, and whole; `repaired` there; `damaged` in one of the stores, and left so.
        bytes: Of all its files, in the source.
        why: Of a damaged one: where, which file, what, and what to do.
    """

    name: str
    what: str
    bytes: int
    why: str = ""


def plan(source: Store, target: Store, days: Iterable[dt.date]) -> Iterator[Copied]:
    """What `copy` would do, if what is not there is whole in the source. Reads only.

    Raises:
        PublishError: the stores have different revisions of one number, or epochs that contradict each other.
    """
    epochs.lacking(source, target)
    source, target = source.look(ALWAYS), target.look(ALWAYS)
    for day in days:
        for number in source.standing(day):
            yield _One(source, target, day, number).told(write=False, repair=False)


def copy(
    source: Store, target: Store, days: Iterable[dt.date], *, repair: bool = False
) -> Iterator[Copied]:
    """Copies the epochs, and revisions of some dates with their pins, oldest first; says what became of each.

    Args:
        source: Where they are read.
        target: Where they come.
        days: Their dates.
        repair: Whether files of the target that are not what was published are replaced by the source's.

    Raises:
        PublishError: as `plan`; or as `publish`.
    """
    target.prepare()
    # First, so that from the first revision on the releases that may publish there are those of the source.
    epochs.carry(source, target)
    source = source.look(ALWAYS)
    for day in days:
        with target.held(day):
            yield from _day(source, target.look(), day, repair=repair)
    _pins(source, target)


def _day(source: Store, target: Store, day: dt.date, *, repair: bool) -> Iterator[Copied]:
    target.mend(day, revisions.current(target, day))
    for number in source.standing(day):
        yield _One(source, target, day, number).told(write=True, repair=repair)
    target = target.look(ALWAYS)
    sealed = revisions.current(target, day)
    if sealed is not None:
        target.follow(sealed)
        index.note(target, sealed)


@dataclass(frozen=True, slots=True)
class _One:
    """A revision of the source, beside what the target has of its number."""

    source: Store
    target: Store
    day: dt.date
    number: int

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.day}.r{self.number}"

    def told(self, *, write: bool, repair: bool) -> Copied:
        """What becomes of it; without `write`, what would."""
        what, why = DAMAGED, ""
        try:
            what = self._done(write=write, repair=repair)
        except SnapshotCorruptError as error:
            why = str(error)
        size = self.source.size(self.day, self.number)
        return Copied(name=self.name, what=what, bytes=size, why=why)

    def _done(self, *, write: bool, repair: bool) -> str:
        if not self._is_there():
            if write:
                self._copy()
            return COPIED
        wrong = self._wrong()
        if not wrong:
            return THERE
        if repair:
            self._put_right()
            wrong = self._wrong()
        if wrong:
            todo = "it could not be put right, look at it" if repair else "--repair puts it right"
            raise self._corrupt(self.target.name, wrong, todo)
        return REPAIRED

    def _is_there(self) -> bool:
        """Whether the target has the very revision, whole or damaged."""
        day, number = self.day, self.number
        if number not in self.target.numbers(day):
            return False
        ours = revisions.read_publication(self.source.fetch(day, number))
        theirs = revisions.read_publication(self.target.fetch(day, number))
        if not ours:
            damage = [(sums.PUBLICATION, "is missing or damaged")]
            raise self._corrupt(self.source.name, damage, self._from_elsewhere())
        # A paper that nobody can read makes no other revision of it, as long as its manifest is the same.
        same = (
            theirs == ours if theirs else manifest_digest(self.target, day, number) == ours[_DIGEST]
        )
        if not same:
            raise self._differs()
        return True

    def _wrong(self) -> list[tuple[str, str]]:
        """What is wrong with it in the target: each file, and in words."""
        with self.target.anew(self.day, self.number) as folder:
            if folder is None:
                return [(self.name, "is not a folder of its own")]
            found = in_folder(folder, self.day, self.number)
            signature = _bytes(self.source.fetch(self.day, self.number) / sums.SIGNATURE)
            if signature not in (None, _bytes(folder / sums.SIGNATURE)):
                found.append((sums.SIGNATURE, f"is not the one in {self.source.name}"))
            return found

    def _copy(self) -> None:
        with self._staged() as (folder, staged):
            for file in _files(folder):
                staging.copy(Stored(folder / file), staged.folder / file)
            self._refuse_wrong(staged.folder, str(staged.folder))
            staging.sync_folders(staged.folder)
            try:
                self.target.claim(staged, self.day, self.number, copied=True)
            except FileExistsError:
                raise self._differs() from None

    def _put_right(self) -> None:
        """Replaces the files that are not the source's, which was verified, and no others."""
        with self.target.anew(self.day, self.number) as there, self._staged() as (folder, staged):
            if there is None:
                return
            for file in _files(folder):
                # Of two signatures neither is known to be the right one.
                is_kept = file == sums.SIGNATURE and os.path.lexists(there / file)
                if is_kept or _is_same(there / file, folder / file):
                    continue
                staging.copy(Stored(folder / file), staged.folder / file)
                if not _is_same(staged.folder / file, folder / file):
                    wrong = [(file, "read back, it has other bytes than were written")]
                    raise self._corrupt(str(staged.folder), wrong, "look at the disk")
            self.target.put_right(staged, self.day, self.number)

    @contextmanager
    def _staged(self) -> Iterator[tuple[Path, Staging]]:
        """The source's revision, which is whole, and a folder of the target's in which files are made."""
        sizes = [self.source.size(self.day, self.number)]
        try:
            preflight.check_room(self.target.disk, sizes)
            with (
                self.source.anew(self.day, self.number) as folder,
                self.target.staged(self.day) as staged,
            ):
                self._refuse_wrong(folder, self.source.name)
                (staged.folder / staging.OWNER).unlink()
                yield folder or Path(), staged
        except OSError as error:
            state = f"{self.name} not copied"
            raise preflight.explain(error, self.target.disk, state, sizes) from error

    def _refuse_wrong(self, folder: Path | None, where: str) -> None:
        gone = [(self.name, "is not a folder of its own, or was collected meanwhile")]
        findings = gone if folder is None else in_folder(folder, self.day, self.number)
        if findings:
            raise self._corrupt(where, findings, self._from_elsewhere())

    def _from_elsewhere(self) -> str:
        return (
            "it was not copied; where another copy of the store has it whole, run"
            f" `kitchen copy --from COPY --to {self.source.name} --repair`"
        )

    def _corrupt(self, where: str, wrong: list[tuple[str, str]], todo: str) -> SnapshotCorruptError:
        # The lists of checksums last: they do not say what a damaged file is, and may be right.
        file, what = min(wrong, key=lambda finding: finding[0] in sums.LISTS)
        return SnapshotCorruptError(f"{self.name} in {where}: {file}: {what}; {todo}")

    def _differs(self) -> PublishError:
        return PublishError(
            f"{self.name}: {self.target.name} has another revision of that number than {self.source.name},"
            " wanted the same or none; what is there is never replaced, copy to another store or leave the"
            " date out"
        )


def _is_same(one: Path, other: Path) -> bool:
    try:
        return sums.facts(one) == sums.facts(other)
    except OSError:
        return False


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


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
