"""The mark beside simulated files, by which they are known wherever their folder is copied to."""

from __future__ import annotations

from pathlib import Path

from pipeline.storage import write_bytes

NAME = "SIMULATED.txt"
_TEXT = (
    "What lies in this folder and below it was made by `kitchen sample`: a simulated market, no data of any\n"
    "exchange or chart. `kitchen init` and `kitchen import` know it by this file.\n"
)


def put(folder: Path) -> None:
    """Marks what lies below a folder."""
    write_bytes(folder / NAME, _TEXT.encode())


def is_above(path: Path) -> bool:
    """Whether an absolute path lies below a marked folder."""
    return any((folder / NAME).is_file() for folder in path.parents)
