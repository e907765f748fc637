"""No clock and no damage leads to a wrong correction; where there is evidence, the clock is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import calibration_matrix
from tools.calibration_matrix import (
    IDENTIFIED,
    LOSSES,
    NOISES,
    OFFSETS,
    REFUSED,
    Cell,
    Day,
    cell,
    generated_day,
    matrix,
    must_refuse,
    real_days,
)


@pytest.fixture(scope="session")
def days(real_data: Path) -> list[Day]:
    """Three real days and a generated one."""
    return [*real_days(real_data), generated_day(1)]


def test_each_damage_with_some_offset(days: list[Day]) -> None:
    """The short form: every day, loss and noise with one offset of the nine in turn."""
    asked = [(day, loss, noise) for day in days for loss in LOSSES for noise in NOISES]
    cells = [
        cell(day, OFFSETS[number % len(OFFSETS)], loss, noise)
        for number, (day, loss, noise) in enumerate(asked)
    ]

    assert [c for c in cells if c.outcome != IDENTIFIED and c.n >= 240] == []


@pytest.mark.slow
def test_the_whole_matrix(days: list[Day]) -> None:
    """Nine offsets, three losses, three noises: all exact where 240 minutes are common."""
    assert [c for c in matrix(days) if c.outcome != IDENTIFIED and c.n >= 240] == []


@pytest.mark.parametrize("number", range(4))
def test_what_must_not_pass_is_refused(days: list[Day], number: int) -> None:
    """A shift in mid-day, a constant price, 100 minutes, another symbol, quote volumes."""
    cells = list(must_refuse(days[number], days[number - 1]))

    assert [c.outcome for c in cells] == [REFUSED] * 5


def test_the_table_stands_between_its_marks(tmp_path: Path) -> None:
    """What is around it stays."""
    document = tmp_path / "calibration.md"
    document.write_text("before\n<!-- matrix -->\nold\n<!-- end of matrix -->\nafter\n")
    found = Cell(day="D", offset=-480, loss=0.1, noise="none", outcome=IDENTIFIED, n=1300)

    calibration_matrix.write_into(document, calibration_matrix.table([found], []))
    text = document.read_text()

    assert text.startswith("before\n")
    assert text.endswith("<!-- end of matrix -->\nafter\n")
    assert "| D | 10% | none | exact | 1300 to 1300 |" in text
    assert "old" not in text
