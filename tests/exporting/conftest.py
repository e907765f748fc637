"""A kitchen built once, and the command on it."""

from __future__ import annotations

import pytest

from kit import export_ground
from kit.export_ground import Exporter
from pipeline.settings.config import Kitchen


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Kitchen:
    """Two days of three markets, published."""
    return export_ground.built(tmp_path_factory.mktemp("export"))


@pytest.fixture
def exporter(ground: Kitchen, monkeypatch: pytest.MonkeyPatch) -> Exporter:
    """`kitchen export` there."""
    return Exporter(monkeypatch, ground.file.parent.parent)
