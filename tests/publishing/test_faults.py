"""Faults of the machine around the real command: signals, limits, disks that fail, clocks that lie.

Each strikes `Snapshot` of a day whose r1 is published and whose corrected raw file makes an r2. Readers see
r1 or r2 whole, the command says one sentence, and the next run ends as if nothing had happened.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit import snapshots as kit
from kit.support import luigi, task_id, write_config
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.verify import verify_day
from pipeline.reader import load
from pipeline.sample.generate import SampleRequest, write_sample

DAY = kit.DAY
HINTS = ("2025-01-02", "LATEST", "LATEST_AVAILABLE", "index.json")
COMMAND = [
    *(sys.executable, "-m", "luigi", "--module", "pipeline", "Snapshot", "--date", "2025-01-02"),
    "--local-scheduler",
]
Done = subprocess.CompletedProcess[str]


class Kitchen:
    """A root of its own in which r2 waits to be published over r1."""

    def __init__(self, root: Path) -> None:
        self.root, self.store = root, FolderStore(root / "snapshots")
        self.environment = {**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")}

    def run(self, *before: str, command: list[str] = COMMAND, **environment: str) -> Done:
        """The command, behind another program that brings the fault."""
        return subprocess.run(
            [*before, *command],
            env=self.environment | environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def seen(self) -> int:
        """The revision that a reader gets whole; every other byte of the store is checked too."""
        rows = load("bars_1m", DAY, DAY, root=self.store.root, allow=("available", "degraded"))
        assert rows.num_rows == 1440
        assert [f for f in verify_day(self.store, DAY) if f.file not in HINTS] == []
        return int(os.readlink(self.store.date_link(DAY)).rpartition(".r")[2])

    def litter(self) -> list[str]:
        """What a run began and left."""
        return [path.name for path in self.store.root.glob(".staging-*")]

    def contents(self) -> dict[str, bytes]:
        """All published bytes but the publications, and where the links lead."""
        found = kit.contents(self.store.root)
        links = {
            p.name: os.readlink(p).encode() for p in self.store.root.iterdir() if p.is_symlink()
        }
        return links | {
            name: data
            for name, data in found.items()
            if not name.endswith("publication.json") and not name.startswith(".locks/")
        }


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root that every test starts from a copy of."""
    root = tmp_path_factory.mktemp("waiting")
    write_config(root)
    write_sample(SampleRequest(out=root / "data/raw", first=DAY, trades_per_day=2000))
    assert luigi(root, "Snapshot", "--date", "2025-01-02").returncode == 0
    path = next((root / "data/raw/atas").rglob("bars_1m.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:600] + lines[601:]))
    assert luigi(root, "Manifest", "--date", "2025-01-02").returncode == 0
    return root


@pytest.fixture(scope="module")
def reference(waiting: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed run publishes."""
    kitchen = copied(waiting, tmp_path_factory.mktemp("reference"))
    assert kitchen.run().returncode == 0
    assert kitchen.seen() == 2
    return kitchen.contents()


def copied(waiting: Path, folder: Path) -> Kitchen:
    """A copy of the waiting root."""
    shutil.copytree(waiting, folder / "kitchen", symlinks=True)
    return Kitchen(folder / "kitchen")


@pytest.fixture
def kitchen(waiting: Path, tmp_path: Path) -> Kitchen:
    """A root of the test's own."""
    return copied(waiting, tmp_path)


@pytest.fixture
def mended(kitchen: Kitchen, reference: dict[str, bytes]) -> Callable[[], None]:
    """Afterwards: a run without the fault ends as if nothing had happened."""

    def check() -> None:
        done = kitchen.run()
        assert done.returncode == 0, done.stderr
        assert kitchen.contents() == reference
        assert verify_day(kitchen.store, DAY) == []

    return check


def said(done: Done) -> str:
    """The last line that a run said; never a traceback."""
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return [line for line in done.stderr.splitlines() if line.strip()][-1]


def children(pid: int) -> list[int]:
    """Processes that a process has started and that still are."""
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def started(kitchen: Kitchen, *more: str) -> subprocess.Popen[str]:
    """The command, given back as soon as its staging is there."""
    run = subprocess.Popen(
        [*COMMAND[:-1], *more],
        env=kitchen.environment,
        cwd=kitchen.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while run.poll() is None and not kitchen.litter():
        time.sleep(0.001)
    return run


def slow(*values: object) -> object:
    """A case of the long form."""
    return pytest.param(*values, marks=pytest.mark.slow)


def strace(*arguments: str) -> list[str]:
    """The words that put a command under strace with a fault; skipped where it cannot trace."""
    words = ["strace", "-f", "-qq", "-o", "/dev/null", *(f"-e{a}" for a in arguments)]
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("strace may not trace here")
    return words


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, slow(signal.SIGINT), slow(signal.SIGHUP), slow(signal.SIGQUIT)]
)
def test_a_signal_in_the_middle_of_publishing(
    kitchen: Kitchen, mended: Callable[[], None], number: signal.Signals
) -> None:
    """As soon as staging is there: exit 128 and the number, one sentence, staging gone. SIGQUIT is the one
    that asks for no clearing away; the next run does it.
    """
    run = started(kitchen, "--local-scheduler")
    run.send_signal(number)
    told = run.communicate(timeout=60)[1]

    assert kitchen.seen() in (1, 2)
    if number is signal.SIGQUIT:
        assert run.returncode == -number
    else:
        assert run.returncode == 128 + number
        assert told.splitlines()[-1].startswith(f"stopped by {number.name}: nothing half-made")
        assert "Traceback" not in told
        assert kitchen.litter() == []
    mended()


@pytest.mark.slow
def test_an_ignored_signal_stays_ignored(kitchen: Kitchen) -> None:
    """A run under nohup goes on when its terminal is closed."""
    run = subprocess.Popen(
        ["nohup", *COMMAND],
        env=kitchen.environment,
        cwd=kitchen.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while run.poll() is None and not kitchen.litter():
        time.sleep(0.001)
    run.send_signal(signal.SIGHUP)

    assert run.wait(timeout=60) == 0
    assert kitchen.seen() == 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        slow("EIO", "Input/output error .* look at the disk and ask again"),
        slow("EXDEV", "Invalid cross-device link"),
        slow("EPERM", "Operation not permitted .* fix its permissions"),
        slow("ENOSPC", r"No space left .* needs \d+ bytes and \d+ inodes, \d+ bytes"),
    ],
)
def test_a_claim_that_fails(
    kitchen: Kitchen, mended: Callable[[], None], fault: str, words: str
) -> None:
    """`renameat2` gives an error: r1 stays, exit 30, one sentence, nothing left."""
    done = kitchen.run(*strace(f"inject=renameat2:error={fault}"))

    assert done.returncode == 30
    assert re.search(f"2025-01-02 not published: {words}", said(done)), said(done)
    assert (kitchen.seen(), kitchen.litter()) == (1, [])
    mended()


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["EINVAL", "ENOSYS"])
def test_a_kernel_without_noreplace(
    kitchen: Kitchen, reference: dict[str, bytes], fault: str
) -> None:
    """The marker is the claim then, and the same is published."""
    done = kitchen.run(*strace(f"inject=renameat2:error={fault}"))

    assert done.returncode == 0, done.stderr
    assert kitchen.seen() == 2
    assert kitchen.contents() == reference
    assert list((kitchen.root / "snapshots/.locks").glob("*.r2"))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("fault", ["EIO", "ENOSPC"])
