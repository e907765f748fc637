"""The picture of the house is what the import contracts keep, and every room is in it."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PAGE = (PROJECT / "docs" / "architecture.md").read_text()


def floors_of_the_picture() -> list[set[str]]:
    """The rooms of each floor, from the top down."""
    picture = re.search(r"never import each other\.\n```\n(.*?)```", PAGE, re.DOTALL)
    assert picture is not None
    return [set(re.findall(r"\w+", line)) for line in picture[1].splitlines()]


def floors_of_the_contracts() -> list[set[str]]:
    """The same, as the linter has it."""
    setup = configparser.ConfigParser()
    setup.read(PROJECT / "setup.cfg")
    layers = setup["importlinter:contract:layers"]["layers"].strip().splitlines()
    return [set(re.findall(r"pipeline\.(\w+)", line)) for line in layers]


def rooms() -> set[str]:
    """Every folder and file of the package."""
    entries = (PROJECT / "pipeline").iterdir()
    names = {p.stem for p in entries if (p / "__init__.py").exists() or p.suffix == ".py"}
    return names - {"__init__"}


def test_the_picture_is_what_the_linter_keeps() -> None:
    """The same rooms on the same floors."""
    assert floors_of_the_picture() == floors_of_the_contracts()


def test_no_room_is_left_out() -> None:
    """Each folder and file of the package stands on one floor."""
    placed = [room for floor in floors_of_the_contracts() for room in floor]

    assert sorted(placed) == sorted(rooms())


def test_every_folder_is_described() -> None:
    """And nothing that is not there."""
    described = set(re.findall(r"^\| `(\w+)/` \|", PAGE, re.MULTILINE))
    folders = {p.name for p in (PROJECT / "pipeline").iterdir() if (p / "__init__.py").exists()}

    assert described == folders
