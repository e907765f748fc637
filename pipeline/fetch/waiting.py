"""Time as fetching sees it: what the clock says, how to wait, and how much weight a minute has left.

Tests hand in a clock of their own; nothing else in the room looks at a clock.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW_SECONDS = 60.0
"""The exchange counts weight by the minute; in no 60 seconds is more spent than a minute may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """`now`: seconds since 1970. `monotonic`: seconds that never go back. `sleep`: waits so many."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class Budget:
    """The request weight of one host. `spend` waits until it can be had."""

    most: int
    waiting: Waiting
    _spent: deque[tuple[float, int]] = field(default_factory=deque)

    def spend(self, weight: int) -> None:
        """Takes the weight, waiting until no 60 seconds hold more than `most`."""
        while self._used() + weight > self.most and self._spent:
            oldest = self._spent[0][0]
            self.waiting.sleep(max(oldest + WINDOW_SECONDS - self.waiting.monotonic(), 0.01))
        self._spent.append((self.waiting.monotonic(), weight))

    def learn(self, used: int) -> None:
        """Counts what others behind the same address spent, as the exchange reports it."""
        others = used - self._used()
        if others > 0:
            self._spent.append((self.waiting.monotonic(), others))

    def _used(self) -> int:
        horizon = self.waiting.monotonic() - WINDOW_SECONDS
        while self._spent and self._spent[0][0] <= horizon:
            self._spent.popleft()
        return sum(weight for _, weight in self._spent)