def test_every_fsync_of_publishing_that_fails(
    kitchen: Kitchen, waiting: Path, tmp_path: Path, reference: dict[str, bytes], fault: str
) -> None:
    """One after another: r1 or r2, never half, no file synced a second time, and the next run mends."""
    log = tmp_path / "log"
    traced = ["strace", "-f", "-y", "-qq", "-o", str(log), "-etrace=fsync"]
    strace()
    assert kitchen.run(*traced).returncode == 0
    calls = [line for line in log.read_text().splitlines() if "fsync(" in line]
    first = next(i for i, line in enumerate(calls) if ".staging-" in line)
    revisions = set()
    for at in range(first + 1, len(calls) + 1, 3):
        other = copied(waiting, tmp_path / str(at))
        done = other.run(*traced, f"-einject=fsync:error={fault}:when={at}")
        seen = other.seen()
        revisions.add(seen)
        synced = [re.findall("<(.*)>", line)[0] for line in log.read_text().splitlines()]
        failed = [line for line in log.read_text().splitlines() if "INJECTED" in line]
        assert len(failed) == 1
        path = re.findall("<(.*)>", failed[0])[0]
        if Path(path).name != "index.json" and ".staging-" in path:
            assert synced.count(path) == 1, path
        if done.returncode:
            assert done.returncode == 30
            assert "2025-01-02" in said(done)
        assert other.litter() == []
        assert other.run().returncode == 0
        assert other.contents() == reference
    assert revisions == {1, 2}


