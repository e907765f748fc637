"""`kitchen cron` as crontab starts it: a real program, an empty environment, any folder."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.cron_ground import DUE, cron, write_due
from kit.support import forget_receipt, write_config

KITCHEN = Path(sys.executable).with_name("kitchen")
NEVER = "KITCHEN_CANARY"


def today() -> dt.date:
    """The present UTC date."""
    return dt.datetime.now(dt.UTC).date()


@pytest.fixture
def due(tmp_path: Path) -> Path:
    """A kitchen with the exports of three days ago, long at rest, whose look-back is that day alone."""
    write_due(tmp_path, trades=1_000)
    return tmp_path


def test_a_day_is_published_from_an_empty_environment_whatever_the_zone(due: Path) -> None:
    """Then nothing is left to do; the second run says so, and touches no snapshot.

    When its manifest is lost and a rule that its steps went by cannot be read, Luigi cannot look at what is
    there: 35, with the place to mend.
    """
    day = DUE

    first = cron(due, "--json", TZ="Pacific/Kiritimati")
    link = os.readlink(due / "snapshots" / str(day))
    second = cron(due, "--json", TZ="right/nonsense", LC_ALL="C")

    forget_receipt(due / f"data/prepared/date={day}", "Manifest")
    (due / "governance/KNOWN_outages.yaml").write_text("- {\n")
    broken = cron(due, "--json")

    assert first.returncode == 0, first.stdout + first.stderr
    assert json.loads(first.stdout)["days"][str(day)]["state"] == "published"
    assert second.returncode == 0, second.stdout + second.stderr
    assert os.readlink(due / "snapshots" / str(day)) == link
    log = (due / "data/prepared/.ops/cron.log").read_text()
    assert log.count("Snapshot --date") == 0
    assert log.count(": r1,") == 1
    assert (due / "data/prepared/.ops/last_success").is_file()
    assert broken.returncode == 35, broken.stdout
    (problem,) = json.loads(broken.stdout)["problems"]
    assert "exit 35" in problem["what"]
    assert "KNOWN_outages.yaml, line 2, column 1" in problem["what"]


def test_a_run_that_is_killed_leaves_nothing_behind_and_the_next_one_ends_the_work(
    due: Path,
) -> None:
    """SIGKILL for the first, SIGTERM for the second (exit 130): no child lives on; the third publishes."""
    for number, wanted in ((signal.SIGKILL, -9), (signal.SIGTERM, 130)):
        started = subprocess.Popen(
            [KITCHEN, "cron"],
            cwd="/",
            env={"KITCHEN_CONFIG": str(due / "configs/kitchen.yaml"), NEVER: due.name},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: len(processes(due.name)) >= 2)
        time.sleep(0.5)
        started.send_signal(number)
        assert started.wait(30) == wanted
        wait_for(lambda: not processes(due.name))

    done = cron(due)

    assert done.returncode == 0, done.stdout + done.stderr


def wait_for(holds: object, seconds: float = 30) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def processes(canary: str) -> list[int]:
    """Every process that has the canary in its environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"{NEVER}={canary}".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_the_second_of_two_runs_ends_with_ten(tmp_path: Path) -> None:
    """The lock is the kernel's, so a file that a dead run left behind holds nobody up."""
    write_config(tmp_path)
    folder = tmp_path / "data/prepared/.ops"
    folder.mkdir(parents=True)
    with open(folder / "cron.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        busy = cron(tmp_path)
    free = cron(tmp_path)

    assert busy.returncode == 10
    assert "another run is at it" in busy.stdout
    assert free.returncode == 0


@pytest.mark.parametrize(
    ("since", "raw", "code"),
    [(10, None, 20), (1, None, 20)],
    ids=["missing", "pending"],
)
def test_awaited_and_missing_days_end_with_twenty(
    tmp_path: Path, since: int, raw: None, code: int
) -> None:
    """Within the deadline nobody is alarmed; beyond it the day is named as a problem."""
    first = today() - dt.timedelta(days=since)
    write_config(tmp_path, f"{{market: futures_um, since: {first}, until: {first}}}")

    run = cron(tmp_path, "--json", "--look-back", "20")

    assert run.returncode == code
    assert bool(json.loads(run.stdout)["problems"]) == (since == 10)


def test_wrong_settings_end_with_forty_and_one_sentence(tmp_path: Path) -> None:
    """No configuration, one that anybody may change, Luigi settings that are not there, an old clock."""
    absent = cron(tmp_path)
    config = write_config(tmp_path, "{market: futures_um}")
    (tmp_path / "snapshots/.revisions/2099-01-01.r1").mkdir(parents=True)
    (tmp_path / "snapshots/2099-01-01").symlink_to(".revisions/2099-01-01.r1")
    clock = cron(tmp_path)

    shutil.rmtree(tmp_path / "snapshots")
    unnamed = cron(tmp_path, LUIGI_CONFIG_PATH=str(tmp_path / "luigi.cfg"))
    config.chmod(0o666)
    opened = cron(tmp_path)

    assert unnamed.returncode == 40, unnamed.stdout
    assert "luigi.cfg is no file" in unnamed.stdout
    assert opened.returncode == 40, opened.stdout
    assert f"chmod o-w {config}" in opened.stdout
    assert absent.returncode == 40
    assert "no such file" in absent.stderr
    assert clock.returncode == 40, clock.stdout
    assert "set the clock" in clock.stdout
    assert "Traceback" not in absent.stderr + clock.stderr
    assert config.is_file()


def test_a_day_that_cannot_be_built_ends_with_its_code_and_is_named(due: Path) -> None:
    """Klines that are no klines: 30, and the problem has the sentence."""
    (archive,) = (due / "data/raw/binance/futures_um").glob("*-1m-*.zip")
    archive.write_bytes(b"not a zip")
    os.utime(archive, (1, 1))

    run = cron(due, "--json")

    assert run.returncode == 30, run.stdout + run.stderr
    (problem,) = json.loads(run.stdout)["problems"]
    assert "could not be built, exit 30" in problem["what"]


@pytest.mark.skipif(not shutil.which("faketime"), reason="faketime is not installed")
@pytest.mark.parametrize(
    ("clock", "zone", "code", "days"),
    [
        ("2001-01-01 00:00:00", "UTC", 0, 0),  # before any symbol was expected
        (
            "2031-06-01 00:00:00",
            "Pacific/Kiritimati",
            20,
            7,
        ),  # every day is missing, none is made up
        ("2025-03-09 06:30:00", "America/New_York", 20, 7),  # the night without a second hour
    ],
)
def test_an_odd_clock_makes_up_nothing(
    tmp_path: Path, clock: str, zone: str, code: int, days: int
) -> None:
    """A machine that woke in another time or zone: UTC days are looked at, nothing is published."""
    write_config(tmp_path, "{market: futures_um, since: 2025-01-01}")
    config = str(tmp_path / "configs/kitchen.yaml")

    run = subprocess.run(
        ["faketime", clock, KITCHEN, "cron", "--json"],
        cwd="/",
        env={"KITCHEN_CONFIG": config, "PATH": os.environ["PATH"], "TZ": zone},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == code, run.stdout + run.stderr
    assert len(json.loads(run.stdout)["days"]) == days
    assert not (tmp_path / "snapshots").exists()
