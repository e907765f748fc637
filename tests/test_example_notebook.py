"""The example runs from top to bottom, and says what is stored in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from pipeline.locations import PROJECT

NOTEBOOK = PROJECT / "docs" / "examples" / "first_day.ipynb"


def said(path: Path) -> list[tuple[str, str]]:
    """Code -> the text that it left, cell by cell."""
    cells = nbformat.read(path, as_version=4).cells
    return [
        (
            cell.source,
            "".join(o.text if "text" in o else o.data["text/plain"] for o in cell.outputs),
        )
        for cell in cells
        if cell.cell_type == "code"
    ]


def test_every_cell_says_what_is_stored_beside_it(tmp_path: Path) -> None:
    """In an empty folder; the simulated market is the same on every machine. A warning would show too."""
    made = Path(shutil.copy(NOTEBOOK, tmp_path))

    run = subprocess.run(
        [Path(sys.executable).with_name("jupyter-execute"), "--inplace", "--timeout=120", made],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    stored = said(NOTEBOOK)
    assert sum(bool(text) for _, text in stored) >= 8
    assert said(made) == stored