@pytest.mark.slow
def test_a_slow_claim_with_a_reader_at_work(kitchen: Kitchen, reference: dict[str, bytes]) -> None:
    """While the rename takes 1.5 s every read is whole."""
    done, seen = threading.Event(), set[int]()

    def poll() -> None:
        while not done.is_set():
            seen.add(kitchen.seen())

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        run = kitchen.run(*strace("inject=renameat2:delay_enter=1500000"))
        time.sleep(0.5)
    finally:
        done.set()
        reader.join()

    assert run.returncode == 0, run.stderr
    assert seen == {1, 2}
    assert kitchen.contents() == reference


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [8, 64, 256])
def test_a_limit_on_the_size_of_files(
    kitchen: Kitchen, mended: Callable[[], None], blocks: int
) -> None:
    """`ulimit -f`: r1 stays, exit 30, one sentence."""
    done = kitchen.run("bash", "-c", f'ulimit -f {blocks}; exec "$@"', "limited")

    assert done.returncode == 30
    assert re.search("2025-01-02 not published: File too large.*needs", said(done)), said(done)
    assert (kitchen.seen(), kitchen.litter()) == (1, [])
    mended()


@pytest.mark.slow
@pytest.mark.parametrize("files", [8, 40])
def test_a_limit_on_open_files(kitchen: Kitchen, mended: Callable[[], None], files: int) -> None:
    """`ulimit -n`: 40 are enough for a day; with fewer than a process needs to begin, nothing happens."""
    done = kitchen.run("bash", "-c", f'ulimit -n {files}; exec "$@"', "limited")

    assert (done.returncode == 0) == (files == 40)
    assert kitchen.seen() == (2 if files == 40 else 1)
    mended()


@pytest.mark.slow
@pytest.mark.parametrize("kibibytes", [300_000, 450_000, 500_000, 600_000])
def test_a_limit_on_memory(kitchen: Kitchen, mended: Callable[[], None], kibibytes: int) -> None:
    """`ulimit -v`, wherever it strikes: r1 or r2, and no exit 0 without r2."""
    done = kitchen.run("bash", "-c", f'ulimit -v {kibibytes}; exec "$@"', "limited")

    # What lacks memory after r2 is sealed may end the run, and says so; the next finds nothing to do.
    assert done.returncode != 0 or kitchen.seen() == 2
    mended()


@pytest.mark.slow
@pytest.mark.parametrize(
    "before",
    [
        ["env", "TZ=Pacific/Kiritimati"],
        ["env", "TZ=Etc/GMT+12"],
        ["env", "TZ=America/New_York"],
        ["faketime", "2031-05-05 03:04:05"],
        ["faketime", "-f", "-2d"],
        ["faketime", "2025-03-09 02:30:00"],
        ["bash", "-c", 'umask 000; exec "$@"', "masked"],
        ["bash", "-c", 'umask 077; LC_ALL=C exec "$@"', "masked"],
        ["env", "-u", "HOME", "LC_ALL=C"],
        ["bash", "-c", 'cd /; exec env -i KITCHEN_CONFIG="$KITCHEN_CONFIG" "$@"', "empty"],
    ],
)
def test_another_clock_zone_or_environment(
    kitchen: Kitchen, reference: dict[str, bytes], before: list[str]
) -> None:
    """The same bytes for the same date, with the modes that are documented."""
    if shutil.which(before[0]) is None:
        pytest.skip(f"{before[0]} is not installed")

    done = kitchen.run(*before)

    assert done.returncode == 0, done.stderr
    assert kitchen.contents() == reference
    folder = kitchen.store.revision(DAY, 2)
    assert {p.stat().st_mode & 0o777 for p in folder.rglob("*") if p.is_file()} == {0o444}
    assert {p.stat().st_mode & 0o777 for p in [folder, folder / "qc"]} == {0o555}


@pytest.mark.slow
@pytest.mark.parametrize("date", ["2025-01-02 23:30:00", "2025-01-01 12:00:00"])
def test_a_clock_before_the_end_of_the_day(tmp_path: Path, date: str) -> None:
    """A day that has not ended by the clock is pending, whatever lies there."""
    if shutil.which("faketime") is None:
        pytest.skip("faketime is not installed")
    write_config(tmp_path)
    write_sample(SampleRequest(out=tmp_path / "data/raw", first=DAY, trades_per_day=2000))

    done = Kitchen(tmp_path).run("faketime", date)

    assert done.returncode == 20, done.stderr
    assert not (tmp_path / "snapshots/2025-01-02").exists()


