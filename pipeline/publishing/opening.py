"""The store of snapshots at a place."""

from __future__ import annotations

from pathlib import Path

from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.store import Store


def open_store(place: Path) -> Store:
    """The store at a place of the configuration; nothing is looked at yet."""
    return FolderStore(place)
