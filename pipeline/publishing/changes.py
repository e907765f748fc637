"""What a new revision of a day changes, in words: the reason that its publication gives."""

from __future__ import annotations

from typing import Any

FIRST = "first publication"


def changes(before: dict[str, Any] | None, after: dict[str, Any]) -> str:
    """What differs between two manifests of a date that is worth a revision, and the raw files behind it.

    Args:
        before: The manifest of the current revision; None where there is none.
        after: The manifest to be published.
    """
    if before is None:
        return FIRST
    words = [
        *_named("content of", _hashes(before), _hashes(after)),
        *_named("condition of", before["condition"]["symbols"], after["condition"]["symbols"]),
        *(["correction"] if before["calibration_hash"] != after["calibration_hash"] else []),
    ]
    raw = _named("", _inputs(before), _inputs(after))
    because = f"; raw files: {', '.join(raw)}" if raw else ""
    return f"{', '.join(words) or 'nothing but form'} changed{because}"


def _hashes(manifest: dict[str, Any]) -> dict[str, str]:
    files = manifest["files"]
    return {name: entry["content_hash"] for name, entry in files.items() if "content_hash" in entry}


def _inputs(manifest: dict[str, Any]) -> dict[str, str]:
    inputs = manifest["inputs"]
    return {name: entry["sha256"] for files in inputs.values() for name, entry in files.items()}


def _named(what: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The keys whose values differ; a key that one side lacks is new or gone."""
    words = []
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            how = " (new)" if key not in before else " (gone)" if key not in after else ""
            words.append(f"{what} {key}{how}".strip())
    return words