@pytest.mark.slow
def test_a_store_on_two_file_systems(kitchen: Kitchen, mended: Callable[[], None]) -> None:
    """Something is mounted on the folder of the revisions: refused at the door."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    script = 'mount -t tmpfs tmpfs snapshots/.revisions || exit 99; exec "$@"'
    done = kitchen.run("unshare", "-m", "bash", "-c", script, "mounted")
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip("nothing can be mounted here")

    assert done.returncode == 30
    assert "file system" in said(done)
    assert (kitchen.seen(), kitchen.litter()) == (1, [])
    mended()


@pytest.mark.slow
def test_one_of_several_workers_is_killed(kitchen: Kitchen, mended: Callable[[], None]) -> None:
    """Kill -9 of the process that publishes, as the kernel does when memory runs out: exit 30 unless r2 is
    there, and the main process says so.
    """
    run = started(kitchen, "--local-scheduler", "--workers", "4")
    for child in children(run.pid):
        os.kill(child, signal.SIGKILL)
    told = run.communicate(timeout=120)[1]

    assert (run.returncode == 0) == (kitchen.seen() == 2)
    assert run.returncode in (0, 30), told
    mended()


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [60, 90, 120, 150, 180])
def test_killed_for_memory(kitchen: Kitchen, mended: Callable[[], None], megabytes: int) -> None:
    """A memory cgroup: killed by the kernel at some moment, or through; never exit 0 without r2."""
    group = Path(f"/sys/fs/cgroup/memory/kitchen-{os.getpid()}")
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(megabytes << 20))
    except OSError:
        pytest.skip("no memory cgroup can be made here")
    try:
        script = f'echo $$ > {group}/cgroup.procs; exec "$@"'
        done = kitchen.run("bash", "-c", script, "grouped")
    finally:
        group.rmdir()

    assert (done.returncode == 0) == (kitchen.seen() == 2)
    mended()


@contextmanager
def luigid(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A scheduler of this test's own, and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = "from luigi.cmdline import luigid; luigid()"
    server = subprocess.Popen(
        [
            *(sys.executable, "-c", command, "--address", "127.0.0.1", "--port", str(port)),
            *("--state-path", str(folder / "state")),
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield server, port
    finally:
        server.kill()
        server.wait()


@pytest.mark.slow
def test_luigid_dies_in_the_middle(
    kitchen: Kitchen, mended: Callable[[], None], tmp_path: Path
) -> None:
    """The snapshot is the old or the new one; the exit code is no 0 unless it is the new one."""
    with luigid(tmp_path) as (server, port):
        run = started(kitchen, "--scheduler-port", str(port))
        server.kill()
        told = run.communicate(timeout=240)[1]

    assert run.returncode != 0 or kitchen.seen() == 2, told
    assert kitchen.seen() in (1, 2)
    mended()


@pytest.mark.slow
def test_luigid_says_that_somebody_else_is_at_it(
    kitchen: Kitchen, mended: Callable[[], None], tmp_path: Path
) -> None:
    """A worker that nobody knows is said to run the task: nothing is published, and that is no success."""
    name = task_id(kitchen.root, "Snapshot", DAY)
    ghost = {"task_id": name, "worker": "ghost", "status": "RUNNING", "family": "Snapshot"}
    with luigid(tmp_path) as (_, port):
        address = f"http://127.0.0.1:{port}/api/add_task"
        data = urllib.parse.urlencode({"data": json.dumps(ghost)}).encode()
        with urllib.request.urlopen(address, data) as answer:
            assert answer.status == 200
        done = kitchen.run(command=[*COMMAND[:-1], "--scheduler-port", str(port)])

    assert done.returncode in (10, 25), done.stderr
    assert kitchen.seen() == 1
    mended()


@pytest.mark.slow
@pytest.mark.parametrize("junk", [b"", b"garbage", bytes(range(256))])
def test_a_state_of_luigid_that_is_damaged(
    kitchen: Kitchen, reference: dict[str, bytes], tmp_path: Path, junk: bytes
) -> None:
    """It starts with nothing, and the day is published all the same."""
    (tmp_path / "state").write_bytes(junk)
    with luigid(tmp_path) as (_, port):
        done = kitchen.run(command=[*COMMAND[:-1], "--scheduler-port", str(port)])

    assert done.returncode == 0, done.stderr
    assert kitchen.contents() == reference
