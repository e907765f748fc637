"""The user's own fetch program: trusted to run, not to be right."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.fetch_ground import DAY, visible
from kit.support import write_config
from pipeline.fetch.plan import Request
from pipeline.fetch.run import fetch
from pipeline.settings import config

SCRIPT = """
import pathlib, sys, time
symbol, date, out, mode = sys.argv[1:]
path = pathlib.Path(out) / f"{symbol}_{date}.csv"
header = "open_time_ms,open,high,low,close,volume"
start = 1735689600000 if mode == "other day" else 1735776000000
rows = [f"{start + 60000 * n},{90000 + n},{90001 + n},{90000 + n},{90000 + n},1.5" for n in range(1440)]
if mode == "fail":
    print("no licence"); sys.exit(3)
if mode == "slow":
    import subprocess
    subprocess.Popen([sys.executable, "-c", f"import time; time.sleep(3); open({out!r} + '/late', 'w')"])
    time.sleep(30)
if mode == "alone":
    busy = pathlib.Path(out).parent / ".busy"
    busy.mkdir(); time.sleep(0.2); busy.rmdir()
    start = int(__import__("datetime").datetime.fromisoformat(date + "T00:00Z").timestamp() * 1000)
    rows = [f"{start + 60000 * n},{90000 + n},{90001 + n},{90000 + n},{90000 + n},1.5" for n in range(1440)]
if mode == "wrong name":
    path = path.with_name("klines.csv")
if mode == "two files":
    (path.parent / "more.csv").write_text("x")
if mode == "link":
    path.symlink_to("/etc/passwd"); sys.exit(0)
if mode == "html":
    path.write_text("<html>log in</html>"); sys.exit(0)
if mode == "torn":
    rows[700] = "1735818000000,9000"
if mode != "nothing":
    path.write_text("\\n".join([header, *rows, ""]))
"""


def with_script(root: Path, mode: str, seconds: float = 20) -> config.Kitchen:
    """A configuration whose fetch command is SCRIPT."""
    (root / "own fetch.py").write_text(SCRIPT)
    words = [sys.executable, str(root / "own fetch.py"), "{symbol}", "{date}", "{out}", mode]
    section = (
        f"fetch: {{use: [command], command: {json.dumps(words)}, command_seconds: {seconds}}}\n"
    )
    config._load.cache_clear()
    return config._load(write_config(root, "{market: spot}", section))


def test_the_file_of_the_users_program_becomes_a_raw_file(tmp_path: Path) -> None:
    """Under the layout's name for it, once it reads as klines of the day."""
    kitchen = with_script(tmp_path, "right")

    first = fetch(kitchen, Request(first=DAY, last=DAY))
    again = fetch(kitchen, Request(first=DAY, last=DAY))

    assert [(o.status, o.file) for o in first] == [
        ("fetched", "binance/fetcher/BTCUSDT_2025-01-02.csv")
    ]
    assert [o.status for o in again] == ["unchanged"]
    assert visible(kitchen.raw) == ["binance/fetcher/BTCUSDT_2025-01-02.csv"]
    assert not list(kitchen.raw.glob(".fetch-*/"))


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("fail", "exit 3: 'no licence'"),
        ("slow", "not done after 1 s"),
        ("wrong name", "wanted one of"),
        ("two files", "wanted exactly one file"),
        ("nothing", "wanted exactly one file"),
        ("link", "wanted exactly one file"),
        ("html", "has no klines of 2025-01-02"),
        ("other day", "has no klines of 2025-01-02"),
    ],
)
def test_a_program_that_does_wrong_leaves_nothing(tmp_path: Path, mode: str, says: str) -> None:
    """Reported in one sentence; its folder and its children are gone."""
    kitchen = with_script(tmp_path, mode, seconds=1 if mode == "slow" else 20)

    (outcome,) = fetch(kitchen, Request(first=DAY, last=DAY))

    assert outcome.status == "failed"
    assert says in outcome.notes[0]
    assert visible(kitchen.raw) == []
    assert not list(kitchen.raw.glob(".fetch-*/"))


def test_the_program_runs_once_at_a_time(tmp_path: Path) -> None:
    """Whatever else comes side by side: how much its own server bears is not known here."""
    kitchen = with_script(tmp_path, "alone")

    outcomes = fetch(kitchen, Request(first=DAY - dt.timedelta(days=3), last=DAY))

    assert [(o.status, o.notes) for o in outcomes] == [("fetched", ())] * 4


def test_an_interrupted_run_ends_the_program(tmp_path: Path) -> None:
    """Ctrl-C does not wait for what may take ten minutes."""
    kitchen = with_script(tmp_path, "slow")
    program = subprocess.Popen(
        [Path(sys.executable).with_name("kitchen"), "fetch", "--date", str(DAY)],
        env={"KITCHEN_CONFIG": str(kitchen.file)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 30
    while not list(kitchen.raw.glob(".fetch-*/")) and time.monotonic() < until:
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)

    assert program.wait(15) != 0
    assert not list(kitchen.raw.glob(".fetch-*/"))


def test_lines_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    """As with any raw file they cost no other line."""
    kitchen = with_script(tmp_path, "torn")

    (outcome,) = fetch(kitchen, Request(first=DAY, last=DAY))

    assert outcome.status == "fetched"
    assert "1439 minutes, 1 line set aside" in outcome.notes[0]


def test_no_word_of_the_command_reaches_a_shell(tmp_path: Path) -> None:
    """It is an argument to the letter."""
    never = tmp_path / "never"
    kitchen = with_script(tmp_path, f"; touch {never}; $(touch {never}) {{symbol.__class__}}")

    (outcome,) = fetch(kitchen, Request(first=DAY, last=DAY))

    assert outcome.status == "fetched"
    assert not never.exists()


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The word that could not be run."""
    config._load.cache_clear()
    kitchen = config._load(
        write_config(tmp_path, extra="fetch: {use: [command], command: [/no/such/program]}\n")
    )

    (outcome,) = fetch(kitchen, Request(first=DAY, last=DAY))

    assert "'/no/such/program' cannot be run" in outcome.notes[0]
