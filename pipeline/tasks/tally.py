"""How many symbols' days a build has done, counted by who builds and by all processes that it forks off."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Told = Callable[[int, int], None]
"""Symbol-days done, symbol-days to do."""


@dataclass(frozen=True, slots=True)
class Tally:
    """A count that forked processes share: the length of a file in memory, to which each appends."""

    file: int
    total: int
    told: Told

    def add(self, count: int = 1) -> None:
        """So many more are done; who asked for it is told."""
        os.write(self.file, bytes(count))
        self.tell()

    def tell(self) -> None:
        """Says how many are done."""
        self.told(min(self._done(), self.total), self.total)

    def reach(self, done: int) -> None:
        """At least so many are done: what was fresh before is done without having been built."""
        self.add(max(done - self._done(), 0))

    def _done(self) -> int:
        return os.fstat(self.file).st_size


_counting: list[Tally] = []


def add() -> None:
    """One more is done."""
    if _counting:
        _counting[-1].add()


def tell() -> None:
    """Says how many are done, before something else is said: another process may have gone on meanwhile."""
    if _counting:
        _counting[-1].tell()


@contextmanager
def counting(total: int, told: Told) -> Iterator[Tally]:
    """Counts for the block."""
    file = os.memfd_create("tally")
    tally = Tally(file, total, told)
    _counting.append(tally)
    try:
        yield tally
    finally:
        _counting.remove(tally)
        os.close(file)
