"""Reading a YAML or JSON document that a person wrote, and checking it with cerberus.

All faults of a document come in one error, each with its key path.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from cerberus import Validator

from pipeline.errors import ConfigError

MAX_BYTES = 1 << 20
"""No document that a person writes is larger; a larger one is refused before it is parsed."""


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses duplicate keys and aliases (which multiply without limit)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="aliases are not allowed", problem_mark=event.start_mark
            )
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
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


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes; no document of this kind is")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; create it or name another") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text ({error})") from error


def load_yaml(path: Path) -> Any:
    """The value of a YAML document: safe types only, no duplicate keys, no aliases.

    Raises:
        ConfigError: missing, unreadable, too large or not such YAML, with line and column.
    """
    try:
        return yaml.load(_text(path), Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: {error.problem}; mend the YAML there") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not YAML that can be read ({str(error)[:200]})") from error


def load_json(path: Path) -> Any:
    """The value of a JSON document.

    Raises:
        ConfigError: missing, unreadable or not JSON, with line and column.
    """
    try:
        return json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg})"
        ) from error


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
