"""Tools that exports are made for, each in an environment of its own.

Made once a test session, or kept where KITCHEN_TOOL_VENVS names a folder. Where the package registry cannot
be reached the tests that need them are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest

VERSIONS = {
    "freqtrade": "2026.9",
    "nautilus_trader": "1.221.0",
    "hftbacktest": "2.4.4",
    "pyqlib": "0.9.7",
}
"""Those that docs/exporting.md names."""

READERS = Path(__file__).resolve().parent.parent / "exporting/readers"


def python_of(package: str, folder: Path) -> Path:
    """The Python of an environment with the package, made below a folder unless it is kept elsewhere."""
    wanted = f"{package}=={VERSIONS[package]}"
    place = Path(os.environ.get("KITCHEN_TOOL_VENVS", folder)) / wanted
    python = place / "bin/python"
    if not (place / "whole").exists():
        venv.create(place, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--no-input", wanted]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{wanted} cannot be installed here: {done.stderr.strip()[-200:]}")
        (place / "whole").touch()
    return python


def read(python: Path, reader: str, out: Path, *arguments: object) -> Any:
    """What a reader of `tests/exporting/readers`, run by a tool's Python, found."""
    words = [str(word) for word in arguments]
    done = run(python, READERS / f"read_{reader}.py", out, *words)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(out.read_text())


def run(python: Path, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess:
    """A program in a tool's Python, without what this test run has set."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "KITCHEN"))}
    command = [str(python), *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=600, check=False
    )
