"""The calibration document: every field has one name, on either side of the file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.contracts.calibration import (
    CurveRow,
    DayFinding,
    Figures,
    Finding,
    Reason,
    Segment,
    SkewFigures,
    SkewPoint,
    changed,
    from_json,
    to_json,
)
from pipeline.errors import ContractError


def found() -> DayFinding:
    """A tape whose clock runs late."""
    skew = SkewFigures(
        applied_ms=700.0,
        interval_width_ms=40.0,
        residual=0.001,
        residual_as_stamped=0.2,
        drift_ms_per_day=0.0,
        hours=24,
        curve=(SkewPoint(skew_ms=680.0, error=0.002), SkewPoint(skew_ms=700.0, error=0.001)),
    )
    figures = Figures(evidence="exact", best=CurveRow(lag_minutes=0, n=1022), n=1022, skew=skew)
    ticks = Finding(status="applied", offset_minutes=0, segments=(Segment(offset_minutes=0),))
    ticks = changed(ticks, figures=figures, skew_ms=700.0, skew_interval_ms=(680.0, 720.0))
    return DayFinding(status="applied", feed="atas_ticks", feeds={"atas_ticks": ticks})


def test_a_document_comes_back_from_its_file_as_it_went() -> None:
    """Through the text of a JSON file, without any loss."""
    assert from_json(json.loads(json.dumps(to_json(found()), allow_nan=False))) == found()


@pytest.mark.parametrize(
    "at",
    [
        (),
        ("feeds", "atas_ticks"),
        ("feeds", "atas_ticks", "figures"),
        ("feeds", "atas_ticks", "figures", "best"),
        ("feeds", "atas_ticks", "figures", "skew"),
        ("feeds", "atas_ticks", "figures", "skew", "curve", 0),
        ("feeds", "atas_ticks", "segments", 0),
    ],
)
def test_a_misspelt_field_of_a_file_is_an_error(at: tuple[Any, ...]) -> None:
    """At any depth, by name and place; it is never read as a field that was not measured."""
    document = to_json(found())
    part: Any = document
    for step in at:
        part = part[step]
    part["shift_ms"] = 1.0

    with pytest.raises(ContractError, match="unknown field `shift_ms`"):
        from_json(document)


@pytest.mark.parametrize("kind", [CurveRow, Figures, Finding, Reason, Segment, SkewPoint])
def test_a_misspelt_field_of_a_value_is_an_error(kind: Any) -> None:
    """Nobody can write a field that nobody reads."""
    with pytest.raises(TypeError):
        kind(shift_ms=1.0)
    with pytest.raises(TypeError):
        changed(found(), shift_ms=1.0)


def test_a_field_of_another_type_is_an_error() -> None:
    """A status that no step knows is named with the ones that are."""
    document = to_json(found())
    document["status"] = "maybe"

    with pytest.raises(ContractError, match=r"maybe.*build the step Calibration again"):
        from_json(document)
