"""Where a snapshot store has its revisions, links and locks. Nobody else joins these paths.

Does not belong here: reading or writing any of it. Standard library only.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Store:
    """Names inside a snapshot store. Names that begin with a dot are not for readers."""

    root: Path

    @property
    def revisions(self) -> Path:
        """The folder of all sealed revisions."""
        return self.root / ".revisions"

    def revision(self, day: dt.date, number: int) -> Path:
        """The sealed folder of one revision."""
        return self.revisions / f"{day.isoformat()}.r{number}"

    def date_link(self, day: dt.date) -> Path:
        """The link that names a date's current revision."""
        return self.root / day.isoformat()

    def latest(self, *, available: bool = False) -> Path:
        """The link to the newest published date, or the newest whose condition is available."""
        return self.root / ("LATEST_AVAILABLE" if available else "LATEST")

    def lock(self, day: dt.date) -> Path:
        """The file that a publisher of the date holds by flock."""
        return self.root / ".locks" / day.isoformat()
