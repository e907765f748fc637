"""Hosts that asked to be left alone, remembered from run to run.

Who goes on asking while banned is banned for longer, up to three days: a run that starts in between
must know.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.clock import SECOND_US, iso
from pipeline.errors import FetchError
from pipeline.fetch.waiting import Waiting

LONGEST_SECONDS = 3 * 86_400
"""The exchange's longest ban; a longer one is not believed."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """The file of pauses: host -> second since 1970 until which it is not asked."""

    path: Path
    waiting: Waiting
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def refuse(self, host: str) -> None:
        """Nothing, unless the host is to be left alone now.

        Raises:
            FetchError: it is.
        """
        until = self._read().get(host, 0)
        now = self.waiting.now()
        if now < until <= now + LONGEST_SECONDS:
            raise FetchError(
                f"{host}: asked to be left alone until {self.said(until)}; run again after that"
            )

    def add(self, host: str, seconds: float) -> float:
        """Leaves the host alone for so long, and returns until when."""
        until = self.waiting.now() + min(seconds, LONGEST_SECONDS)
        with self._writing:
            kept = {h: t for h, t in self._read().items() if t > self.waiting.now()}
            storage.write_bytes(self.path, storage.canonical_json({**kept, host: until}))
        return until

    def said(self, until: float) -> str:
        """The second, as text."""
        return iso(int(until) * SECOND_US)

    def _read(self) -> dict[str, float]:
        try:
            found: Any = storage.read_json(self.path)
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {str(h): float(t) for h, t in found.items() if isinstance(t, (int, float))}
