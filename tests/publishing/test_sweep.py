"""Death of the real command just before every call that changes something, while a reader polls LATEST."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit import last_call
from kit import snapshots as kit
from kit.last_call import Call, Fatal
from kit.support import forget_receipt, luigi, write_config
from pipeline import storage
from pipeline.freshness import receipt
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.verify import Finding, verify, verify_day
from pipeline.reader import load
from pipeline.sample.generate import SampleRequest, write_sample

FIRST, SECOND = dt.date(2025, 1, 1), dt.date(2025, 1, 2)
STATES = ("available", "degraded")
RUN = ("publication.json", "000001.json")
TOLD = (*RUN, "receipts.json", ".stamp.json", ".tmp")
DRAWN = re.compile(r"[0-9a-f]{32}|#\d+ \(deleted\)")


@dataclass(frozen=True)
class Point:
    """The nth call of a name on a path, whatever is drawn in it, after another file got its name: where
    another run comes by again. What it comes after tells the steps apart, whose receipts share a file.
    """

    call: Call
    after: str
    nth: int

    def fatal(self, begun: str = "") -> Fatal:
        """Dies here, in a run that begins with that file there, and the step done that made it."""
        count = Counting(begun)
        return lambda _, call: count.point(call) == self


class Counting:
    """Calls -> points."""

    def __init__(self, after: str = "") -> None:
        self._after, self._met = after, Counter[tuple[Call, str]]()

    def point(self, call: Call) -> Point:
        """The next call's."""
        at = Call(call.name, DRAWN.sub("*", call.path)), self._after
        self._met[at] += 1
        if call.name == "rename" and not call.path.endswith(TOLD):
            self._after = at[0].path
        return Point(*at, self._met[at])


class Kitchen:
    """A root in which a day waits to be published, and how it got there."""

    def __init__(self, root: Path, day: dt.date) -> None:
        self.root, self.day, self.store = root, day, FolderStore(root / "snapshots")
        self.written = (self.store.root, root / "data/prepared")
        self.snapshot = ["Snapshot", "--date", str(day), "--local-scheduler"]
        self.command = [sys.executable, "-m", "luigi", "--module", "pipeline", *self.snapshot]
        self.reading = threading.Lock()

    def settings(self) -> dict[str, str]:
        """The environment of a run that is supervised: its steps come in the same order each time."""
        file = str(self.root / "configs/kitchen.yaml")
        return {**os.environ, "KITCHEN_CONFIG": file, "PYTHONHASHSEED": "0"}

    def keep(self, name: str) -> None:
        """All that the command ever wrote is kept under a name, for `restore`."""
        for place in self.written:
            shutil.copytree(place, self.root / "kept" / name / place.name, symlinks=True)

    def restore(self, name: str) -> None:
        """Brings back what was kept; no reader looks meanwhile."""
        with self.reading:
            for place in self.written:
                _remove(place)
                shutil.copytree(self.root / "kept" / name / place.name, place, symlinks=True)

    def dies(self, fatal: Fatal) -> list[Call] | None:
        """The calls of a run up to the fatal one; None when it came to its end before."""
        code, calls = last_call.run(self.command, self.root, fatal, **self.settings())
        assert code in (0, -9)
        return calls if code else None

    def traced(self) -> list[Point]:
        """The points of a run that nobody disturbs, in order."""
        calls = last_call.run(self.command, self.root, lambda *_: False, **self.settings())[1]
        return list(map(Counting().point, calls))

    def finish(self) -> None:
        """A run that nobody disturbs."""
        done = luigi(self.root, *self.snapshot)
        assert done.returncode == 0, done.stderr

    def contents(self) -> dict[str, bytes]:
        """All bytes published or prepared, hidden ones too, and where the links lead; left out is what tells
        of the run, remembers what was read, or was begun and counts for nothing.
        """
        links = {
            p.name: os.readlink(p).encode() for p in self.store.root.iterdir() if p.is_symlink()
        }
        published = kit.contents(self.store.root)
        prepared = kit.contents(self.root / "data/prepared")
        return (
            links
            | {n: b for n, b in published.items() if not n.endswith(RUN)}
            | {n: b for n, b in prepared.items() if n.startswith("date=") and not n.endswith(TOLD)}
        )

    def state(self) -> frozenset[tuple[str, object]]:
        """All that the next run may go by: names, modes and bytes. Of files that tell of a run or were only
        begun, and of names that are drawn, no more is taken than that they are there, and whose receipts.
        """
        found = set[tuple[str, object]]()
        for path in (p for place in self.written for p in (place, *place.rglob("*"))):
            seen: object = path.lstat().st_mode
            if path.is_symlink():
                seen = os.readlink(path)
            elif path.is_file():
                data = path.read_bytes()
                seen = seen, bool(data) if path.name.endswith(TOLD) else hash(data)
                if path.name == receipt.FILE:
                    seen = seen, tuple(storage.read_json(path))
            found.add((DRAWN.sub("*", str(path)), seen))
        return frozenset(found)

    def differs(self, wanted: dict[str, bytes]) -> set[str]:
        """The names of what is not as wanted."""
        return {name for name, _ in self.contents().items() ^ wanted.items()}

    def read_latest(self) -> str:
        """The date that LATEST names, after all of its files were held against both checksum lists."""
        folder = Path(os.path.realpath(self.store.root / "LATEST"))
        for listing, algorithm in (("SHA256SUMS", "sha256"), ("MD5SUMS", "md5")):
            lines = (folder / listing).read_text().splitlines()
            files = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
            assert files.keys() >= {"bars_1m.parquet", "dataset_manifest.json"}
            for name, digest in files.items():
                assert hashlib.new(algorithm, (folder / name).read_bytes()).hexdigest() == digest
        day = dt.date.fromisoformat(folder.name.partition(".r")[0])
        rows = load("bars_1m", day, day, columns=["close"], root=self.store.root, allow=STATES)
        assert rows.num_rows == 1440
        return folder.name


