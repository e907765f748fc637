"""The store of snapshots that a path or address names."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.store import Store

if TYPE_CHECKING:
    from pipeline.settings.stores import Place

_OBJECTS = "pipeline.publishing.object_store"
"""Loaded for a store that is one: a kitchen with a folder does without."""


def open_store(place: Place) -> Store:
    """The store at a place of the configuration; nothing is looked at yet.

    Raises:
        ConfigError: a library that it needs is not installed.
    """
    if isinstance(place, Path):
        return FolderStore(place)
    store: Store = importlib.import_module(_OBJECTS).ObjectStore.at(place)
    return store
