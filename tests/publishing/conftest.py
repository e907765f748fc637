"""What tests of publishing share."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import object_server
from pipeline.publishing.opening import open_store
from pipeline.publishing.store import Store
from pipeline.settings.stores import Place


@pytest.fixture(params=["folder", "objects"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where an empty store of each kind is."""
    if request.param == "folder":
        return tmp_path / "snapshots"
    return object_server.address(request.getfixturevalue("endpoint"))


@pytest.fixture
def store(place: Place) -> Store:
    """The empty store that is there."""
    return open_store(place)
