"""Two files for one place: whether one goes on where the other ended, and else how they differ.

Belongs here: holding one file's bytes against another's. Which of them gets the place is `placing.py`'s.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import IO

import pyarrow as pa

_BLOCK_BYTES = 2 << 20
_LINES = (".jsonl", ".jsonl.part")
_PACKED_LINES = (".jsonl.gz", ".jsonl.zst")


def grows(name: str) -> bool:
    """Whether such a file is written line by line, so that a later copy begins with an earlier one."""
    return name.endswith((*_LINES, *_PACKED_LINES))


def is_beginning(file: Path, other: Path) -> bool:
    """Whether the other begins with all of this file: byte by byte or, of packed ones, in their text.

    A packed file that is torn tells no text.
    """
    with open(file, "rb") as one, open(other, "rb") as two:
        if _begins(two, one):
            return True
    if not file.name.endswith(_PACKED_LINES):
        return False
    try:
        with pa.input_stream(str(file)) as one, pa.input_stream(str(other)) as two:
            return _begins(two, one)
    except OSError:
        return False


def _begins(longer: IO[bytes], shorter: IO[bytes]) -> bool:
    while block := shorter.read(_BLOCK_BYTES):
        if longer.read(len(block)) != block:
            return False
    return True


def difference(file: Path, there: Path) -> str:
    """What decides between a file and the one that has its place: sizes, times, what to remove for which."""
    mine, its = file.stat(), there.stat()
    words = [
        word
        for word, is_so in (
            ("longer", mine.st_size > its.st_size),
            ("shorter", mine.st_size < its.st_size),
            ("newer", mine.st_mtime > its.st_mtime),
            ("older", mine.st_mtime < its.st_mtime),
        )
        if is_so
    ]
    this = f"this one is {' and '.join(words)}" if words else "both are as long and as old"
    return (
        f"other bytes lie there ({its.st_size:,} bytes of {_minute(its.st_mtime)}, here {mine.st_size:,} of"
        f" {_minute(mine.st_mtime)}: {this}); to take this one, remove {there} and import again; to keep"
        " that one, remove this one"
    )


def _minute(stamp: float) -> str:
    return f"{dt.datetime.fromtimestamp(stamp, dt.UTC):%Y-%m-%d %H:%MZ}"
