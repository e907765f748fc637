"""Parsing and checking the YAML that people write. Loaded only when a document has changed.

Belongs here: what PyYAML and cerberus are needed for. `documents.py` keeps what was checked before, so
that a run with nothing to do loads neither.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from cerberus import Validator, errors

from pipeline import symbols
from pipeline.errors import ConfigError
from pipeline.free_form import Document
from pipeline.model import workplace
from pipeline.plain_text import meant

_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = {
    yaml.ScalarEvent: {f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null")},
    yaml.SequenceStartEvent: {f"{_CORE}seq"},
    yaml.MappingStartEvent: {f"{_CORE}map"},
}
"""The tags that may stand before a value of a kind: they make no other kind of it."""

_VALUE_CHARS = 80


def _form(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text, re.ASCII) is not None


FORMS: dict[str, tuple[Callable[[str], bool], str]] = {
    "symbol": (symbols.is_symbol, symbols.FORM),
    "column": (_form("[a-z][a-z0-9_]*"), "small letters, digits and _, a letter first"),
    "code": (_form("[ABCD][0-9]{2}"), "A, B, C or D and two digits, such as B12"),
    "variable": (_form("[A-Z][A-Z0-9_]{2,63}"), "the name of a variable, such as KITCHEN_ALERTS"),
    "endpoint": (
        _form(r"(https?://[^@\s/?#]+/?)?"),
        "an http or https address without a password or a path, or nothing",
    ),
    "region": (_form(r"[a-z0-9-]{1,40}"), "a region's name such as eu-central-1, or auto"),
    "page_address": (_form(r"https?://[^@\s]+"), "an http or https address without a password"),
    "workplace": (lambda text: workplace.parse(text) is not None, workplace.WORDS),
}
"""Name of a text's form -> whether a text has it, and the form in words. A schema names it as `form`."""


def _refused(problem: str, node: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses duplicate keys, aliases (which multiply without limit) and foreign types."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node, unless it is an alias or its tag makes another kind of value of it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refused("aliases are not allowed", event)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!", *_PLAIN_TAGS.get(type(event), ())):
            short = str(tag).replace(_CORE, "!!")[:_VALUE_CHARS]
            raise _refused(f"the tag {short} may not stand before this value; leave it out", event)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node, unless it is none of its kind or no finite number."""
        try:
            value = super().construct_object(node, deep=deep)
        except (ValueError, KeyError, AttributeError, OverflowError):
            kind = node.tag.replace(_CORE, "")
            raise _refused(f"{_shown(node.value)} is no {kind}", node) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise _refused(f"{node.value} is not a finite number", node)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, unless a key stands twice or is no word."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag in (f"{_CORE}merge", f"{_CORE}value"):
                raise _refused(f"the key {key_node.value} is not allowed", key_node)
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (list, dict)):
                raise _refused("a key must be a word", key_node)
            if key in seen:
                raise _refused(f"key {key!r} stands twice", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def parse(text: str, path: Path) -> Any:
    """The value of YAML text: safe types and finite numbers only, no duplicate keys, no aliases.

    Raises:
        ConfigError: not such YAML, with line and column.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: {error.problem}; fix the YAML there") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        words = " ".join(str(error).split())[:200]
        raise ConfigError(f"{path}: not YAML that can be read ({words}); fix it") from error


_UNKNOWN = "unknown field"


class _Validator(Validator):  # type: ignore[misc]
    """Cerberus with the rule `form`: a text of one of `FORMS`, which a fault tells in words."""

    def _validate_form(self, form: str, field: str, value: Any) -> None:
        """{'type': 'string'}"""
        has_form, words = FORMS[form]
        if isinstance(value, str) and not has_form(value):
            self._error(field, f"got {_shown(value)}, wanted {words}")


class _Words(errors.BasicErrorHandler):  # type: ignore[misc]
    """Cerberus' faults with what was got and what was wanted."""

    messages = errors.BasicErrorHandler.messages.copy()
    messages.update(
        {
            errors.REQUIRED_FIELD.code: "required field; add it",
            errors.UNKNOWN_FIELD.code: f"{_UNKNOWN}; leave it out, or see to its spelling",
            errors.EMPTY_NOT_ALLOWED.code: "is empty",
            errors.NOT_NULLABLE.code: "got nothing; give a value, or leave the key out",
            errors.BAD_TYPE.code: "got {value}, wanted {constraint}",
            errors.MIN_LENGTH.code: "got {value}, wanted a length of {constraint} or more",
            errors.MAX_LENGTH.code: "got {value}, wanted a length of {constraint} or less",
            errors.MIN_VALUE.code: "got {value}, wanted min value {constraint}",
            errors.MAX_VALUE.code: "got {value}, wanted max value {constraint}",
            errors.UNALLOWED_VALUE.code: "unallowed value {value}; wanted one of {constraint}",
            errors.UNALLOWED_VALUES.code: "unallowed values {0}; wanted some of {constraint}",
        }
    )

    def _format_message(self, field: Any, error: errors.ValidationError) -> str:
        constraint = error.constraint
        words = (
            ", ".join(map(str, constraint)) if isinstance(constraint, (list, tuple)) else constraint
        )
        text: str = self.messages[error.code].format(
            *error.info, constraint=words, field=field, value=_shown(error.value)
        )
        return text


def _shown(value: Any) -> str:
    """A value as a sentence can quote it."""
    text = repr(value)
    return text if len(text) <= _VALUE_CHARS else f"{text[:_VALUE_CHARS]}.."


def check(document: Any, schema: Document, where: Path) -> Document:
    """The document with defaults filled in, once it fits the cerberus schema.

    Raises:
        ConfigError: one line a fault, each with its key path.
    """
    if not isinstance(document, dict):
        raise ConfigError(f"{where}: wanted keys and values, got {type(document).__name__}")
    validator = _Validator(schema, allow_unknown=False, error_handler=_Words)
    if validator.validate(document):
        checked: Document = validator.document
        return checked
    faults = (
        f"{path}: {text}{_meant(schema, path, text)}" for path, text in _faults(validator.errors)
    )
    raise ConfigError(f"{where}: {'; '.join(faults)}")


def _meant(schema: Document, path: str, fault: str) -> str:
    """Of a key that is not known, those of its section that are like it."""
    if not fault.startswith(_UNKNOWN):
        return ""
    *sections, key = path.split(".")
    for section in sections:
        rules: Document = schema.get(section) or schema.get("*") or {}
        schema = rules.get("schema") or {"*": rules.get("valuesrules", {})}
    return meant(key, [str(name) for name in schema if name != "*"])


def _faults(errors_of: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for key, found in sorted(errors_of.items(), key=lambda item: str(item[0])):
        here = f"{path}.{key}" if path else str(key)
        for fault in found:
            if isinstance(fault, dict):
                yield from _faults(fault, here)
            else:
                yield here, str(fault)
