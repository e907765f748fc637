"""`calibration_profiles.yaml`: what a person approved about a vendor's clock, and from which day on.

Belongs here: the form of the file, and which offsets a profile allows on a day. Written only by
`kitchen calibration approve`; a finding never changes it, so the order of a backfill does not matter.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline import zones
from pipeline.contracts.documents import load_checked
from pipeline.errors import ConfigError
from pipeline.free_form import Document

FILE = "calibration_profiles.yaml"

_DOCUMENT: Document = {
    "version": {"type": "integer", "required": True, "allowed": [1]},
    "profiles": {
        "type": "list",
        "required": True,
        "schema": {
            "type": "dict",
            "schema": {
                "symbol": {"type": "string", "required": True},
                "feed": {"type": "string", "required": True},
                "valid_from": {"type": "date", "required": True},
                "offset_minutes": {"type": "integer", "min": -900, "max": 900},
                "zone": {"type": "string", "excludes": "offset_minutes"},
                "who": {"type": "string", "required": True, "minlength": 2},
                "why": {"type": "string", "required": True, "minlength": 5},
            },
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """An approved clock: a lag in minutes, or the IANA zone whose offset the stamps lack."""

    symbol: str
    feed: str
    valid_from: dt.date
    offset_minutes: int | None = None
    zone: str | None = None
    who: str
    why: str

    def offsets(self, day: dt.date) -> tuple[int, ...]:
        """Offsets that it allows on a day, in the order of time; two when the zone's clock changes."""
        if self.zone is None:
            return (int(self.offset_minutes or 0),)
        return zones.offsets(self.zone, day)


@lru_cache(maxsize=8)
def load(governance: Path) -> tuple[Profile, ...]:
    """All profiles; none where there is no such file.

    Raises:
        ConfigError: a fault of form, a profile with neither a lag nor a zone, or an unknown zone.
    """
    path = governance / FILE
    if not path.exists():
        return ()
    found = []
    for number, entry in enumerate(load_checked(path, _DOCUMENT)["profiles"]):
        if ("zone" in entry) == ("offset_minutes" in entry):
            raise ConfigError(
                f"{path}: profiles.{number}: wanted either offset_minutes or zone; give one of them"
            )
        if "zone" in entry and not zones.is_known(entry["zone"]):
            raise ConfigError(
                f"{path}: profiles.{number}.zone: {entry['zone']!r} is no IANA zone; give one such as"
                " Asia/Shanghai"
            )
        found.append(Profile(**entry))
    return tuple(found)


def in_force(governance: Path, symbol: str, day: dt.date) -> dict[str, Profile]:
    """Feed -> the symbol's newest profile whose `valid_from` is not after the day."""
    valid = [p for p in load(governance) if p.symbol == symbol and p.valid_from <= day]
    return {p.feed: p for p in sorted(valid, key=lambda p: p.valid_from)}
