"""What a process builds by, in a few short words: two that differ must not build for each other.

Belongs here: naming it, and telling two apart. Standard library only until a governance document changed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from pipeline import storage
from pipeline.contracts import documents
from pipeline.errors import ConfigError
from pipeline.freshness import stamp
from pipeline.freshness.check import Freshness
from pipeline.settings.config import Kitchen

_SHOWN = 12
"""So many digits of a digest tell two apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Digests of the steps' code, of governance and settings; the releases of Python and the libraries.

    Governance counts by its values: its comments and its layout decide nothing.
    """

    code: str
    python: str
    libraries: str
    governance: str
    settings: str

    def against(self, wanted: Identity) -> str:
        """In which words it differs from another; empty where it does not."""
        return differences(self, wanted, (f.name for f in fields(Identity)))


def differences(own: object, wanted: object, names: Iterable[str]) -> str:
    """In which words two differ in the texts of these names; of lists, only what is not in both."""
    words = []
    for name in names:
        both = [getattr(each, name).split(", ") for each in (own, wanted)]
        here, there = (
            ", ".join(part for part in parts if part not in other)
            for parts, other in (both, both[::-1])
        )
        if here or there:
            words.append(f"{name} is {here or 'without'}, wanted {there or 'without'}")
    return "; ".join(words)


def of(freshness: Freshness) -> Identity:
    """By what these comparisons, and what is built by them, go."""
    return of_parts(freshness.kitchen, freshness.code, freshness.libraries)


def of_parts(kitchen: Kitchen, code: Mapping[str, str], libraries: Mapping[str, str]) -> Identity:
    """The same, of the digests and releases that comparisons go by."""
    return Identity(
        code=short(code),
        python=".".join(map(str, sys.version_info[:2])),
        libraries=", ".join(f"{name} {no}" for name, no in sorted(libraries.items())),
        governance=short(_governance(kitchen)),
        settings=short(stamp.settings_of(kitchen)),
    )


def _governance(kitchen: Kitchen) -> dict[str, str]:
    """Document -> digest of its values, which are read again only when its bytes have changed."""
    files = stamp.rules_digests(kitchen)
    return storage.remembered(
        kitchen.prepared / ".governance_values.json",
        storage.digest(files),
        lambda: {
            name: _values(kitchen.governance / name)
            for name in files
            if name.endswith((".yaml", ".json"))
        },
    )


def _values(path: Path) -> str:
    """The digest of a document's values; of its bytes where none can be read: a step will say so."""
    try:
        read = documents.load_json if path.suffix == ".json" else documents.load_yaml
        return storage.digest(json.dumps(read(path), sort_keys=True, default=str))
    except (ConfigError, TypeError, ValueError):
        return storage.file_digest(path)


def short(value: object) -> str:
    """A digest in as many digits as tell two apart."""
    return storage.digest(value)[:_SHOWN]
