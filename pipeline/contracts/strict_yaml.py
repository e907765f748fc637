"""Parsing and checking the YAML that people write. Loaded only when a document has changed.

Belongs here: what PyYAML and cerberus are needed for. `documents.py` keeps what was checked before, so
that a run with nothing to do loads neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from cerberus import Validator

from pipeline.errors import ConfigError


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses duplicate keys and aliases (which multiply without limit)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node, unless it is an alias."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="aliases are not allowed", problem_mark=event.start_mark
            )
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, unless a key stands twice or is no word."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (list, dict)):
                raise yaml.MarkedYAMLError(
                    problem="a key must be a word", problem_mark=key_node.start_mark
                )
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key!r} stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def parse(text: str, path: Path) -> Any:
    """The value of YAML text: safe types only, no duplicate keys, no aliases.

    Raises:
        ConfigError: not such YAML, with line and column.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: {error.problem}; mend the YAML there") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not YAML that can be read ({str(error)[:200]})") from error


def check(document: Any, schema: dict[str, Any], where: Path) -> dict[str, Any]:
    """The document with defaults filled in, once it fits the cerberus schema.

    Raises:
        ConfigError: one line a fault, each with its key path.
    """
    if not isinstance(document, dict):
        raise ConfigError(f"{where}: wanted keys and values, got {type(document).__name__}")
    validator = Validator(schema, allow_unknown=False)
    if validator.validate(document):
        checked: dict[str, Any] = validator.document
        return checked
    faults = "; ".join(f"{path}: {text}" for path, text in _faults(validator.errors))
    raise ConfigError(f"{where}: {faults}")


def _faults(errors: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for key, found in sorted(errors.items(), key=lambda item: str(item[0])):
        here = f"{path}.{key}" if path else str(key)
        for fault in found:
            if isinstance(fault, dict):
                yield from _faults(fault, here)
            else:
                yield here, str(fault)
