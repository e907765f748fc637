"""The grid of published days that all these tests start from; each changes a copy of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.grid import Grid, make


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of two symbols, published."""
    root = tmp_path_factory.mktemp("grid")
    make(root)
    with pytest.MonkeyPatch.context() as patch:
        Grid(root, patch).ask()
    return root
