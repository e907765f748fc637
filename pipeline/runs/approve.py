"""Approving a vendor's clock: from a day's finding to a line in `calibration_profiles.yaml`.

Belongs here: what may be approved, and writing it. Does not belong here: the form of the file
(`contracts/profiles.py`), the finding (`alignment/`).
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline import storage, zones
from pipeline.contracts import profiles
from pipeline.contracts.calibration import DayFinding, from_json
from pipeline.contracts.profiles import Profile
from pipeline.errors import ParameterError
from pipeline.free_form import Json
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.settings.config import Kitchen

APPROVABLE = (None, "off_profile", "offset_not_allowed")
"""Refusals that an approval can lift: all other evidence stood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who approves which feed's clock, seen on which day, and why; `zone` instead of the lag."""

    symbol: str
    feed: str
    day: dt.date
    who: str
    why: str
    zone: str | None = None


def finding(kitchen: Kitchen, symbol: str, day: dt.date) -> DayFinding:
    """The calibration of a day as it was built.

    Raises:
        ParameterError: it was not built yet.
        ContractError: it was built by another version.
    """
    unit = Unit("Calibration", day, kitchen.symbol(symbol).name)
    place = graph.stored(kitchen, unit, "calibration")
    if not place.exists():
        raise ParameterError(
            f"{symbol} {day}: no calibration was built; run luigi --module pipeline Calibration"
            f" --date {day} --symbol {symbol}"
        )
    return from_json(storage.json_in(place))


def approve(kitchen: Kitchen, given: Approval) -> Profile:
    """Adds the profile that the day's own evidence supports, valid from that day, and returns it.

    Raises:
        ParameterError: the feed was not measured, its evidence does not stand, or the zone says another.
    """
    offset = _offset(finding(kitchen, given.symbol, given.day), given)
    if given.zone is not None:
        _agree(given.zone, given.day, offset)
    profile = Profile(
        symbol=given.symbol,
        feed=given.feed,
        valid_from=given.day,
        offset_minutes=offset if given.zone is None else None,
        zone=given.zone,
        who=given.who,
        why=given.why,
    )
    _append(kitchen.governance / profiles.FILE, profile)
    profiles.load.cache_clear()
    profiles.load(kitchen.governance)
    return profile


def entry_of(profile: Profile) -> Json:
    """The profile as it stands in the file: without the one of lag and zone that it does not have."""
    return {key: value for key, value in asdict(profile).items() if value is not None}


def _offset(found: DayFinding, given: Approval) -> int:
    entry = found.feeds.get(given.feed)
    if entry is None:
        measured = ", ".join(found.feeds) or "none"
        raise ParameterError(
            f"{given.symbol} {given.day}: feed {given.feed} was not measured; wanted one of: {measured}"
        )
    reason = next((r.key for r in entry.reasons if r.key != "other_instrument"), None)
    best = entry.figures.best
    if best is None or (entry.status == "refused" and reason not in APPROVABLE):
        note = entry.reasons[0].note
        raise ParameterError(
            f"{given.symbol} {given.day} {given.feed}: {note}; no evidence that could be approved, choose"
            " another day"
        )
    return best.lag_minutes


def _agree(zone: str, day: dt.date, offset: int) -> None:
    if not zones.is_known(zone):
        raise ParameterError(f"--zone {zone}: no IANA zone; give one such as Asia/Shanghai")
    if offset not in zones.offsets(zone, day):
        said = " or ".join(map(str, zones.offsets(zone, day)))
        raise ParameterError(
            f"--zone {zone}: its clock is {said} min from UTC on {day}, the day's evidence says {offset}"
            " min; name another zone or none"
        )


def _append(path: Path, profile: Profile) -> None:
    """One line more at the file's end; what a person wrote above stays as it is."""
    text = path.read_text(encoding="utf-8") if path.exists() else "version: 1\nprofiles: []\n"
    words = ", ".join(f"{key}: {_yaml(value)}" for key, value in entry_of(profile).items())
    text = text.replace("profiles: []", "profiles:").rstrip("\n")
    storage.write_bytes(path, f"{text}\n  - {{{words}}}\n".encode())


def _yaml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
