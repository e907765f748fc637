"""A person approves a clock; from then on a day that disagrees is refused."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.support import kitchen_at
from pipeline import storage
from pipeline.contracts import profiles
from pipeline.contracts.calibration import (
    CurveRow,
    DayFinding,
    Figures,
    Finding,
    Reason,
    Status,
    to_json,
)
from pipeline.errors import ParameterError
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.runs.approve import Approval, approve
from pipeline.settings.config import Kitchen

DAY = dt.date(2025, 1, 2)


def approval(**more: Any) -> Approval:
    given = {"symbol": "BTCUSDT", "feed": "atas_bars", "day": DAY, "who": "A. Person"}
    return Approval(**{**given, "why": "the PC runs on UTC+8", **more})


@pytest.fixture
def kitchen(tmp_path: Path, governance: Path) -> Kitchen:
    """With governance of its own, and a day whose bars were found 8 h early."""
    own = shutil.copytree(governance, tmp_path / "governance")
    made = replace(kitchen_at(tmp_path), governance=own)
    found(made, 480, "applied")
    return made


def found(kitchen: Kitchen, lag: int, status: Status, *reasons: str) -> None:
    """The day's finding, as the step leaves it."""
    entry = Finding(
        status=status,
        reasons=tuple(Reason(key=key, code="C11", note="it is thin") for key in reasons),
        figures=Figures(best=CurveRow(lag_minutes=lag)),
    )
    place = graph.stored(kitchen, Unit("Calibration", DAY, "BTCUSDT"), "calibration")
    place.file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place.file, "w") as pack:
        value = to_json(DayFinding(status=status, feeds={"atas_bars": entry}))
        pack.writestr(place.member, storage.canonical_json(value))


def test_an_approved_clock_is_in_force_from_its_day(kitchen: Kitchen) -> None:
    """As the day's evidence says, and who said so."""
    approve(kitchen, approval())
    known = profiles.in_force(kitchen.governance, "BTCUSDT", DAY)["atas_bars"]

    assert known.offsets(DAY) == (480,)
    assert (known.who, known.why) == ("A. Person", "the PC runs on UTC+8")
    assert profiles.in_force(kitchen.governance, "BTCUSDT", DAY - dt.timedelta(days=1)) == {}


def test_a_zone_is_approved_only_where_its_clock_is_the_one_found(kitchen: Kitchen) -> None:
    """Shanghai is 480 minutes from UTC, Berlin is not."""
    approve(kitchen, approval(zone="Asia/Shanghai"))

    with pytest.raises(ParameterError, match="Europe/Berlin: its clock is 60 min"):
        approve(kitchen, approval(zone="Europe/Berlin"))
    assert [p.zone for p in profiles.load(kitchen.governance)] == ["Asia/Shanghai"]


def test_what_a_person_wrote_above_stays(kitchen: Kitchen) -> None:
    """The file grows at its end, and text with quotes survives."""
    path = kitchen.governance / profiles.FILE
    before = path.read_text().splitlines()
    approve(kitchen, approval(why='the "new" PC: #2'))
    found(kitchen, 0, "refused", "off_profile")
    approve(kitchen, approval(why="back to UTC"))
    after = path.read_text().splitlines()

    assert after[: len(before) - 1] == before[:-1]
    assert [p.why for p in profiles.load(kitchen.governance)] == ['the "new" PC: #2', "back to UTC"]


@pytest.mark.parametrize(
    ("status", "reason", "more", "says"),
    [
        ("refused", ["not_identifiable"], {}, "it is thin; no evidence that could be approved"),
        ("applied", [], {"feed": "atas_ticks"}, "atas_ticks was not measured"),
        ("applied", [], {"day": DAY + dt.timedelta(days=1)}, "no calibration was built"),
        ("applied", [], {"zone": "Mars/Olympus"}, "no IANA zone"),
    ],
)
def test_without_evidence_nothing_is_approved(
    kitchen: Kitchen, status: Status, reason: list[str], more: dict[str, Any], says: str
) -> None:
    """One sentence, and the file is as it was."""
    found(kitchen, 480, status, *reason)
    with pytest.raises(ParameterError, match=says):
        approve(kitchen, approval(**more))

    assert profiles.load(kitchen.governance) == ()
