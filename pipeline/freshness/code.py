"""What code decides a step's result, as a digest: the step's modules and all they import of ours.

Comments, blank lines and docstrings do not count; names, constants and everything else do. The digest
is of the syntax tree, whose text differs between Python versions, so the version is part of it.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline import storage
from pipeline.locations import user_cache
from pipeline.settings.config import PROJECT
from pipeline.stages import STAGES

RECIPES = "pipeline.tasks.recipes"
"""The module whose function of a step's name, in snake case, feeds the pure functions of the step."""

HELPERS = {name: f"pipeline.tasks.{name}" for name in ("inputs", "tape_inputs")}
"""The modules of the recipes' own helpers, by the name that the recipes call them by."""

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where the statements of a statement stand, for all that has some."""


def code_digests(kept: Path) -> dict[str, str]:
    """Step name -> digest of its code.

    Args:
        kept: A JSON file that may be deleted at will. It keeps the digests as long as no source file
            of the package changes its size or times, so that a run with nothing to do parses nothing.
            Another in the user's cache keeps them for kitchens to come.
    """
    states = sorted(_states(str(PROJECT / "pipeline"), ""))
    signature = storage.digest([sys.version_info[:2], str(PROJECT), states])
    shared = user_cache("code") / f"{storage.digest(str(PROJECT))}.json"
    return storage.remembered(
        kept, signature, lambda: storage.remembered(shared, signature, _digests)
    )


def _digests() -> dict[str, str]:
    forget()
    return {name: stage_digest(name) for name in STAGES}


def forget() -> None:
    """Reads every source file anew from now on."""
    for read in (_source, _functions, _exists):
        read.cache_clear()


def _states(folder: str, name: str) -> Iterator[tuple[str, int, int, int]]:
    """Name, size and times of every source file in a folder and below."""
    with os.scandir(folder) as entries:
        for entry in entries:
            below = f"{name}{entry.name}"
            if entry.name.endswith((".py", ".c", ".html", ".css", ".j2")):
                status = entry.stat()
                yield below, status.st_size, status.st_mtime_ns, status.st_ctime_ns
            elif entry.is_dir(follow_symlinks=False) and entry.name != "__pycache__":
                yield from _states(entry.path, f"{below}/")


def stage_digest(name: str) -> str:
    """The digest of one step's code: its recipe, its modules, their closure, templates and C sources."""
    state = hashlib.sha256(f"python {sys.version_info[0]}.{sys.version_info[1]}\n".encode())
    state.update(_recipe(name).encode())
    for module in sorted(closure(STAGES[name].code)):
        state.update(f"\n{module}\n{_source(module).digest}".encode())
        for text in _beside(module):
            state.update(f"\n{text.name}\n".encode() + text.read_bytes())
    return state.hexdigest()


def _beside(module: str) -> list[Path]:
    """What a module works with that is not Python: its C source, its room's templates."""
    path = _path(module)
    compiled = path.with_suffix(".c")
    return [*([compiled] if compiled.exists() else []), *sorted(path.parent.glob("templates/*"))]


def closure(modules: tuple[str, ...]) -> set[str]:
    """The modules and every module of this package that they import, however indirectly."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(_source(module).imports)
    return found


def _path(module: str) -> Path:
    base = PROJECT.joinpath(*module.split("."))
    package = base / "__init__.py"
    return package if package.exists() else base.with_suffix(".py")


@cache
def _exists(module: str) -> bool:
    return module.startswith("pipeline.") and _path(module).exists()


@dataclass(frozen=True, slots=True)
class _Source:
    """One module: the digest of its bare tree, and the modules of this package that it imports."""

    digest: str
    imports: frozenset[str]


@cache
def _source(module: str) -> _Source:
    tree = ast.parse(_path(module).read_bytes())
    names: set[str] = set()
    for node in _bared(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return _Source(digest=digest, imports=frozenset(filter(_exists, names)))


def _bared(node: ast.AST) -> Iterator[ast.AST]:
    """Takes docstrings, and other strings that stand alone, out of a tree; gives each statement in it."""
    for name in _BLOCKS:
        block = getattr(node, name, None)
        if isinstance(block, list):  # the body of a lambda is none
            block[:] = [statement for statement in block if not _is_text(statement)]
            for statement in block:
                yield statement
                yield from _bared(statement)


def _is_text(statement: ast.AST) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def recipe_name(stage: str) -> str:
    """`AlignedBars` -> `aligned_bars`: the name of a step's function among the recipes."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in stage).lstrip("_")


def _recipe(stage: str) -> str:
    """The step's recipe, and every helper that it uses, however indirectly; no other step's recipe."""
    own = recipe_name(stage)
    others = {recipe_name(name) for name in STAGES} - {own}
    functions = {name: node for name, node in _functions().items() if name not in others}
    found: dict[str, str] = {}
    waiting = [own]
    while waiting:
        name = waiting.pop()
        if name in functions and name not in found:
            found[name] = ast.dump(functions[name])
            waiting.extend(_called(name, functions[name]))
    return "\n".join(found[name] for name in sorted(found))


@cache
def _functions() -> dict[str, ast.FunctionDef]:
    """Recipes by name, and helpers as `inputs.name`; those of the recipes' own module by name."""
    found: dict[str, ast.FunctionDef] = {}
    prefixes = {"": RECIPES} | {f"{name}.": module for name, module in HELPERS.items()}
    for prefix, module in prefixes.items():
        tree = ast.parse(_path(module).read_bytes() if _exists(module) else b"")
        list(_bared(tree))
        functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
        found |= {prefix + function.name: function for function in functions}
    return found


def _called(name: str, function: ast.FunctionDef) -> set[str]:
    """Names of functions, as of `_functions`, that the words of one of them may mean."""
    prefix = name[: name.find(".") + 1]
    nodes = list(ast.walk(function))
    own = {prefix + node.id for node in nodes if isinstance(node, ast.Name)}
    return own | {
        f"{node.value.id}.{node.attr}"
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in HELPERS
    }
