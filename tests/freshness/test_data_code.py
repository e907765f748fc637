"""A step's code is the code that makes its data: what the house does otherwise leaves all history fresh."""

from __future__ import annotations

import ast
import dataclasses
import shutil
from pathlib import Path

import pytest

from kit.grid import DAYS, Grid, forget
from pipeline.contracts.control import Control
from pipeline.freshness import code
from pipeline.locations import PROJECT
from pipeline.runs.plan import plan
from pipeline.stages import STAGES

pytestmark = pytest.mark.filterwarnings("ignore:The configuration contains")

GROUND = {
    "model",
    "tables",
    "contracts",
    "storage",
    "packs",
    "errors",
    "clock",
    "zones",
    "free_form",
    "locations",
    "system",
}
"""What the code of any step may reach."""

ROOMS = {
    "CleanFeed": {"sources"},
    "Calibration": {"alignment"},
    "Footprint": {"proof", "bars", "alignment"},
    "AlignedBars": {"alignment"},
    "Verdict": {"quality", "markup"},
    "MicroFeatures": {"features"},
    "DailyStats": {"features"},
    "MacroFeatures": {"features"},
    "Assemble": {"publishing"},
    "Manifest": {"publishing"},
    "Snapshot": {"publishing", "symbols"},
}
"""Step -> the rooms beside these whose code it may reach."""

ELSEWHERE = (
    ("settings/operations.py", "repeat_hours: float = 12", "repeat_hours: float = 13"),
    ("settings/fetching.py", '"min": 0, "max": 86_400', '"min": 0, "max": 86_401'),
    ("settings/sources.py", 'LABELS = ("open", "close")', 'LABELS = ("close", "open")'),
    ("unattended/alerts.py", "_MAX_LISTED = 20", "_MAX_LISTED = 21"),
    ("fetch/run.py", "MONTHLY_DAYS = 20", "MONTHLY_DAYS = 21"),
    ("cli/plan.py", "[:20]", "[:21]"),
    ("dashboard/calendar_page.py", 'FILE = "index.html"', 'FILE = "page.html"'),
    ("reader/refusing.py", "_NAMED = 12", "_NAMED = 13"),
    ("runs/plan.py", 'AT_MOST = "at most', 'AT_MOST = "no more'),
    ("layout.py", "_PEEK_BYTES = 1 << 16", "_PEEK_BYTES = 1 << 17"),
)
"""Modules that make no data, and a change of each that is no comment."""


SECTIONS = {
    **{field.name: field.name for field in dataclasses.fields(Control) if field.name != "raw"},
    "thresholds": "checks",
    "consequence": "waivers",
}
"""Attribute of a loaded CONTROL -> its section in the document."""


@pytest.fixture
def grid(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grid:
    """A copy of the published days, with source code of its own."""
    shutil.copytree(built, tmp_path / "kitchen", symlinks=True)
    return Grid(tmp_path / "kitchen", monkeypatch)


def digests() -> dict[str, str]:
    """Each step's digest, as a new process has it."""
    forget()
    return {name: code.stage_digest(name) for name in STAGES}


@pytest.mark.parametrize("step", STAGES)
def test_a_step_reaches_its_own_rooms_alone(step: str) -> None:
    """Never settings, nor where files lie, nor anything that runs, fetches, shows or reads."""
    reached = {module.split(".")[1] for module in code.closure(STAGES[step].code)}

    assert reached <= GROUND | ROOMS[step]


def test_the_written_list_has_every_step() -> None:
    """And no step that is gone."""
    assert set(ROOMS) == set(STAGES)


@pytest.mark.parametrize("step", STAGES)
def test_a_step_declares_every_section_of_control_that_it_reads(step: str) -> None:
    """Else a changed limit would leave its results standing."""
    declared = {name for name in STAGES[step].governance if name.startswith("CONTROL.")}
    read = {name for module in code.closure(STAGES[step].code) for name in sections_read(module)}

    assert read - declared == set(), "add them to the step's `governance` in stages.py"


def sections_read(module: str) -> set[str]:
    """The sections that a module takes of a value called `control`."""
    source = PROJECT / f"{module.replace('.', '/')}.py"
    text = (source if source.exists() else source.with_suffix("") / "__init__.py").read_text()
    return {
        f"CONTROL.{SECTIONS[node.attr]}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and node.attr in SECTIONS
        and ast.unparse(node.value).rpartition(".")[2] == "control"
    }


def test_what_makes_no_data_leaves_all_history_fresh(grid: Grid) -> None:
    """Each such module changes, no step's digest does, and a plan has nothing to do."""
    before = digests()
    for name, old, new in ELSEWHERE:
        grid.edit(f"source/pipeline/{name}", old, new)

    assert digests() == before

    forget()
    assert plan(DAYS).reasons == {}


def test_what_makes_data_moves_its_own_step(grid: Grid) -> None:
    """A constant that cleaning depends on: CleanFeed's digest, and no other."""
    before = digests()
    source = "source/pipeline/sources/clean.py"
    grid.edit(source, 'more_notes["not_needed"]', 'more_notes["unneeded"]')

    after = digests()

    assert {step for step in STAGES if after[step] != before[step]} == {"CleanFeed"}
