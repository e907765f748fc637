"""What the README says is true."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kit.doc_pages import blocks, page
from kit.support import luigi, write_config
from pipeline.cli import main as program
from pipeline.errors import ExitCode
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import PROJECT

README = page("README.md")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a published day of BTCUSDT."""
    root = tmp_path_factory.mktemp("readme")
    write_config(root)
    write_sample(
        SampleRequest(out=root / "data/raw", first=dt.date(2025, 1, 2), trades_per_day=3000)
    )
    run = luigi(root, "Snapshot", "--date", "2025-01-02")
    assert run.returncode == 0, run.stderr
    return root


def test_its_python_runs(root: Path) -> None:
    """Every block, in one go, in the folder that holds the snapshots."""
    code = "\n".join(blocks(README, "python")) + "\nprint(*panel.shape)\n"
    environment = {**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml")}

    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.stdout.split() == ["288", "1"], run.stderr


def test_its_make_targets_exist() -> None:
    """`make X` for every X that it names."""
    named = set(re.findall(r"\bmake ([a-z.]+)\b", README))
    targets = set(re.findall(r"^([a-z.]+):", (PROJECT / "Makefile").read_text(), re.M))

    assert named
    assert named <= targets


def test_its_kitchen_commands_exist() -> None:
    """Commands and their options."""
    for line in re.findall(r"^kitchen (.+)$", "\n".join(blocks(README, "sh")), re.M):
        command, *rest = line.split()
        options = {word for word in rest if word.startswith("--")}
        known = program.cli.get_command(None, command)

        assert known is not None, command
        assert options <= {name for parameter in known.params for name in parameter.opts}


def test_the_files_it_points_to_exist() -> None:
    """Links and pictures."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)

    assert targets
    assert [target for target in targets if not (PROJECT / target).exists()] == []


def test_the_exit_codes_of_operations_are_the_programs() -> None:
    """One table, with the same numbers and words."""
    tables = page("docs/operations.md").split("| exit | means |\n|---|---|\n")[1:]
    listed = [
        re.findall(r"^\| (\d+) \| (.+) \|$", table.partition("\n\n")[0], re.M) for table in tables
    ]

    assert [(str(int(code)), code.meaning) for code in ExitCode] in listed


def test_no_page_names_an_exit_code_that_there_is_not() -> None:
    """The tables of what a code means for one command."""
    pages = [page.read_text() for page in (PROJECT / "docs").glob("*.md")]
    tables = re.findall(r"^\| exit \|.+\n\|[-|]+\n((?:\|.+\n)+)", "\n".join(pages), re.M)
    codes = [int(code) for table in tables for code in re.findall(r"^\| (\d+) \|", table, re.M)]

    assert len(tables) >= 2
    assert set(codes) <= set(ExitCode)


def test_the_names_of_the_exports_are_those_that_are_looked_for() -> None:
    """Every path pattern of the table is one of the layout's."""
    from pipeline.model.feeds import FEEDS

    patterns = " ".join(p for kind in FEEDS.values() for p in kind.patterns)
    atas = ("atas/bars_1m/", "atas/v6_3/", "atas/ticks/")
    kinds = ("-1d-", "-1m-", "-fundingRate-", "-metrics-", "-trades-", "-aggTrades-")
    for shown in (*atas, "binance/fetcher/", *kinds):
        assert shown in page("docs/raw_files.md")
        assert shown in patterns
