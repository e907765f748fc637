"""Which releases of libraries are installed, as far as steps depend on them: major.minor."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from pipeline import storage
from pipeline.stages import STAGES


def releases(cache: Path) -> dict[str, str]:
    """Library -> major.minor, of every library that a step names; "absent" where it is not installed.

    Args:
        cache: A JSON file that may be deleted at will. It serves as long as no library was installed,
            upgraded or removed, so that a run with nothing to do need not load package metadata.
    """
    signature = storage.digest([sys.version, _folders()])
    return storage.remembered(cache, signature, installed)


def installed() -> dict[str, str]:
    """As `releases`, looked up now."""
    return {name: release(name) for stage in STAGES.values() for name in stage.libraries}


def release(library: str) -> str:
    """The installed release of a library, to its second number."""
    metadata = importlib.import_module("importlib.metadata")
    try:
        return ".".join(str(metadata.version(library)).split(".")[:2])
    except metadata.PackageNotFoundError:
        return "absent"


def _folders() -> list[list[object]]:
    """Installing anything makes or renames a folder in one of these, which changes their time stamps."""
    places = [p for p in sys.path if p.endswith("-packages") and os.path.isdir(p)]
    return [[place, os.stat(place).st_mtime_ns] for place in places]
