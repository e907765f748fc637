"""A refactor is accepted after samples prove it; nothing else ever is."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from kit.grid import DAYS, SYMBOLS, Grid, forget
from pipeline import storage
from pipeline.cli import main as program
from pipeline.freshness import receipt
from pipeline.publishing import content
from pipeline.tasks import recipes

pytestmark = pytest.mark.filterwarnings("ignore:The configuration contains")

BARS = "data/raw/atas/bars_1m/BTCUSDT/date=2025-01-03/bars_1m.jsonl"
REFACTORED = "source/pipeline/features/micro.py"


@pytest.fixture
def grid(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grid:
    """A copy of the published days, whose code of minute features was refactored."""
    shutil.copytree(built, tmp_path / "kitchen", symlinks=True)
    grid = Grid(tmp_path / "kitchen", monkeypatch)
    grid.edit(REFACTORED, "\n\n\ndef ", "\n\n\n_UNUSED = 1\n\n\ndef ")
    return grid


def accept(*arguments: str) -> Result:
    """`kitchen accept ...` in a process that remembers nothing."""
    forget()

    def call(*_: object, **__: object) -> None:
        program.main(["accept", *arguments])

    result = CliRunner().invoke(click.Command("kitchen", callback=call), [])
    forget()
    return result


def kept(grid: Grid, unit: str) -> receipt.Receipt:
    """A unit's receipt."""
    found = receipt.read(grid.prepared(unit).parent, grid.prepared(unit).name)
    assert found is not None
    return found


def test_a_refactor_is_accepted_and_nothing_runs(grid: Grid) -> None:
    """Each receipt of the step says who, why, when and which code computed it; nothing else is touched."""
    micro = "date=2025-01-03/BTCUSDT/MicroFeatures"
    before = kept(grid, micro)

    result = accept("--who", "A. Person", "--why", "a constant", "--sample", "2", "--json")
    facts, after = json.loads(result.output), kept(grid, micro)
    (said,) = after.facts["accepted"]

    assert facts["accepted"] == {"MicroFeatures": 6}
    assert facts["sampled"] == [
        f"MicroFeatures {day} {symbol}" for day in (DAYS[0], DAYS[2]) for symbol in SYMBOLS
    ]
    assert (said["who"], said["why"], said["samples"]) == ("A. Person", "a constant", 4)
    assert said["computed_by"]["code"] == before.parts["code"] != after.parts["code"]
    assert (after.contents, after.file) == (before.contents, before.file)
    assert grid.ask() == set()
    assert set(grid.revisions().values()) == {1}


def test_the_record_has_a_line_for_it(grid: Grid) -> None:
    """In `.ops`, beside the log of unattended runs; a second call finds nothing and adds none."""
    accept("--who", "A. Person")
    again = json.loads(accept("--json").output)
    (line,) = grid.prepared(".ops/accepted.jsonl").read_text().splitlines()

    assert json.loads(line)["who"] == "A. Person"
    assert again["accepted"] == {}
    assert again["left"] == {}


def test_a_manifest_made_later_names_the_code_that_computed(grid: Grid) -> None:
    """The code in force did not compute the features of the days that were accepted."""
    computed_by = kept(grid, "date=2025-01-03/BTCUSDT/MicroFeatures").parts["code"]
    accept()
    grid.forget_receipt("date=2025-01-03", "Manifest")

    ran = grid.ask()
    made = storage.read_json(grid.prepared("date=2025-01-03/Manifest.json"))
    other = storage.read_json(grid.prepared("date=2025-01-02/Manifest.json"))

    assert ("Manifest", 3, None) in ran
    assert made["code"]["accepted"] == {"MicroFeatures": [computed_by["MicroFeatures"]]}
    assert "accepted" not in other["code"]


def test_code_that_gives_other_content_is_refused(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """30, the unit and its output by name, and no receipt is touched."""
    before = kept(grid, "date=2025-01-03/BTCUSDT/MicroFeatures")
    _another_result(monkeypatch)

    result = accept("--json")

    assert result.exit_code == 30
    assert json.loads(result.output)["differs"]["MicroFeatures 2025-01-04 ETHUSDT"] == [
        "features_micro"
    ]
    assert kept(grid, "date=2025-01-03/BTCUSDT/MicroFeatures") == before
    assert not grid.prepared(".ops/accepted.jsonl").exists()


def _another_result(monkeypatch: pytest.MonkeyPatch) -> None:
    real = recipes.micro_features
    fewer = lambda job: {"features_micro": real(job)["features_micro"].slice(1)}  # noqa: E731
    monkeypatch.setattr(recipes, "micro_features", fewer)


def test_a_changed_raw_byte_is_never_accepted(grid: Grid) -> None:
    """The unit that reads it stays stale, and so does all that reads that; the other symbol does not."""
    path = grid.root / BARS
    path.write_bytes(path.read_bytes().replace(b'"volume":', b'"volume": ', 1))

    facts = json.loads(accept("--json").output)

    assert facts["left"]["CleanFeed 2025-01-03 BTCUSDT atas_bars"] == [
        f"raw {path.relative_to(grid.raw).as_posix()} changed"
    ]
    assert "MicroFeatures 2025-01-03 BTCUSDT" in facts["left"]
    assert facts["accepted"] == {"MicroFeatures": 3}


def test_a_damaged_output_is_never_accepted(grid: Grid) -> None:
    """Every byte is hashed, though the file's size and times be those of the receipt."""
    name = "date=2025-01-03/BTCUSDT/MicroFeatures"
    path = grid.prepared(f"{name}.parquet")
    data = path.read_bytes()
    path.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
    held = kept(grid, name)
    assert held.file is not None
    forged = replace(held, file=replace(held.file, stat=receipt.signature(path.stat())))
    receipt.write(path.parent, {path.stem: forged})

    facts = json.loads(accept("--json").output)

    assert "MicroFeatures 2025-01-03 BTCUSDT" in facts["left"]
    assert facts["accepted"] == {"MicroFeatures": 5}


def test_a_changed_threshold_is_never_accepted(grid: Grid) -> None:
    """Governance that changed makes its steps stale, whatever else did."""
    grid.edit("governance/CONTROL_kitchen.yaml", "at_most: 0.02", "at_most: 0.03")

    facts = json.loads(accept("--json").output)

    assert facts["accepted"] == {"MicroFeatures": 6}
    assert {unit.split()[0] for unit in facts["left"]} == {
        "Assemble",
        "Manifest",
        "Snapshot",
        "Verdict",
    }


def test_a_snapshot_that_says_something_else_is_not_accepted(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed sealing step is accepted only where readers have what was prepared."""
    accept()
    grid.edit("source/pipeline/publishing/seal.py", "\n\n\ndef ", "\n\n\n_UNUSED = 1\n\n\ndef ")
    real = content.says_the_same
    monkeypatch.setattr(
        content, "says_the_same", lambda sealed, *new: sealed.day != DAYS[1] and real(sealed, *new)
    )

    facts = json.loads(accept("--json").output)

    assert facts["accepted"] == {"Snapshot": 2}
    assert facts["left"]["Snapshot 2025-01-03"] == ["the current revision says something else"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--start", "2025-02-30"), 40, "give a UTC date"),
        (("--who", " "), 40, "who accepts"),
        (("--sample", "0"), 2, "--sample"),
    ],
)
def test_wrong_input_is_one_sentence(arguments: tuple[str, ...], code: int, says: str) -> None:
    """The documented exit code, and what was wanted."""
    result = accept(*arguments)

    assert (result.exit_code, says in result.output) == (code, True)
