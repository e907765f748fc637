"""What runs where the modules, calls and flags of Unix are not there, and what says that it does not.

No Windows was at hand: a process that lacks what Windows lacks (`kit/without_unix.py`) stands for it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest
from click.testing import CliRunner

from kit import without_unix
from kit.doc_pages import page
from kit.support import luigi, write_config
from pipeline import windows
from pipeline.cli import init
from pipeline.cli.main import COMMANDS, ON_UNIX
from pipeline.errors import ConfigError, ParameterError
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import read_kitchen

DAY = "2025-01-02"
BARS = f"data/raw/atas/bars_1m/BTCUSDT/date={DAY}/bars_1m.jsonl"
KLINES = f"data/raw/binance/futures_um/BTCUSDT-1m-{DAY}.zip"
RUNS = {
    "align": f"--atas {BARS} --binance {KLINES} --out aligned",
    "completion": "bash",
    "config": "check",
    "diff": f"{DAY}.r1 {DAY}.r1",
    "doctor": "",
    "explain": f"{DAY} BTCUSDT --minute 12:00",
    "export": f"parquet --start {DAY} --stop {DAY} --out bars",
    "features": "list",
    "import": "more",
    "plan": f"--start {DAY} --stop {DAY}",
    "sample": f"--date {DAY} --trades 300 --out sample",
    "show": f"{DAY} BTCUSDT",
    "site": "site",
    "status": f"--start {DAY} --stop {DAY}",
    "verify": "--all",
    "why": DAY,
}
"""Command -> arguments with which it ends well."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kitchen with a published day, and a folder of exports beside it."""
    root = tmp_path_factory.mktemp("windows")
    write_config(root, extra="simulated: true\n")
    for folder in (root / "data/raw", root / "more"):
        write_sample(SampleRequest(out=folder, first=dt.date(2025, 1, 2), trades_per_day=1000))
    built = luigi(root, "Snapshot", "--date", DAY)
    assert built.returncode == 0, built.stderr
    return root


