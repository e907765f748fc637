"""Tab, and `--version`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.completion import command
from pipeline.cli.main import cli
from pipeline.errors import ParameterError


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
def test_bash_completes_commands_once_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is where bash-completion looks, and names the commands that begin so."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert CliRunner().invoke(command, ["bash", "--install"]).exit_code == 0
    file = tmp_path / "bash-completion/completions/kitchen"

    program = Path(sys.executable).parent
    asked = subprocess.run(
        ["bash", "-c", f"PATH={program}:$PATH; source {file}; COMP_WORDS=(kitchen ver); COMP_CWORD=1;"
         " _kitchen_completion kitchen; echo ${COMPREPLY[@]}"],
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip

    assert asked.stdout.split() == ["verify"]


@pytest.mark.parametrize(("shell", "says"), [("zsh", "#compdef kitchen"), ("fish", "complete")])
def test_other_shells_have_theirs(shell: str, says: str) -> None:
    """Printed, to be put where one likes."""
    assert says in CliRunner().invoke(command, [shell]).output


def test_a_shell_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is named, by `$SHELL`."""
    monkeypatch.setenv("SHELL", "/bin/dash")

    with pytest.raises(ParameterError, match="name one of bash, zsh, fish"):
        CliRunner().invoke(command, [], catch_exceptions=False)


def test_the_version_tells_code_and_libraries() -> None:
    """Two lines: what is installed, and by what results are made."""
    first, second = CliRunner().invoke(cli, ["--version"]).output.splitlines()

    assert re.fullmatch(r"kitchen \d+\.\d+\.\d+, code [0-9a-f]{12}, Python 3\.\d+\.\d+", first)
    assert {"numpy", "pyarrow"} <= {word.split()[0] for word in second.split(", ")}
