"""The section `paths` of the configuration: where a kitchen's data lie.

Belongs here: folders made absolute, and kept apart. What a store's address is, is `stores.py`.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline import windows
from pipeline.errors import ConfigError
from pipeline.free_form import Document
from pipeline.settings import stores
from pipeline.settings.stores import Place, Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Absolute folders, and a store that may be an address; `governance` None where none is named."""

    raw: Path
    prepared: Path
    snapshots: Place
    governance: Path | None


def read(texts: Document, base: Path, server: Server, path: Path) -> Places:
    """The places of a checked section.

    Args:
        texts: It.
        base: Where relative paths start.
        server: Who has the bucket, if there is one.
        path: The configuration, for errors.

    Raises:
        ConfigError: a text is no place, or a folder lies in another.
    """
    where = {name: f"{path}: paths.{name}" for name in texts}
    folders = {
        name: folder(base, text, where[name])
        for name, text in texts.items()
        if name != "snapshots" or not stores.is_address(text)
    }
    found = Places(
        raw=folders["raw"],
        prepared=folders["prepared"],
        snapshots=folders.get("snapshots")
        or stores.address(texts["snapshots"], server, where["snapshots"]),
        governance=folders.get("governance"),
    )
    _refuse_nested(found, path)
    return found


def folder(base: Path, text: str, where: str) -> Path:
    """The folder that a text names, absolute.

    Raises:
        ConfigError: it names none; `where` is the key path.
    """
    try:
        if not text.strip() or "\0" in text or not text.encode():
            raise ValueError("no name of a folder")
        if windows.spelling(text):
            raise ValueError(f"not found{windows.spelling(text)}")
        return Path(os.path.normpath(base / Path(text).expanduser()))
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"{where}: got {text!r} ({error}); wanted a path") from None


def _refuse_nested(found: Places, path: Path) -> None:
    """Raw exports are never written to, so no written folder may lie in theirs or hold it."""
    wanted = {"raw": found.raw, "prepared": found.prepared, "snapshots": found.snapshots}
    folders = {name: place for name, place in wanted.items() if isinstance(place, Path)}
    for name in sorted(folders.keys() - {"raw"}):
        for other in sorted(folders.keys() - {name}):
            if folders[name].is_relative_to(folders[other]):
                raise ConfigError(
                    f"{path}: paths.{name}: {folders[name]} lies in paths.{other} ({folders[other]});"
                    " wanted three folders apart; move one"
                )