def lacking(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run without what Windows lacks."""
    return subprocess.run(
        [sys.executable, without_unix.__file__, *arguments],
        cwd=root,
        env={**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", RUNS)
def test_what_reads_runs(root: Path, command: str) -> None:
    """To its end, without a word of trouble."""
    ended = lacking(root, command, *RUNS[command].split())

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_chart_can_be_watched_where_it_runs(root: Path) -> None:
    """Its bars are a sample of long ago, so the exporter is stale, and that is said and remembered once."""
    ended = lacking(root, "heartbeat", "--json")

    assert ended.returncode == 30, ended.stderr
    assert [sign["stale"] for sign in json.loads(ended.stdout)["signs"]] == [True]
    assert "cannot be remembered" not in ended.stderr


def test_exports_become_a_kitchen_that_says_where_it_is_built(root: Path) -> None:
    """The files lie where they do on Linux, byte for byte."""
    ended = lacking(root, "init", "new", "--from", "more")

    assert ended.returncode == 0, ended.stderr
    assert "build in WSL2" in ended.stdout
    for file in (BARS, KLINES):
        assert (root / "new" / file).read_bytes() == (root / file).read_bytes()


def test_the_two_files_give_what_they_give_on_linux(root: Path) -> None:
    """Every byte that `kitchen align` writes."""
    words = RUNS["align"].replace("--out aligned", "--out").split()
    there = [Path(sys.executable).with_name("kitchen"), "align", *words, "here"]
    environ = {**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")}
    subprocess.run(there, cwd=root, env=environ, check=True, capture_output=True)

    lacking(root, "align", *words, "lacking")

    names = sorted(file.name for file in (root / "here").iterdir())
    assert len(names) >= 4
    for name in names:
        assert (root / "lacking" / name).read_bytes() == (root / "here" / name).read_bytes(), name


def test_a_store_is_read(root: Path) -> None:
    """Verified, by both doors of the reader."""
    code = (
        "from pipeline.reader import load, open_snapshots\n"
        f"print(load('bars_1m', '{DAY}', '{DAY}').num_rows)\n"
        f"print(open_snapshots('snapshots').panel('cvd', '{DAY}', '{DAY}', every='5m').shape)"
    )

    ended = lacking(root, "-c", code)

    assert ended.stdout.splitlines() == ["1440", "(288, 1)"], ended.stderr


@pytest.mark.parametrize("command", [*sorted(ON_UNIX), "verify --all --rebuild"])
def test_what_builds_or_publishes_says_where_it_runs(root: Path, command: str) -> None:
    """In one sentence, with 40."""
    ended = lacking(root, *command.split())

    assert ended.returncode == 40
    assert ended.stderr.count("\n") == 1
    assert "does not run on Windows" in ended.stderr


def test_luigi_itself_says_so_too(root: Path) -> None:
    """Where it finds the tasks."""
    code = "import sys, luigi.cmdline; luigi.cmdline.luigi_run(sys.argv[1:])"

    ended = lacking(root, "-c", code, "--module", "pipeline", "Snapshot", "--date", DAY)

    assert ended.returncode == 40, ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("a build does not run on Windows")


def test_every_command_is_in_one_of_the_two_lists_of_the_page() -> None:
    """And in the one that the program goes by."""
    there, elsewhere = re.findall(r"^\| `kitchen` (.+?) \|", page("docs/windows.md"), re.M)

    assert set(re.findall(r"`(\w+)", elsewhere)) == ON_UNIX
    assert set(re.findall(r"`(\w+)", there)) == COMMANDS.keys() - ON_UNIX
    assert RUNS.keys() | {"heartbeat", "init", "calibration"} >= COMMANDS.keys() - ON_UNIX


def test_no_file_of_a_kitchen_has_a_name_that_windows_refuses(root: Path) -> None:
    """Neither a character nor a device, nor two that differ in case alone."""
    names = [path.relative_to(root) for path in root.rglob("*")]

    assert [p for p in names if re.search(r'[<>:"|?*\\]|[ .]$', p.name)] == []
    assert [p for p in names if PureWindowsPath(p.name).is_reserved()] == []
    assert len({str(p).casefold() for p in names}) == len(names)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"C:\Users\me\raw", "in WSL2 it is /mnt/c/Users/me/raw"),
        (r"data\raw", "in WSL2 it is data/raw"),
        (r"\\nas\charts\raw", r"mount \\nas\charts"),
    ],
)
def test_a_path_of_windows_is_told_its_name_here(tmp_path: Path, text: str, wanted: str) -> None:
    """In a configuration and on the command line; nothing is made under its name."""
    config = write_config(tmp_path)
    config.write_text(config.read_text().replace("raw: data/raw", f"raw: '{text}'"))

    with pytest.raises(ConfigError, match=re.escape(wanted)):
        read_kitchen(config)
    with pytest.raises(ParameterError, match=re.escape(wanted)):
        CliRunner().invoke(
            init.command, [str(tmp_path / "new"), "--from", text], catch_exceptions=False
        )
    assert not (tmp_path / "new").exists()


def test_a_pattern_with_backslashes_is_told_to_have_slashes(tmp_path: Path) -> None:
    """It would never match."""
    config = write_config(tmp_path, extra="sources: {atas_bars: ['my\\bars\\{date}.jsonl']}\n")

    with pytest.raises(ConfigError, match="write / between folders"):
        read_kitchen(config)


def test_a_configuration_saved_by_notepad_is_read(tmp_path: Path) -> None:
    """A byte order mark and CRLF."""
    config = write_config(tmp_path)
    config.write_bytes(b"\xef\xbb\xbf" + config.read_bytes().replace(b"\n", b"\r\n"))

    assert list(read_kitchen(config).symbols) == ["BTCUSDT"]


def test_a_path_of_here_is_left_alone() -> None:
    """Nothing is said of it."""
    assert [windows.spelling(text) for text in ("/mnt/c/raw", "data/raw", "~/raw")] == [""] * 3
