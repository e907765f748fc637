"""Where runs keep what they must remember for the next, and the locks that keep two of them apart."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pipeline.publishing import locks

_FOLDER_MODE = 0o700
_LOCK_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Places:
    """The files below `paths.prepared/.ops`, a folder for its owner alone."""

    root: Path

    @classmethod
    def of(cls, prepared: Path) -> Places:
        """Those below `paths.prepared`; the folder is made where it is missing."""
        root = prepared / ".ops"
        root.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        return cls(root)

    @property
    def accepted(self) -> Path:
        """One line of JSON for each `kitchen accept` that stamped receipts."""
        return self.root / "accepted.jsonl"

    @property
    def alerts(self) -> Path:
        """What was said, and when."""
        return self.root / "alerts.json"

    @property
    def log(self) -> Path:
        """The unattended runs' log; older ones have a number behind."""
        return self.root / "cron.log"

    @property
    def last_success(self) -> Path:
        """One line: when a run last found every day of its look-back as it should be."""
        return self.root / "last_success"

    def lock(self, name: str) -> Path:
        """The lock file of a kind of run."""
        return self.root / f"{name}.lock"

    def locked(self, name: str, *, wait: bool = False) -> AbstractContextManager[int]:
        """Holds a lock for the block, and yields its open file. The kernel frees it whatever happens.

        Raises:
            LockedError: another run holds it, and `wait` was not asked for.
        """
        return locks.held(self.lock(name), mode=_LOCK_MODE, wait_seconds=math.inf if wait else 0.0)