@contextmanager
def polling(kitchen: Kitchen) -> Iterator[set[str]]:
    """A reader that reads LATEST all the time from its first appearance on, and lets any read fail that is
    not whole.
    """
    seen, torn, done = set[str](), list[str](), threading.Event()

    def poll() -> None:
        while not done.is_set():
            with kitchen.reading:
                try:
                    if seen or os.path.lexists(kitchen.store.root / "LATEST"):
                        seen.add(kitchen.read_latest())
                except Exception as error:
                    torn.append(repr(error))
            time.sleep(0.02)

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        yield seen
    finally:
        done.set()
        reader.join()
    assert torn == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sample days: the first is published, of the second only raw files are there."""
    reason = last_call.missing()
    if reason is not None:
        pytest.skip(reason)
    root = tmp_path_factory.mktemp("made") / "root"
    write_config(root)
    raw = root / "data/raw"
    write_sample(SampleRequest(out=raw, first=FIRST, days=2, trades_per_day=500, simplified=False))
    for hour in (raw / "atas/ticks/BTCUSDT").glob("date=*/*"):
        if hour.name != "13":
            shutil.rmtree(hour)
    Kitchen(root, FIRST).finish()
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A root of the test's own."""
    shutil.copytree(made, tmp_path / "root", symlinks=True)
    return tmp_path / "root"


def new(kitchen: Kitchen) -> None:
    """Everything is still to be done, what the day before looked at as well."""
    shutil.rmtree(kitchen.root / f"data/prepared/date={SECOND}")


def corrected(kitchen: Kitchen) -> None:
    """r1 is published, a raw line was taken away, and r2 is computed but not published."""
    kitchen.finish()
    path = next((kitchen.root / f"data/raw/atas/bars_1m/BTCUSDT/date={SECOND}").glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:200] + lines[201:]))
    assert luigi(kitchen.root, "Manifest", "--date", str(SECOND)).returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize(("waiting", "at_least"), [(new, 400), (corrected, 90)])
