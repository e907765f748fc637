"""The raw files of a day as its report lists them: an hour's file beside the next is one entry.

Belongs here: which files stand together, and what is said of them. Each file by itself, with its digest, is
in the manifest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pipeline.contracts.ledger import LedgerEntry, Lines
from pipeline.contracts.value import to_json
from pipeline.free_form import Json

_HOUR = re.compile(r"/[0-9]{2}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Files of one feed that differ by their hour's folder and by counts, or one file."""

    source: str
    path: str
    entries: list[LedgerEntry]

    @property
    def lines(self) -> Lines:
        return sum((entry.lines for entry in self.entries), Lines())


def conservation(ledgers: Mapping[str, Sequence[LedgerEntry]]) -> list[Json]:
    """Where every raw line went: read = used + merged + rejected."""
    return [
        {
            "source": group.source,
            "path": group.path,
            "files": len(group.entries),
            **to_json(group.lines),
            "balanced": all(entry.lines.balanced for entry in group.entries),
        }
        for group in _groups(ledgers)
    ]


def inputs(ledgers: Mapping[str, Sequence[LedgerEntry]]) -> list[Json]:
    """What was read, and what an adapter inferred from it; the digest of a file that stands alone."""
    return [
        {
            "source": group.source,
            "path": group.path,
            "files": len(group.entries),
            "bytes": sum(entry.bytes or 0 for entry in group.entries) or None,
            "sha256": group.entries[0].sha256 if len(group.entries) == 1 else None,
            "adapter": group.entries[0].adapter,
            "notes": _notes(reduce(_together, (entry.notes for entry in group.entries))),
        }
        for group in _groups(ledgers)
    ]


def _groups(ledgers: Mapping[str, Sequence[LedgerEntry]]) -> list[_Group]:
    """A file of which a line is merged or rejected stands alone, so that it can be seen which one it is."""
    groups: dict[tuple[str, ...], list[LedgerEntry]] = {}
    for source, entries in sorted(ledgers.items()):
        for entry in entries:
            path = _HOUR.sub("/*/", entry.path)
            if entry.lines.read != entry.lines.used:
                path = entry.path
            words = {key: value for key, value in entry.notes.items() if not _is_count(value)}
            groups.setdefault((source, path, str(entry.adapter), repr(words)), []).append(entry)
    return [
        _Group(source=source, path=path if len(found) > 1 else found[0].path, entries=found)
        for (source, path, *_), found in groups.items()
    ]


def _is_count(value: Any) -> bool:
    """A number, or numbers by name."""
    if isinstance(value, dict):
        return all(_is_count(inner) for inner in value.values())
    return isinstance(value, int) and not isinstance(value, bool)


def _together(one: Json, other: Json) -> Json:
    """Notes of two files that differ by their counts alone: these are added, of extremes the larger stays."""
    sums: Json = dict(one)
    for key, value in other.items():
        if key not in one or not _is_count(value):
            sums[key] = value
        elif isinstance(value, dict):
            sums[key] = _together(one[key], value)
        else:
            sums[key] = max(one[key], value) if key.startswith("largest_") else one[key] + value
    return sums


def _notes(notes: Json) -> list[str]:
    """One word a note; what was not seen at all is left out."""
    return [f"{key}: {_said(value)}" for key, value in sorted(notes.items()) if _seen(value)]


def _seen(value: Any) -> bool:
    return value is False or bool(value)


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in sorted(value.items()))
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
