"""Reading a YAML or JSON document that a person wrote, and checking it with cerberus.

All faults of a document come in one error, each with its key path. A checked document is kept as JSON in
the user's cache folder, by the bytes it was read from: PyYAML and cerberus are loaded only when a document
has changed. The kept copies may be deleted at will.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.errors import ConfigError
from pipeline.free_form import Document
from pipeline.locations import user_cache

MAX_BYTES = 1 << 20
"""No document that a person writes is larger; a larger one is refused before it is parsed."""

_HEAVY = "pipeline.contracts.strict_yaml"
_DATE = "$date"


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
    return importlib.import_module(_HEAVY).parse(_text(path), path)


def load_json(path: Path) -> Any:
    """The value of a JSON document: finite numbers only, no duplicate keys.

    Raises:
        ConfigError: missing, unreadable or not such JSON, with line and column where they are known.
    """
    try:
        return json.loads(_text(path), object_pairs_hook=_once, parse_constant=_finite)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not JSON that can be read ({error}); fix it") from error


def _once(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"key {twice!r} stands twice")
    return found


def _finite(text: str) -> float:
    raise ValueError(f"{text} is not a finite number")


def check(document: Any, schema: Document, where: Path) -> Document:
    """The document with defaults filled in, once it fits the cerberus schema.

    Raises:
        ConfigError: one line a fault, each with its key path.
    """
    checked: Document = importlib.import_module(_HEAVY).check(document, schema, where)
    return checked


def load_checked(path: Path, schema: Document) -> Document:
    """The checked value of a YAML or JSON document, from the kept copy of bytes that were checked before.

    Raises:
        ConfigError: as `load_yaml` and `check`.
    """
    text = _text(path)
    state = hashlib.sha256(repr(schema).encode())
    state.update(text.encode())
    kept = user_cache("documents") / f"{state.hexdigest()}.json"
    with suppress(OSError, ValueError):
        document = json.loads(kept.read_bytes(), object_hook=_with_dates)
        if isinstance(document, dict):
            return document
    document = check(load_json(path) if path.suffix == ".json" else load_yaml(path), schema, path)
    # A folder that cannot be written, or a value that JSON lacks, costs time and nothing else.
    with suppress(OSError, TypeError, ValueError):
        storage.write_scratch(kept, json.dumps(document, default=_as_json).encode())
    return document


def _as_json(value: Any) -> dict[str, str]:
    if type(value) is dt.date:
        return {_DATE: value.isoformat()}
    raise TypeError(type(value).__name__)


def _with_dates(value: Document) -> Any:
    return dt.date.fromisoformat(value[_DATE]) if set(value) == {_DATE} else value
