"""Time as fetching sees it: what the clock says, how to wait, and how much weight a minute has left.

Tests hand in a clock of their own; nothing else in the room looks at a clock.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.errors import FetchError

WINDOW_SECONDS = 60.0
"""The exchange counts weight by the minute; in no 60 seconds is more spent than a minute may have."""

_LOOK_SECONDS = 0.05
"""How soon to look again where all weight is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """`now`: seconds since 1970. `monotonic`: seconds that never go back. `sleep`: waits so many; None: as
    long as the run is not `stopped`.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    def pause(self, seconds: float) -> None:
        """Waits.

        Raises:
            FetchError: the run was stopped.
        """
        if self.sleep is not None:
            self.sleep(seconds)
        else:
            self.stopped.wait(seconds)
        self.go_on()

    def go_on(self) -> None:
        """Nothing, unless the run was stopped.

        Raises:
            FetchError: it was.
        """
        if self.stopped.is_set():
            raise FetchError("stopped; run again to go on")


@dataclass(slots=True)
class Budget:
    """The request weight of one host, which all workers share.

    A request counts from before it is sent to a minute after its answer: whenever between the two the
    exchange counts it, no 60 seconds hold more than `most`.
    """

    most: int
    waiting: Waiting
    _spent: deque[tuple[float, int]] = field(default_factory=deque)
    _under_way: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def spending(self, weight: int) -> Iterator[None]:
        """Waits until the weight can be had, and takes it for what is asked within."""
        while (seconds := self._taken(weight)) > 0:
            self.waiting.pause(seconds)
        try:
            yield
        finally:
            with self._counting:
                self._under_way -= weight
                self._spent.append((self.waiting.monotonic(), weight))

    def _taken(self, weight: int) -> float:
        """0 once the weight is taken, else how long to wait."""
        with self._counting:
            if (used := self._used()) and used + weight > self.most:
                oldest = self._spent[0][0] if self._spent else -WINDOW_SECONDS
                return max(oldest + WINDOW_SECONDS - self.waiting.monotonic(), _LOOK_SECONDS)
            self._under_way += weight
            return 0

    def learn(self, used: int) -> None:
        """Counts what others behind the same address spent, as the exchange reports it."""
        with self._counting:
            others = used - self._used()
            if others > 0:
                self._spent.append((self.waiting.monotonic(), others))

    def _used(self) -> int:
        horizon = self.waiting.monotonic() - WINDOW_SECONDS
        while self._spent and self._spent[0][0] <= horizon:
            self._spent.popleft()
        return self._under_way + sum(weight for _, weight in self._spent)