def test_death_before_every_call(
    root: Path, waiting: Callable[[Kitchen], None], at_least: int, part: int
) -> None:
    """Half of the calls each: whatever the last one was, LATEST is whole at every moment, and the next run
    ends with the bytes of one that nobody disturbed. A state that is met again is not finished again.
    """
    kitchen = Kitchen(root, SECOND)
    waiting(kitchen)
    kitchen.keep("start")
    before = kitchen.read_latest()
    points = kitchen.traced()
    after, wanted = kitchen.read_latest(), kitchen.contents()
    finished = set[frozenset[tuple[str, object]]]()
    with polling(kitchen) as seen:
        for at in range(part, len(points), 2):
            point = points[at]
            _die(kitchen, points, at)
            assert broken(kitchen) == [], point
            assert kitchen.read_latest() in (before, after), point
            state = kitchen.state()
            if state in finished:
                continue

            kitchen.finish()

            finished.add(state)
            assert kitchen.read_latest() == after
            assert verify_day(kitchen.store, SECOND) == [], point
            assert kitchen.differs(wanted) == set(), point
    names = Counter(point.call.name for point in points[part::2])
    print(sum(names.values()), "deaths,", len(finished), "states finished:", names)  # noqa: T201
    assert len(points) >= at_least
    assert seen == {before, after}


def _die(kitchen: Kitchen, points: list[Point], at: int) -> None:
    """Just before a point, in a run that starts with the steps done that were done by then."""
    begun = max((i for i in range(2, at + 1) if _is_done(points[i - 2])), default=0)
    if begun and not (kitchen.root / "kept" / str(begun)).exists():
        kitchen.restore("start")
        assert kitchen.dies(points[begun].fatal()) is not None
        kitchen.keep(str(begun))
    kitchen.restore(str(begun) if begun else "start")
    done = points[begun].after if begun else ""
    if kitchen.dies(points[at].fatal(done)) is None:  # not a call of the steps that are left
        kitchen.restore("start")
        assert kitchen.dies(points[at].fatal()) is not None, points[at]


def _is_done(point: Point) -> bool:
    """Whether a step is done two calls later: its receipt has its name, and the folder is synced."""
    return point.call.name == "rename" and point.call.path.endswith("/receipts.json")


def test_death_before_each_switch(root: Path) -> None:
    """Before the claim, each link and the index, each on what the death before it left."""
    kitchen = Kitchen(root, FIRST)
    wanted = kitchen.contents()
    _remove(kitchen.store.root)
    forget_receipt(root / "data/prepared/date=2025-01-01", "Snapshot")
    with polling(kitchen) as seen:
        for switch in (
            Call("renameat2", "snapshots/.revisions/2025-01-01.r1"),
            Call("rename", "snapshots/2025-01-01"),
            Call("rename", "snapshots/LATEST"),
            Call("rename", "snapshots/index.json"),
        ):
            calls = kitchen.dies(lambda _, call, switch=switch: call == switch)
            assert calls is not None, switch
            assert broken(kitchen) == [], switch

        kitchen.finish()

        seen.add(kitchen.read_latest())
    assert verify_day(kitchen.store, FIRST) == []
    assert kitchen.differs(wanted) == set()
    assert seen == {"2025-01-01.r1"}


def broken(kitchen: Kitchen) -> list[Finding]:
    """What is wrong with the day for good: not only a link or an index that the next run moves."""
    if not os.path.lexists(kitchen.store.date_link(kitchen.day)):
        return []
    hints = (str(kitchen.day), "LATEST", "LATEST_AVAILABLE", "index.json")
    return [f for f in verify(kitchen.store, kitchen.day) if f.file not in hints]


def _remove(folder: Path) -> None:
    for place, _, _ in os.walk(folder):
        os.chmod(place, 0o700)
    shutil.rmtree(folder)
