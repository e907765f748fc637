"""`verdict.json`: the condition of a symbol's day and why, as typed values.

Belongs here: the form of the document, which `quality/` writes and `publishing/`, `runs/` and `cli/` read.
Measuring and judging are `quality/`'s.
"""

from __future__ import annotations

from typing import Any, Literal

from pipeline.contracts.value import Value, read_as, to_json

__all__ = ["CheckResult", "Condition", "Finding", "Reason", "Verdict", "from_json", "to_json"]

Condition = Literal["available", "degraded", "missing"]


class CheckResult(Value, frozen=True, kw_only=True):
    """One threshold of CONTROL held against one day.

    Args:
        name: The check.
        key: The threshold's path in CONTROL, such as `checks.atas_coverage`.
        why: What is measured, in CONTROL's words.
        measured: The value; None when the day offers nothing to measure.
        limit: The threshold.
        relation: `at least` or `at most` (of the absolute value).
        unit: Unit of both.
        passed: None when not measured.
        code: The defect code that a failure carries.
        stated: What a failure leads to, in CONTROL.
        consequence: The same after waivers.
        waived_by: Who lowered the consequence, and why.
        note: The value in words, with its counts.
        count: Minutes, rows or lines at fault.
        first: Open of the first minute at fault, where minutes are.
        last: Open of the last one.
    """

    name: str
    key: str
    why: str
    measured: float | None
    limit: float
    relation: str
    unit: str
    passed: bool | None
    code: str
    stated: str
    consequence: str
    waived_by: str | None
    note: str
    count: int
    first: str | None
    last: str | None


class Reason(Value, frozen=True, kw_only=True):
    """A defect code and what of the day it concerns; `first` and `last` are minute opens, if of minutes."""

    code: str
    count: int
    first: str | None = None
    last: str | None = None
    note: str


class Finding(Reason, frozen=True, kw_only=True):
    """A reason before it is joined with others of its code: what found it, and what follows from it."""

    by: str
    consequence: str

    @property
    def lowers(self) -> bool:
        """Whether the day is not available because of it."""
        return self.consequence != "note"


class Verdict(Value, frozen=True, kw_only=True):
    """A symbol's day, judged.

    `reasons` (one a code, gravest first) lower the condition, `notes` lower nothing; `checks` holds every
    result, passed or not.
    """

    symbol: str
    date: str
    condition: Condition
    reasons: tuple[Reason, ...]
    notes: tuple[Reason, ...]
    checks: tuple[CheckResult, ...]

    @property
    def measured(self) -> dict[str, float | None]:
        """Check -> its value; None where the day offered nothing to measure."""
        return {check.name: check.measured for check in self.checks}


def from_json(value: Any) -> Verdict:
    """The document in a JSON value.

    Raises:
        ContractError: a field is unknown, absent or of another type.
    """
    return read_as(Verdict, value, "verdict.json", "Verdict")
