"""A snapshot store in a folder: where it has its revisions, links and locks. Nobody else joins these paths.

Readers follow links; a revision is claimed by one rename. How is in `links.py`, `claim.py`, `staging.py`,
`locks.py` and `trash.py`, of which this is the one door.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline import storage
from pipeline.clock import parse_day
from pipeline.errors import PublishError
from pipeline.publishing import claim, fence, links, locks, mounts, preflight, staging, sums, trash
from pipeline.publishing.folder_lending import FolderLender
from pipeline.publishing.revisions import Sealed
from pipeline.publishing.staging import Staging
from pipeline.publishing.store import Span, Trash

_NAME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.r([1-9][0-9]{0,8})", re.ASCII)


@dataclass(frozen=True, slots=True)
class FolderStore:
    """Names inside a folder, and what `Store` asks of it. Names that begin with a dot are not for readers.

    `seen` remembers the names of one look, for `taken` alone: all else is asked of the file system.
    """

    root: Path
    seen: dict[str, list[str]] | None = field(default=None, compare=False, repr=False)

    @property
    def revisions(self) -> Path:
        """The folder of all sealed revisions."""
        return self.root / ".revisions"

    def revision(self, day: dt.date, number: int) -> Path:
        """The sealed folder of one revision."""
        return self.revisions / f"{day.isoformat()}.r{number}"

    def date_link(self, day: dt.date) -> Path:
        """The link that names a date's current revision."""
        return self.root / day.isoformat()

    def latest(self, *, available: bool = False) -> Path:
        """The link to the newest published date, or the newest whose condition is available."""
        return self.root / ("LATEST_AVAILABLE" if available else "LATEST")

    @property
    def locks(self) -> Path:
        """The folder of locks and of names that are not ready yet."""
        return self.root / ".locks"

    def lock(self, day: dt.date) -> Path:
        """The file that a publisher of the date holds by flock."""
        return self.locks / day.isoformat()

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.root)

    @property
    def disk(self) -> Path:
        """Its folder."""
        return self.root

    @property
    def at_once(self) -> int:
        """As `Store`."""
        return 1

    def look(self, span: Span | None = None) -> FolderStore:
        """Itself, which is asked each time; with memory for `taken`."""
        return replace(self, seen={})

    def still(self) -> FolderStore:
        """Itself."""
        return self

    def days(self) -> list[dt.date]:
        """As `Store`."""
        found = set()
        for name in _names(self.revisions):
            match = _NAME.fullmatch(name)
            if match:
                with suppress(ValueError):
                    found.add(parse_day(match[1]))
        return sorted(found)

    def published_days(self) -> list[dt.date]:
        """Every date whose link leads to a folder."""
        return links.published_days(self)

    def numbers(self, day: dt.date) -> list[int]:
        """Taken by a revision, by anything else of that name, by a claim."""
        start = f"{day.isoformat()}.r"
        names = [*_names(self.revisions), *_names(self.locks)]
        matches = (_NAME.fullmatch(name) for name in names if name.startswith(start))
        return sorted({int(m[2]) for m in matches if m})

    def standing(self, day: dt.date) -> list[int]:
        """As `Store`."""
        return [n for n in self.numbers(day) if os.path.lexists(self.revision(day, n))]

    def taken(self, day: dt.date) -> list[str]:
        """How many names of a revision, and the last, among the revisions and among the locks."""
        found = []
        for folder in (self.revisions, self.locks):
            names, start = self._seen(folder), f"{day.isoformat()}.r"
            own = names[bisect_left(names, start) : bisect_left(names, f"{start}\U0010ffff")]
            found.append(f"{len(own)} {own[-1] if own else ''}")
        return found

    def _seen(self, folder: Path) -> list[str]:
        """The sorted names in a folder, of one look where this is one."""
        seen = {} if self.seen is None else self.seen
        if folder.name not in seen:
            seen[folder.name] = self.names(folder.name)
        return seen[folder.name]

    def named_revision(self, day: dt.date) -> int | None:
        """The number that the date's link names, whether it is there or not."""
        return links.named_revision(self, day)

    def newest(self, *, available: bool = False) -> dt.date | None:
        """The date that the link names and leads to."""
        with suppress(PublishError):
            day = links.named_day(self, available=available)
            if day is not None and self.latest(available=available).exists():
                return day
        return None

    def settled(self, sealed: Sealed) -> bool:
        """Whether every link is right."""
        try:
            return links.is_settled(self, sealed)
        except PublishError:
            return False

    def faults(self, day: dt.date) -> Iterable[tuple[str, str]]:
        """As `Store`."""
        return links.faults(self, day)

    def known_since(self, day: dt.date, number: int, published_at: dt.datetime) -> dt.datetime:
        """When it says."""
        return published_at

    def fetch(self, day: dt.date, number: int, names: Iterable[str] = ()) -> Path:
        """Its folder, which has all files."""
        return self.revision(day, number)

    @contextmanager
    def anew(self, day: dt.date, number: int) -> Iterator[Path | None]:
        """Its folder itself."""
        path = self.revision(day, number)
        yield path if path.is_dir() and not path.is_symlink() else None

    def watched(self, sealed: Sealed) -> list[str]:
        """Manifest and publication: whoever may write here may change them."""
        return [f"{sealed.path}/{name}" for name in (sums.MANIFEST, sums.PUBLICATION)]

    def url(self, day: dt.date, number: int, name: str = "") -> str:
        """As `Store`."""
        return str(self.revision(day, number) / name)

    def address(self, day: dt.date) -> str:
        """The date's link."""
        return str(self.date_link(day))

    def opens(self, day: dt.date) -> str:
        """By pandas alone."""
        columns = "['symbol', 'ts', 'close', 'volume', 'delta', 'cvd']"
        file = f"{self.address(day)}/bars_1m.parquet"
        return f"import pandas; print(pandas.read_parquet('{file}', columns={columns}))"

    @property
    def epochs(self) -> str:
        """As `Store`."""
        return ".epochs"

    def hosts(self) -> Iterator[str]:
        """As every publication says."""
        for name in _names(self.revisions):
            said = storage.read_object(self.revisions / name / sums.PUBLICATION)
            if "host" in said:
                yield str(said["host"])

    def fence(self) -> None:
        """As `Store`."""
        fence.put(self.locks)

    def prepare(self) -> None:
        """As `Store`; where locks do not reach other hosts, for the host that published first alone."""
        preflight.prepare(self)
        mounts.refuse_several_hosts(self)

    def held(self, day: dt.date) -> AbstractContextManager[int]:
        """As `Store`."""
        return locks.held(self.lock(day))

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """By a lock of its own: two dates may be published at once."""
        with locks.held(self.locks / "LATEST"):
            yield True

    def mend(self, day: dt.date, sealed: Sealed | None) -> None:
        """Moves links that stayed behind, and removes staging folders whose makers are dead."""
        links.check_names(self, day)
        if sealed is not None and not links.is_settled(self, sealed):
            links.roll_forward(self, sealed)
        staging.sweep(self, day)

    def staged(self, day: dt.date) -> AbstractContextManager[Staging]:
        """Beside the dates, so that one rename is enough."""
        return staging.opened(self, day)

    def claim(self, staged: Staging, day: dt.date, number: int, *, copied: bool = False) -> None:
        """As `Store`."""
        path = self.revision(day, number)
        marker = self.locks / path.name
        claim.claim(staged.folder, path, marker, noreplace=staged.noreplace)

    def put_right(self, staged: Staging, day: dt.date, number: int) -> None:
        """By a rename a file."""
        staging.put_in_place(staged.folder, self.revision(day, number))

    def follow(self, sealed: Sealed) -> None:
        """Moves every link that is behind it."""
        links.roll_forward(self, sealed)

    def names(self, folder: str) -> list[str]:
        """As `Store`."""
        return sorted(_names(self.root / folder))

    def read(self, name: str) -> bytes | None:
        """As `Store`."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """By one rename; to be called when alone. The temporary name is the same each time and lies among
        the locks, so that a killed run leaves nothing that the next one does not use up.
        """
        preflight.prepare(self)
        file = self.root / name
        self._folder_of(file)
        temporary = self._unnamed(file.name)
        _write(temporary, data)
        os.replace(temporary, file)
        storage.fsync_folder(file.parent)

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """By one rename of a file that is whole, or a second name for it: no name is given twice, on no host.

        The first name is this host's, the same each time: one that a killed run left goes before the next.
        """
        preflight.prepare(self)
        file = self.root / name
        self._folder_of(file)
        temporary = self._unnamed(f"{file.parent.name}.{platform.node()}")
        with self.alone():
            temporary.unlink(missing_ok=True)  # it may be the second name of a file that stands
            try:
                _write(temporary, data)
                if not claim.rename_noreplace(temporary, file):
                    os.link(temporary, file)
            except FileExistsError:
                return False
            finally:
                temporary.unlink(missing_ok=True)
            storage.fsync_folder(file.parent)
        return True

    def _unnamed(self, name: str) -> Path:
        """Where a file is made, among the locks: by the folder's own name, not by the fence's link to it."""
        return Path(os.path.realpath(self.locks), f"{name}.new")

    def _folder_of(self, file: Path) -> None:
        if file.parent != self.root and not file.parent.is_dir():
            file.parent.mkdir(exist_ok=True)
            file.parent.chmod(preflight.STORE_MODE)
            storage.fsync_folder(self.root)

    def remove(self, name: str) -> None:
        """As `Store`."""
        (self.root / name).unlink(missing_ok=True)
        storage.fsync_folder((self.root / name).parent)

    def lender(self, folder: str) -> FolderLender:
        """As `Store`."""
        return FolderLender(self, folder)

    def size(self, day: dt.date, number: int) -> int:
        """As `Store`."""
        return trash.size(self.revision(day, number))

    def throw(self, day: dt.date, number: int, now: dt.datetime) -> None:
        """By one rename, in the same folder."""
        trash.throw(self, self.revision(day, number).name, now)

    def trash(self) -> list[Trash]:
        """As `Store`."""
        return list(trash.found(self))

    def delete(self, name: str) -> None:
        """As `Store`."""
        trash.delete(self, name)

    def restore(self, day: dt.date, number: int) -> str:
        """As `Store`."""
        return trash.restore(self, day, number).name


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
