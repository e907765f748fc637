"""Which governance documents were in force, for a manifest: the hash of their bytes, and of their meaning."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.contracts.documents import load_json, load_yaml
from pipeline.contracts.manifest import Contract


def contract(governance: Path) -> Contract:
    """Every governance document: the hash of its bytes, and of its meaning, slice by slice."""
    documents = sorted(p for p in governance.iterdir() if p.suffix in (".json", ".yaml"))
    files = {path: storage.file_digest(path) for path in documents}
    slices: dict[str, str] = {}
    for path, digest in files.items():
        slices |= _slices(path, digest)
    return Contract(files={path.name: digest for path, digest in files.items()}, slices=slices)


@lru_cache(maxsize=32)
def _slices(path: Path, _digest: str) -> dict[str, str]:
    """A document's slices by name: read once a process, for as long as its bytes are the same."""
    value = _plain(load_json(path) if path.suffix == ".json" else load_yaml(path))
    name = path.stem.removesuffix("_kitchen")
    return {f"{name}.{key}": storage.digest(value[key]) for key in value or {}}


def _plain(value: Any) -> Any:
    """YAML's dates as text, for JSON has none."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value
