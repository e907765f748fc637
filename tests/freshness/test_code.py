"""What counts as a change of a step's code."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import storage
from pipeline.freshness import code
from pipeline.stages import STAGES

MODULES = {
    "tasks/recipes.py": (
        "from pipeline.room.top import f\nfrom pipeline.tasks import inputs, tape_inputs\n\n"
        "def clean_feed(job):\n    return f(job) + _own(job) + tape_inputs.tape(job)\n\n"
        "def _own(job):\n    return 1\n\n"
        "def calibration(job):\n    return 2\n"
    ),
    "tasks/inputs.py": (
        "def table(job):\n    return read(job)\n\n"
        "def read(job):\n    return 3\n\n"
        "def unread(job):\n    return 4\n"
    ),
    "tasks/tape_inputs.py": (
        "from pipeline.tasks import inputs\n\n"
        "def tape(job):\n    return inputs.table(job) + _day(job)\n\n"
        "def _day(job):\n    return 5\n"
    ),
    "room/top.py": (
        '"""Top."""\nfrom pipeline import deep\n\ndef f(x):\n    """Says."""\n    return deep.g(x)\n'
    ),
    "deep.c": "int g;\n",
    "deep.py": "LIMIT = 3\n\ndef g(x):\n    # why\n    return min(x, LIMIT)\n",
    "other.py": "def h(x):\n    return x\n",
}


@pytest.fixture
def digest_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Edits one file of a small package; says whether the step's digest changed."""
    for name, text in MODULES.items():
        path = tmp_path / "pipeline" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)
    monkeypatch.setattr(code, "PROJECT", tmp_path)
    step = dataclasses.replace(STAGES["CleanFeed"], code=("pipeline.room.top",))
    monkeypatch.setitem(STAGES, "CleanFeed", step)

    def changed(name: str, old: str, new: str) -> bool:
        code.forget()
        before = code.stage_digest("CleanFeed")
        path = tmp_path / "pipeline" / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        code.forget()
        return code.stage_digest("CleanFeed") != before

    return changed


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("room/top.py", "deep.g(x)", "deep.g(x + 1)"),
        ("deep.py", "min(x, LIMIT)", "max(x, LIMIT)"),
        ("deep.py", "LIMIT = 3", "LIMIT = 4"),
        ("tasks/recipes.py", "f(job)", "f(job.day)"),
        ("tasks/recipes.py", "return 1", "return 10"),
        ("tasks/inputs.py", "read(job)\n\n", "read(job.day)\n\n"),
        ("tasks/inputs.py", "return 3", "return 30"),
        ("tasks/tape_inputs.py", "return 5", "return 50"),
    ],
)
def test_what_decides_the_result_counts(digest_after, name: str, old: str, new: str) -> None:
    """The step's own function, one deep in its closure, a constant there, its recipe and all its helpers."""
    assert digest_after(name, old, new)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("room/top.py", '"""Top."""', '"""Something else entirely."""'),
        ("room/top.py", '"""Says."""', '"""Says more."""'),
        ("deep.py", "# why", "# because"),
        ("deep.py", "\n\ndef g", "\n\n\n\ndef g"),
        ("other.py", "return x", "return -x"),
        ("tasks/recipes.py", "return 2", "return 20"),
        ("tasks/inputs.py", "return 4", "return 40"),
    ],
)
def test_what_does_not_decide_it_does_not(digest_after, name: str, old: str, new: str) -> None:
    """Docstrings, comments, blank lines, and modules that the step never reaches."""
    assert not digest_after(name, old, new)


def test_every_declared_module_exists() -> None:
    """A step's code is named in `stages.py`; a wrong name there would make it blind."""
    for name, stage in STAGES.items():
        for module in stage.code:
            assert code._path(module).exists(), f"{name}: {module}"


def test_the_digests_are_kept_while_no_file_changes(tmp_path: Path) -> None:
    """A second call reads the cache and gives the same; a damaged cache is only slow."""
    cache = tmp_path / "digests.json"
    first = code.code_digests(cache)
    stamp = cache.stat().st_mtime_ns

    assert code.code_digests(cache) == first
    assert cache.stat().st_mtime_ns == stamp

    cache.write_text("{")

    assert code.code_digests(cache) == first


def test_a_fresh_kitchen_need_not_parse_the_code_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's cache has the digests of the same files; without it they are the same, later."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = code.code_digests(tmp_path / "one.json")
    (shared,) = (tmp_path / "cache").rglob("*.json")
    signature, kept = storage.read_json(shared)["signature"], first | {"Verdict": "as kept"}
    shared.unlink()
    storage.remembered(shared, signature, lambda: kept)

    assert code.code_digests(tmp_path / "two.json") == kept

    shared.unlink()
    (tmp_path / "cache").rename(tmp_path / "gone")
    (tmp_path / "cache").touch()

    assert code.code_digests(tmp_path / "three.json") == first


def test_every_module_of_helpers_is_known() -> None:
    """What the recipes take from their own room beside the job itself counts as their code."""
    tree = ast.parse(code._path(code.RECIPES).read_bytes())
    taken = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "pipeline.tasks"
        for alias in node.names
    }

    assert taken == set(code.HELPERS)
