"""The crontab line and the systemd units."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.support import kitchen_at
from pipeline.errors import ParameterError
from pipeline.settings.config import PROJECT, Kitchen, _load
from pipeline.unattended.service_files import this_program, units

EXAMPLES = PROJECT / "configs" / "examples"


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    """A kitchen of its own."""
    return kitchen_at(tmp_path)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path, kitchen: Kitchen) -> None:
    """`systemd-analyze verify` has nothing to say; `security` finds them well shut."""
    made = units(kitchen, this_program(), user="root", minute=17)
    for name, text in made.items():
        (tmp_path / name).write_text(text)
    paths = [tmp_path / name for name in made if name != "crontab"]

    verified = subprocess.run(
        ["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False
    )

    assert verified.returncode == 0, verified.stderr
    assert "kitchen" not in verified.stderr
    assert len(paths) == 5


def test_the_crontab_line_runs_with_an_empty_environment(kitchen: Kitchen) -> None:
    """Its command, by a shell, from `/`, with nothing set: the run is locked out and says 10."""
    crontab = units(kitchen, this_program(), user="root", minute=17)["crontab"]
    line = next(line for line in crontab.splitlines() if line.startswith("17 * * * * "))
    command = line.removeprefix("17 * * * * ")

    run = subprocess.run(["/bin/sh", "-c", command], cwd="/", env={}, check=False, timeout=120)

    assert run.returncode == 0
    assert (kitchen.prepared / ".ops" / "last_success").is_file()


@pytest.mark.parametrize("user", ["", "Root", "a b", "x;y", "-x", "é", "a" * 33, "x\n"])
def test_no_odd_account_reaches_a_unit(kitchen: Kitchen, user: str) -> None:
    """One sentence, nothing printed."""
    with pytest.raises(ParameterError, match="--user"):
        units(kitchen, this_program(), user=user, minute=1)


@pytest.mark.parametrize("name", ["a b", "a%b", 'a"b', "a\nb", "a$b", "a\\b", "a\x1bb"])
def test_a_path_that_units_would_read_as_something_else_is_refused(
    tmp_path: Path, name: str
) -> None:
    """`%` is a specifier in a unit and a line end in a crontab."""
    kitchen = kitchen_at(tmp_path / name)

    with pytest.raises(ParameterError, match="wanted a path without"):
        units(kitchen, this_program(), user="kitchen", minute=1)


def test_the_shipped_examples_are_what_is_printed() -> None:
    """Those of a kitchen in /srv/kitchen with its account of that name."""
    root = Path("/srv/kitchen")
    kitchen = kitchen_from_project()
    made = units(kitchen, Path(f"{PROJECT}/.venv/bin/kitchen"), user="kitchen", minute=17)

    for name, text in made.items():
        assert (EXAMPLES / name).read_text() == text.replace(str(PROJECT), str(root)), name


def kitchen_from_project() -> Kitchen:
    """The configuration that ships with the kitchen."""
    assert "KITCHEN_CONFIG" not in os.environ
    return _load(PROJECT / "configs" / "kitchen.yaml")
