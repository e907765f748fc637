"""Helpers are kept running, and nothing is left when they are stopped."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.support import kitchen_at, write_config
from pipeline.errors import LockedError
from pipeline.runs.state_folder import Places
from pipeline.settings.config import Kitchen
from pipeline.unattended import watch
from pipeline.unattended.watch import Watch, Work


class Ended:
    """A command that ends when it is told to."""

    def __init__(self) -> None:
        self.code: int | None = None

    def poll(self) -> int | None:
        """The exit code."""
        return self.code


class Starter:
    """Notes what is started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, Ended]] = []

    def __call__(self, work: Work) -> Ended:
        """Starts nothing."""
        self.started.append((work.name, Ended()))
        return self.started[-1][1]


def test_a_service_that_dies_is_started_again_after_growing_pauses() -> None:
    """1, 2, 4, 8 s and so on up to 5 min, while it dies at once."""
    starter = Starter()
    kept = Watch([Work(name="luigid", command=("x",))], starter)  # type: ignore[arg-type]
    starts: list[int] = []
    for second in range(1500):
        before = len(starter.started)
        kept.step(float(second))
        if len(starter.started) > before:
            starts.append(second)
            starter.started[-1][1].code = 1

    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert gaps[:6] == [2, 3, 5, 9, 17, 33]
    assert set(gaps[9:]) == {301}


def test_a_service_that_ran_well_is_started_again_at_once() -> None:
    """After an hour of work the first pause is the short one again."""
    starter = Starter()
    kept = Watch([Work(name="luigid", command=("x",))], starter)  # type: ignore[arg-type]
    for second in (0, 1, 3, 6):
        kept.step(second)
        starter.started[-1][1].code = 1
        kept.step(second + 0.1)
    kept.step(20)
    starter.started[-1][1].code = -9
    kept.step(3_600)
    count = len(starter.started)
    kept.step(3_601.1)

    assert len(starter.started) == count + 1


def test_a_round_starts_at_its_times_and_never_twice_at_once() -> None:
    """A round of 60 s that takes 150 s is started again when it has ended, not before."""
    starter = Starter()
    kept = Watch([Work(name="intraday", command=("x",), every=60)], starter)  # type: ignore[arg-type]
    starts = []
    for second in range(400):
        before = len(starter.started)
        kept.step(float(second))
        if len(starter.started) > before:
            starts.append(second)
        if second - starts[-1] == 150 or len(starts) > 2:
            starter.started[-1][1].code = 0

    assert starts == [0, 151, 302, 362]


def test_a_command_that_cannot_be_started_costs_the_others_nothing() -> None:
    """It is tried again; the others go on."""
    tried: list[str] = []

    def spawn(work: Work) -> Ended:
        tried.append(work.name)
        if work.name == "absent":
            raise FileNotFoundError(work.name)
        return Ended()

    works = [Work(name="absent", command=("x",)), Work(name="there", command=("x",))]
    kept = Watch(works, spawn)  # type: ignore[arg-type]
    for second in (0, 0.5, 1.5):
        kept.step(second)

    assert tried == ["absent", "there", "absent"]


STUBBORN = (
    "import signal, subprocess, sys, time;"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)']);"
    "open(sys.argv[1], 'w').write(str(child.pid)); time.sleep(300)"
)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_even_a_command_that_ignores_sigterm_is_gone_after_stop(tmp_path: Path) -> None:
    """And so is the child that it started."""
    note = tmp_path / "pid"
    work = Work(name="stubborn", command=(sys.executable, "-c", STUBBORN, str(note)))
    kept = Watch([work], watch.spawner(os.environ, {}))
    kept.step(0)
    deadline = time.monotonic() + 20
    while not (note.exists() and note.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    kept.stop(grace=0.3)

    # Killed it is; a busy machine takes its time to let it die.
    deadline = time.monotonic() + 10
    while is_alive(int(note.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_the_program_stops_its_children_however_it_ends(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """SIGTERM: cleanly, exit 0. SIGKILL: the kernel ends them. A new watch can start at once."""
    write_config(
        tmp_path, extra="watch: {heartbeat_seconds: 0, intraday_seconds: 0, cron_seconds: 0}\n"
    )
    script = (
        "import sys; from pipeline.settings.config import load_kitchen;"
        "from pipeline.unattended import watch;"
        "watch.run(load_kitchen(), [watch.Work(name='s', command=(sys.executable, '-c',"
        f" {STUBBORN!r}.replace('SIG_IGN', 'SIG_DFL'), {str(tmp_path / 'pid')!r}))])"
    )
    environ = {**os.environ, "KITCHEN_CONFIG": str(tmp_path / "configs/kitchen.yaml")}
    program = subprocess.Popen([sys.executable, "-c", script], env=environ)
    deadline = time.monotonic() + 30
    while not (tmp_path / "pid").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    service = _parent(int((tmp_path / "pid").read_text() or _wait_text(tmp_path / "pid")))

    program.send_signal(number)

    assert program.wait(30) == code
    deadline = time.monotonic() + 10
    while is_alive(service):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with Places.of(kitchen_at(tmp_path).prepared).locked("watch"):
        pass


def _wait_text(path: Path) -> str:
    while not (text := path.read_text()):
        time.sleep(0.02)
    return text


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().split()[3])


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    """A kitchen of its own."""
    return kitchen_at(tmp_path)


def test_one_watch_a_kitchen(kitchen: Kitchen) -> None:
    """The second says so and ends with 10."""
    with Places.of(kitchen.prepared).locked("watch"), pytest.raises(LockedError):
        watch.run(kitchen, [], stop_after=1)


def test_secrets_reach_the_rounds_that_send_alerts_and_not_luigid(tmp_path: Path) -> None:
    """The scheduler shows and needs none of them."""
    secrets = {"KITCHEN_ALERT_URLS": "json://canary"}
    spawn = watch.spawner({"PATH": os.environ["PATH"]}, secrets)
    for name, every, found in (("luigid", None, "0"), ("cron", 60.0, "1")):
        out = tmp_path / name
        command = ("/bin/sh", "-c", f'printf %s "${{KITCHEN_ALERT_URLS:+1}}" > {out}')
        spawn(Work(name=name, command=command, every=every)).wait(10)
        assert (out.read_text() or "0") == found


def test_luigid_is_bound_to_the_loopback_address(kitchen: Kitchen) -> None:
    """It asks for no password, so nobody else may reach it."""
    command = watch.works(kitchen.operations.watch)[0].command

    assert command[command.index("--address") + 1] == "127.0.0.1"
