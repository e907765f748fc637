"""The screenshots of the guides: all are shown, none is large, and one command renews them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from pipeline.locations import PROJECT

LARGEST = 256 * 1024
FOLDER = PROJECT / "docs"


def test_every_picture_is_shown_small_and_taken_by_the_tool() -> None:
    """One that no guide shows, or that nothing renews, grows old unseen."""
    pictures = {path.name for path in FOLDER.glob("*.png")}
    guides = "".join(path.read_text() for path in FOLDER.glob("*.md"))
    tool = (PROJECT / "tools" / "pictures.py").read_text()

    assert set(re.findall(r"\]\(([\w-]+\.png)\)", guides)) == pictures
    assert [name for name in pictures if (FOLDER / name).stat().st_size > LARGEST] == []
    for name in pictures:
        family = re.sub(r"(-phone)?(-dark)?\.png$", "", name)
        assert re.search(rf'take\(f?"{family}\b', tool), name


def test_without_the_real_exports_it_says_so_at_once(tmp_path: Path) -> None:
    """One sentence that names the folder; nothing is built."""
    run = subprocess.run(
        [sys.executable, "-m", "tools.pictures", "--real", tmp_path / "none"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 2
    assert f"{tmp_path / 'none'} is no folder" in run.stderr
