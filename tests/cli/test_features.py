"""`kitchen features` as a researcher meets it."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main as program
from pipeline.features.registry import MACRO, MICRO


def run(*arguments: str) -> Result:
    """Runs `kitchen features ...` as the shell would see it."""

    def call(*_: object, **__: object) -> None:
        program.main(["features", *arguments])

    return CliRunner().invoke(click.Command("kitchen", callback=call), [])


def test_list_names_all_in_the_order_of_the_columns() -> None:
    """Micro, then macro, as registered."""
    found = json.loads(run("list", "--json").output)["features"]

    assert [entry["name"] for entry in found] == [step.name for step in (*MICRO, *MACRO)]


def test_list_of_a_family() -> None:
    """One line a feature, of that family only."""
    lines = run("list", "--family", "toxicity").output.splitlines()

    assert [line.split()[:3] for line in lines] == [["micro", "vpin", "toxicity"]]


@pytest.mark.parametrize("name", ["poc_session", "ma200_anchor"])
def test_describe_says_formula_unit_window_and_source(name: str) -> None:
    """Everything that one needs to trust a column, on one screen."""
    shown = run("describe", name)

    assert shown.exit_code == 0
    assert all(f"{key}: " in shown.output for key in ("unit", "window", "warm_up", "nulls"))
    assert run("describe", name, "--json").output.count('"formula"') == 1


@pytest.mark.parametrize("arguments", [("describe", "pox"), ("list", "--family", "pox")])
def test_unknown_names_are_one_sentence(arguments: tuple[str, ...]) -> None:
    """A wrong name is a bad value: exit 40, and what would have been right."""
    shown = run(*arguments)

    assert shown.exit_code == 40
    assert "'pox'" in shown.output
