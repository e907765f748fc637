"""Approved clocks: from which day on, and what a zone allows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pipeline.contracts import profiles
from pipeline.errors import ConfigError

HEAD = "version: 1\nprofiles:\n"


def written(folder: Path, *entries: str) -> Path:
    profiles.load.cache_clear()
    (folder / profiles.FILE).write_text(HEAD + "".join(f"  - {{{e}}}\n" for e in entries))
    return folder


def test_the_newest_profile_that_is_valid_counts(tmp_path: Path) -> None:
    """A later approval does not change an earlier day."""
    common = "symbol: X, feed: atas_bars, who: me, why: because"
    governance = written(
        tmp_path,
        f"{common}, valid_from: 2025-02-01, offset_minutes: 480",
        f"{common}, valid_from: 2025-01-01, offset_minutes: 0",
    )
    days = [dt.date(2024, 12, 31), dt.date(2025, 1, 31), dt.date(2025, 2, 1)]
    found = [profiles.in_force(governance, "X", day) for day in days]

    assert [list(p["atas_bars"].offsets(days[0])) if p else None for p in found] == [
        None,
        [0],
        [480],
    ]
    assert profiles.in_force(governance, "Y", days[2]) == {}


def test_a_zone_allows_both_offsets_on_the_day_of_its_change() -> None:
    """Berlin, 2025-03-30: an hour until 01:00 UTC, two from then on."""
    profile = profiles.Profile(
        symbol="X",
        feed="atas_bars",
        valid_from=dt.date(2025, 1, 1),
        zone="Europe/Berlin",
        who="me",
        why="because",
    )

    assert profile.offsets(dt.date(2025, 3, 29)) == (60,)
    assert profile.offsets(dt.date(2025, 3, 30)) == (60, 120)
    assert profile.offsets(dt.date(2025, 3, 31)) == (120,)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("offset_minutes: 0, zone: Europe/Berlin", "zone"),
        ("", "either offset_minutes or zone"),
        ("zone: Mars/Olympus", "no IANA zone"),
        ("offset_minutes: 5000", "max value"),
    ],
)
def test_faults_are_named(tmp_path: Path, entry: str, says: str) -> None:
    """With the place in the file."""
    common = "symbol: X, feed: atas_bars, valid_from: 2025-01-01, who: me, why: because"
    governance = written(tmp_path, f"{common}, {entry}" if entry else common)

    with pytest.raises(ConfigError, match=says):
        profiles.load(governance)
