"""Documents that travel: every field has one name, on either side of the file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.contracts import correction, ledger
from pipeline.contracts.verdict import CheckResult, Reason, Verdict, from_json, to_json
from pipeline.errors import ContractError


def judged() -> Verdict:
    """A day that lacks minutes."""
    check = CheckResult(
        name="atas_coverage",
        key="checks.atas_coverage",
        why="minutes",
        measured=0.93,
        limit=0.95,
        relation="at least",
        unit="fraction",
        passed=False,
        code="A13",
        stated="degrade",
        consequence="degrade",
        waived_by=None,
        note="93 of 100",
        count=7,
        first="2025-01-02T07:36:00Z",
        last="2025-01-02T07:42:00Z",
    )
    reason = Reason(code="A13", count=7, first=check.first, last=check.last, note="93 of 100")
    return Verdict(
        symbol="BTCUSDT",
        date="2025-01-02",
        condition="degraded",
        reasons=(reason,),
        notes=(),
        checks=(check,),
    )


def test_a_verdict_comes_back_from_its_file_as_it_went() -> None:
    """Through the text of a JSON file, without any loss."""
    assert from_json(json.loads(json.dumps(to_json(judged()), allow_nan=False))) == judged()


@pytest.mark.parametrize("at", [(), ("reasons", 0), ("checks", 0)])
def test_a_misspelt_field_of_a_verdict_is_an_error(at: tuple[Any, ...]) -> None:
    """Named with the document, and what to do."""
    document = to_json(judged())
    part = document
    for key in at:
        part = part[key]
    part["cuont"] = 1

    with pytest.raises(ContractError, match=r"verdict\.json: .*cuont.*build the step Verdict"):
        from_json(document)


def test_what_does_not_apply_is_not_written_of_a_correction() -> None:
    """Offsets by run, skew and shifts stand in the file where there are some; runs are numbers again."""
    plain: dict[str, Any] = {
        "status": "applied",
        "offset_minutes": 0,
        "identity": "same",
        "volume_unit": "base",
        "volume_factor": None,
    }
    by_run = {**plain, "offsets": {"0": 0, "1": 60}, "split_gap_minutes": 90, "skew_us": 5}
    document = {**plain, "feed": "atas_bars", "feeds": {"atas_bars": by_run}}
    found = correction.from_json(document)

    assert found.feeds["atas_bars"].offsets == {0: 0, 1: 60}
    assert correction.to_json(found) == document


def test_lines_are_balanced_where_none_is_lost() -> None:
    """Read = used + merged + rejected, also of the sum of files."""
    whole = ledger.Lines(read=3, used=1, merged=1, rejected=1)

    assert (whole + whole).balanced
    assert not (whole + ledger.Lines(read=1)).balanced


@pytest.mark.parametrize("field", ["sha", "moved_rows"])
def test_a_ledger_has_no_field_of_another_name(field: str) -> None:
    """Neither a misspelt one, nor one of a file that was moved from a neighbour."""
    with pytest.raises(ContractError, match=rf"ledger\.json: .*{field}.*build the step CleanFeed"):
        ledger.from_json([{"path": "a", field: 1}])
