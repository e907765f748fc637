"""A symbol's day from raw files to its report, in this process: every step up to the verdict."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import layout, storage
from pipeline.contracts.verdict import Verdict, from_json
from pipeline.freshness import graph
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.packs import Stored
from pipeline.settings.config import Kitchen
from pipeline.stages import STAGES
from pipeline.tasks import job

_CODE = dict.fromkeys(STAGES, "as of this test run")
"""The digest of the code decides nothing here and takes seconds to find."""


@dataclass(frozen=True, slots=True)
class Day:
    """What came out of a day."""

    kitchen: Kitchen
    unit: Unit
    verdict: Verdict
    report: dict[str, Any]

    @property
    def condition(self) -> str:
        """available, degraded or missing."""
        return self.verdict.condition

    def counts(self, code: str) -> list[int]:
        """Every count that the report gives for a code: reasons, notes, defect table."""
        report = self.report
        entries = report["verdict"]["reasons"] + report["verdict"]["notes"] + report["defects"]
        return [entry["count"] for entry in entries if entry["code"] == code]

    def read(self, stage: str, output: str, source: str | None = None) -> Stored:
        """Where an output of an earlier step lies."""
        unit = Unit(stage, self.unit.day, self.unit.symbol, source)
        return graph.stored(self.kitchen, unit, output)


def whole_day(kitchen: Kitchen, symbol: str, day: dt.date) -> Day:
    """Builds all that the verdict of a symbol's day needs, and the verdict."""
    layout.forget_listings()
    unit = Unit("Verdict", day, symbol)
    freshness = Freshness(kitchen)
    freshness.code = _CODE
    job.build(freshness, unit)
    return Day(
        kitchen,
        unit,
        from_json(storage.json_in(graph.stored(kitchen, unit, "verdict"))),
        storage.json_in(graph.stored(kitchen, unit, "report_json")),
    )


def edit_lines(path: Path, change: Any) -> None:
    """Rewrites a file line by line: `change` gets the list of lines and returns the new one."""
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
