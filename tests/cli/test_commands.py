"""The `kitchen` program as a user meets it."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main as program
from pipeline.cli.output import say
from pipeline.errors import ExitCode
from pipeline.locations import PROJECT


def run(*arguments: str) -> Result:
    """Runs `kitchen ...` in this process, errors and exit code as the shell would see them."""
    runner = CliRunner()

    def call(*_: object, **__: object) -> None:
        program.main(list(arguments))

    return runner.invoke(click.Command("kitchen", callback=call), [])


@pytest.mark.parametrize("command", sorted(program.COMMANDS))
def test_every_command_has_help_with_an_example_that_parses(command: str, tmp_path: Path) -> None:
    """The example in `--help` names real options."""
    result = run(command, "--help")
    example = re.search(rf"^\s*(kitchen {command} .*)$", result.output, re.M)

    assert result.exit_code == 0
    assert example, result.output
    options = {word for word in shlex.split(example.group(1)) if word.startswith("--")}
    assert all(option in result.output for option in options)
    assert "--json" in result.output


def test_kitchen_help_lists_the_commands_and_the_exit_codes() -> None:
    """What there is, and what the shell gets."""
    result = run("--help")

    assert all(command in result.output for command in program.COMMANDS)
    assert all(f"{code}  {code.meaning}" in result.output for code in ExitCode)


def test_sample_writes_what_it_says(tmp_path: Path) -> None:
    """The files of the list are there, with the bytes that it names."""
    out = tmp_path / "raw"

    result = run("sample", "--date", "2025-01-02", "--trades", "2000", "--out", str(out), "--json")
    facts = json.loads(result.output)

    assert result.exit_code == 0
    there = {p for p in out.rglob("*") if p.is_file()}
    assert {Path(f["path"]) for f in facts["files"]} == there - {out / "SIMULATED.txt"}
    assert all(Path(f["path"]).stat().st_size == f["bytes"] for f in facts["files"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--date", "2025-02-30"], 40, "give a UTC date"),
        (["--date", "2025-01-02", "--symbols", "../x"], 40, "is no symbol"),
        (["--date", "2025-01-02", "--defect", "Z99"], 40, "Z99"),
        (["--date", "2025-01-02", "--days", "0"], 2, "--days"),
        ([], 2, "--date"),
    ],
)
def test_wrong_input_is_one_sentence(
    tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    """The documented exit code, the value that was wrong, and nothing written."""
    result = run("sample", "--out", str(tmp_path / "raw"), *arguments)

    assert result.exit_code == code
    assert says in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "raw").exists()


def test_two_files_are_aligned(tmp_path: Path) -> None:
    """Bars and report lie in the folder, and the condition is said."""
    raw = tmp_path / "raw"
    run("sample", "--date", "2025-01-02", "--trades", "4000", "--out", str(raw))

    result = run(
        "align",
        "--atas",
        str(raw / "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"),
        "--binance",
        str(raw / "binance/futures_um/BTCUSDT-1m-2025-01-02.zip"),
        "--out",
        str(tmp_path / "aligned"),
    )
    bars = pq.read_table(tmp_path / "aligned/bars_1m.parquet").to_pydict()

    assert result.exit_code == 0, result.output
    assert "BTCUSDT 2025-01-02: available, 1440 rows, 0 rejects" in result.output
    traded = [m for m in range(1440) if bars["volume"][m]]
    assert all(bars["atas_close"][m] == bars["close"][m] for m in traded)
    assert {p.suffix for p in (tmp_path / "aligned").iterdir()} == {
        ".html",
        ".json",
        ".md",
        ".parquet",
    }


def test_align_says_when_the_two_files_are_of_one_vendor(tmp_path: Path) -> None:
    """The sentence names what the file is."""
    raw = tmp_path / "raw"
    run("sample", "--date", "2025-01-02", "--trades", "2000", "--out", str(raw))
    klines = str(raw / "binance/futures_um/BTCUSDT-1m-2025-01-02.zip")

    result = run("align", "--atas", klines, "--binance", klines, "--out", str(tmp_path / "out"))

    assert result.exit_code == 30
    assert "wanted an export of atas" in result.output


def test_errors_are_json_where_json_was_asked_for(tmp_path: Path) -> None:
    """A script reads the same sentence."""
    result = run("sample", "--date", "nope", "--out", str(tmp_path), "--json")

    assert json.loads(result.output)["exit"] == 40


def test_vendor_strings_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape and control characters, and marks that turn the writing direction, are taken out."""
    say({}, ["a\x1b[31mb\x07c\r\u202ed"])

    assert capsys.readouterr().out == "a[31mbcd\n"


def test_the_program_is_installed() -> None:
    """`kitchen` is a command of the environment, and says its release."""
    release = configparser.ConfigParser()
    release.read(PROJECT / "setup.cfg")
    kitchen = Path(sys.executable).with_name("kitchen")

    shown = subprocess.run([kitchen, "--version"], capture_output=True, text=True, check=False)

    assert shown.returncode == 0
    assert release["metadata"]["version"] in shown.stdout
