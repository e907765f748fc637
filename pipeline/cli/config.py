"""`kitchen config`: faults of a configuration and of its rules, and its form for editors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import click

from pipeline.cli import output
from pipeline.contracts import control, features_schema, outages, profiles, schema
from pipeline.errors import ConfigError, ExitCode
from pipeline.locations import config_file
from pipeline.publishing import needs
from pipeline.settings.config import DOCUMENT, Kitchen, read_kitchen
from pipeline.settings.json_schema import json_schema

_PART = re.compile(r"; (?=[\w.*-]+(?:\.[\w-]+)*: )")
"""Between two faults of one document, each of which begins with its key."""


@click.group("config")
def command() -> None:
    """The configuration: check it, or print its form for an editor. Both commands take --json.

    \b
    Example:
      kitchen config check
    """


@command.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@output.json_option
def check(file: Path | None) -> None:
    """Name every fault of a configuration, by default the one in force, and of its rules, each by its key.

    Also what it names that this machine lacks: the signing key, libraries of extras.

    \b
    Exit codes:
      0 nothing is wrong   40 something is

    \b
    Example:
      kitchen config check configs/kitchen.yaml
    """
    path = (config_file() if file is None else file).absolute()
    found = faults(path)
    code = ExitCode.BAD_VALUE if found else ExitCode.DONE
    lines = found or [f"{path}: nothing is wrong"]
    output.say({"file": str(path), "faults": found, "exit": code}, lines)
    click.get_current_context().exit(code)


@command.command("schema")
@output.json_option
def print_schema() -> None:
    """Print the JSON Schema of kitchen.yaml, which editors complete and check by.

    An editor with YAML support takes it from a first line such as
    # yaml-language-server: $schema=kitchen.schema.json

    \b
    Example:
      kitchen config schema > kitchen.schema.json
    """
    form = json_schema(DOCUMENT, "kitchen.yaml")
    output.say(form, [json.dumps(form, indent=2, ensure_ascii=False)])


def faults(path: Path) -> list[str]:
    """Each in a sentence; the rules, and what else it names, are looked at where it has a good form."""
    try:
        kitchen = read_kitchen(path)
    except ConfigError as error:
        return _apart(error)
    found = [fault for load in _DOCUMENTS for fault in _of_rules(kitchen, load)]
    found += [f"{path}: {sentence}" for sentence in needs.lacking(kitchen)]
    return found


_DOCUMENTS: tuple[Callable[[Path], object], ...] = (
    control.load,
    schema.load,
    features_schema.load,
    outages.load,
    profiles.load,
)


def _of_rules(kitchen: Kitchen, load: Callable[[Path], object]) -> list[str]:
    try:
        load(kitchen.governance)
    except ConfigError as error:
        return _apart(error)
    return []


def _apart(error: ConfigError) -> list[str]:
    """The faults of one document, a line each, the document's name before each."""
    file, colon, rest = str(error).partition(": ")
    parts = _PART.split(rest)
    return [f"{file}{colon}{part}" for part in parts] if len(parts) > 1 else [str(error)]
