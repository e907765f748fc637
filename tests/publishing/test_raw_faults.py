"""Raw files that cannot be read, change or vanish under the real command.

Each fault strikes a day whose r1 is published. Whatever is said of the day then, what is published stays
whole and r1 keeps its bytes; once the file is mended, the day says what it said before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit import snapshots as kit
from kit.support import Run, luigi, write_config
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.verify import verify_day
from pipeline.reader import load
from pipeline.sample.generate import SampleRequest, write_sample

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

DAY = kit.DAY
STATES = ("available", "degraded")
KLINES = "binance/futures_um/BTCUSDT-1m-2025-01-02.zip"
BARS = "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"
HELD = (0, 20, 30)
"""Exit codes that a raw file may bring about: published without it, awaited, refused."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample day of klines and vendor bars, published once."""
    root = tmp_path_factory.mktemp("published")
    write_config(root)
    write_sample(SampleRequest(out=root / "data/raw", first=DAY, trades_per_day=2000))
    shutil.rmtree(root / "data/raw/atas/ticks")
    shutil.rmtree(root / "data/raw/atas/v6_3")
    assert luigi(root, "Snapshot", "--date", "2025-01-02").returncode == 0
    return root


@pytest.fixture
def root(published: Path, tmp_path: Path) -> Path:
    """A root of the test's own."""
    shutil.copytree(published, tmp_path / "root", symlinks=True)
    return tmp_path / "root"


def snapshot(root: Path, *before: str) -> Run:
    """The command, perhaps behind another program; it ends in words, and soon."""
    done = subprocess.run(
        [
            *before,
            *(sys.executable, "-m", "luigi", "--module", "pipeline", "Snapshot"),
            *("--date", "2025-01-02", "--local-scheduler"),
        ],
        env={**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def first_bytes(root: Path) -> dict[str, bytes]:
    """All that r1 consists of."""
    return kit.contents(FolderStore(root / "snapshots").revision(DAY, 1))


@contextmanager
def nothing_torn(root: Path) -> Iterator[None]:
    """During the block r1 keeps its bytes; after it, and after the fault is mended, all is whole."""
    before, store = first_bytes(root), FolderStore(root / "snapshots")
    hashes = content(root)
    raw = root / "data/raw"
    shutil.copytree(raw, root / "kept", symlinks=True)
    yield
    assert first_bytes(root) == before
    assert verify_day(store, DAY) == []
    load("bars_1m", DAY, DAY, root=store.root, allow=STATES)
    subprocess.run(["rm", "-rf", raw], check=True)
    (root / "kept").rename(raw)
    assert snapshot(root).returncode == 0
    assert content(root) == hashes
    assert verify_day(store, DAY) == []


def content(root: Path) -> list[list[object]]:
    """The rows that a reader gets."""
    table = load("bars_1m", DAY, DAY, root=root / "snapshots", allow=STATES)
    return [column.to_pylist() for column in table.columns]


def test_a_file_that_may_not_be_read(published: Path) -> None:
    """Mode 000, and a user who is not root: the file is named, and nothing is published."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    home = Path("/var/tmp") / f"kitchen-{os.getpid()}"  # noqa: S108 - pytest's own folders are closed to others
    shutil.copytree(published, home, symlinks=True)
    try:
        subprocess.run(["chown", "-hR", "65534:65534", home], check=True)
        (home / "data/raw" / KLINES).chmod(0)
        before = first_bytes(home)

        done = snapshot(home, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

        assert done.returncode in (20, 30), done.stderr
        assert "BTCUSDT-1m-2025-01-02.zip" in done.stdout + done.stderr
        assert first_bytes(home) == before
        assert len(list((home / "snapshots/.revisions").iterdir())) == 1
    finally:
        shutil.rmtree(home)


@pytest.mark.parametrize(("name", "code"), [(KLINES, 30), (BARS, 0)])
def test_a_file_cut_at_any_length(root: Path, name: str, code: int) -> None:
    """Ten lengths of each: klines that are not what their checksum says are refused, of the vendor's bars
    what is left is published.
    """
    path = root / "data/raw" / name
    whole = path.read_bytes()
    with nothing_torn(root):
        for part in range(10):
            path.write_bytes(whole[: len(whole) * part // 10])
            done = snapshot(root)
            assert done.returncode == code, done.stderr


@contextmanager
def at_work(action: Callable[[], None]) -> Iterator[None]:
    """Something happens to a file again and again meanwhile."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            action()
            time.sleep(0.005)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_file_that_grows_while_it_is_read(root: Path) -> None:
    """A line each 5 ms: not at rest, so awaited, or a whole prefix that the manifest names."""
    path = root / "data/raw" / BARS
    line = path.read_bytes().splitlines(keepends=True)[-1]

    def grow() -> None:
        with path.open("ab") as file:
            file.write(line)

    with nothing_torn(root), at_work(grow):
        done = snapshot(root)
    assert done.returncode in HELD, done.stderr


@pytest.mark.parametrize("truncated", [False, True])
def test_a_file_that_is_replaced_while_it_is_read(root: Path, truncated: bool) -> None:
    """By a rename, or cut and written anew, again and again."""
    path = root / "data/raw" / BARS
    lines = path.read_bytes().splitlines(keepends=True)
    versions = [b"".join(lines), b"".join(lines[:-100])]

    def replace() -> None:
        versions.reverse()
        target = path if truncated else path.with_name("other")
        target.write_bytes(versions[0])
        if not truncated:
            os.replace(target, path)

    with nothing_torn(root), at_work(replace):
        done = snapshot(root)
    assert done.returncode in HELD, done.stderr


@pytest.mark.parametrize(
    ("call", "error"),
    [("openat", "ENOENT"), ("openat", "EIO"), ("read,readv", "EIO"), ("read,readv", "ESTALE")],
)
@pytest.mark.parametrize("name", [KLINES, BARS])
def test_a_file_that_cannot_be_opened_or_read(root: Path, name: str, call: str, error: str) -> None:
    """The system says no for this one file: it is named and waited for, and the day stays as it is."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    path = root / "data/raw" / name
    words = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(path)]
    os.utime(path, (1, 1))  # so that it has to be read again
    with nothing_torn(root):
        done = snapshot(root, *words, f"-einject={call}:error={error}")
        assert done.returncode == 20, done.stderr
        assert f"is pending: {name}: cannot be read" in done.stderr


@pytest.mark.parametrize("kind", ["fifo", "folder", "device", "outside", "itself", "dangling"])
@pytest.mark.parametrize("name", [KLINES, BARS])
def test_what_is_no_file_is_not_waited_for(root: Path, name: str, kind: str) -> None:
    """A pipe, a folder, a device, a link to outside, to itself or to nothing: refused, and soon."""
    path = root / "data/raw" / name
    with nothing_torn(root):
        path.rename(root / "elsewhere")
        os.utime(root / "elsewhere", (1, 1))  # so that it has to be read again
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind == "device":
            path.symlink_to("/dev/zero")
        else:
            path.symlink_to({"outside": root / "elsewhere", "itself": path}.get(kind, "nothing"))

        done = snapshot(root)

        assert done.returncode in HELD, done.stderr
