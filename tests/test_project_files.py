"""What the project says of itself to those who work on it is true."""

from __future__ import annotations

import re

import yaml

from pipeline.locations import PROJECT

CONTRIBUTING = (PROJECT / "CONTRIBUTING.md").read_text()


def test_the_files_and_modules_of_the_recipes_exist() -> None:
    """In the project, or in the package."""
    named = set(re.findall(r"`([\w/]+(?:\.\w+|/))`", CONTRIBUTING))
    links = re.findall(r"\]\(([^)#]+)\)", CONTRIBUTING)
    roots = (PROJECT, PROJECT / "pipeline")

    assert len(named) > 12
    assert [n for n in (*named, *links) if not any((root / n).exists() for root in roots)] == []


def test_the_commands_of_the_recipes_exist() -> None:
    """Targets of the Makefile, and modules that can be run."""
    targets = set(re.findall(r"^([a-z.]+):", (PROJECT / "Makefile").read_text(), re.M))
    modules = re.findall(r"-m (pipeline[\w.]+)", CONTRIBUTING)

    assert set(re.findall(r"(?:^|`)make ([a-z]+)", CONTRIBUTING, re.M)) <= targets
    assert modules
    for module in modules:
        source = (PROJECT / module.replace(".", "/")).with_suffix(".py").read_text()
        assert '__name__ == "__main__"' in source


def test_the_hooks_run_what_lint_runs() -> None:
    """Before a commit and in `make lint`: the same programs, out of the same environment."""
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    before = {hook["entry"] for repository in hooks for hook in repository["hooks"]}
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (PROJECT / "Makefile").read_text(), re.M)

    assert recipe is not None
    lint = {line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()}
    assert before == {line.removesuffix(" .") for line in lint}
    assert {repository["repo"] for repository in hooks} == {"local"}


def test_the_workflow_runs_what_a_clean_clone_must_pass() -> None:
    """`.ci/run`, and no second list of steps."""
    workflow = yaml.safe_load((PROJECT / ".github/workflows/ci.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]

    assert [step["run"] for step in steps if "run" in step] == ["bash .ci/run"]
    assert (PROJECT / ".ci/run").is_file()
