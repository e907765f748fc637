"""The day that the pages show."""

from __future__ import annotations

import pytest

from kit.shown_day import shown_day
from pipeline.settings.config import Kitchen


@pytest.fixture(scope="session")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Kitchen:
    """One published day of four symbols."""
    return shown_day(tmp_path_factory.mktemp("show"))
