"""The picture of the house is what the import contracts keep, and every room is in it."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
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


def modules() -> dict[str, Path]:
    """Every module of the package, by its dotted name."""
    files = (PROJECT / "pipeline").rglob("*.py")
    names = {path: path.relative_to(PROJECT).with_suffix("").as_posix() for path in files}
    return {name.replace("/", ".").removesuffix(".__init__"): path for path, name in names.items()}


def names_imported(tree: ast.AST) -> Iterator[str]:
    """What a module imports when it is loaded or run; not what only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from names_imported(node)


def test_no_files_import_each_other_in_a_circle() -> None:
    """Not even within a function: each file stands above all that it needs."""
    known = modules()
    packages = {name for name, path in known.items() if path.name == "__init__.py"}
    graph = {
        name: (set(names_imported(ast.parse(path.read_text()))) & known.keys()) - packages
        for name, path in known.items()
    }

    TopologicalSorter(graph).prepare()

    assert sum(map(len, graph.values())) > len(graph)


def test_rules_are_loaded_at_the_door() -> None:
    """Only what loads or hashes the documents takes their folder; all else is handed what stands in them."""
    doors = ("contracts/", "settings/", "locations.py", "freshness/fingerprint.py")
    takers = [
        f"{name}.{node.name}"
        for name, path in modules().items()
        if not str(path.relative_to(PROJECT / "pipeline")).startswith(doors)
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef)
        for argument in (*node.args.args, *node.args.kwonlyargs)
        if argument.arg.startswith("governance")
    ]

    assert takers == []
