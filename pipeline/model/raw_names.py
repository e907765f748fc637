"""A raw file's name, and what it tells by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_HOUR = re.compile(r"/([0-9]{2})/[^/]+$")


@dataclass(frozen=True, slots=True)
class RawPath:
    """A raw file: its absolute path, its path below `paths.raw`, and how far it is preferred (0 first).

    `neighbour`: it is filed under another day, or under none, and may hold rows of this one. `alone`: no
    other file is read with it, which might be a copy.
    """

    path: Path
    name: str
    rank: int
    neighbour: bool = False
    alone: bool = False

    @property
    def is_checksum(self) -> bool:
        """Whether it has no rows, but the sum of the file beside it."""
        return self.name.endswith(".CHECKSUM")


def is_undated(name: str) -> bool:
    """Whether a file lies in the folder that is called `date={date}`, to the letter."""
    return "/date={date}/" in name


def spills_to(name: str) -> tuple[int, ...]:
    """Which days (+1 the next, -1 the one before) may have ticks in a tick file of that name.

    The last hour's file the next day's, the first hour's the day before's; a file of a whole day both.
    """
    hour = _HOUR.search(name)
    return {"00": (-1,), "23": (1,)}.get(hour[1], ()) if hour else (-1, 1)
