"""What every test shares: where the real exports are, and no trace of the user's own set-up."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no failure, and a failing example is found again from the printed blob.
settings.register_profile("kitchen", deadline=None, print_blob=True)
settings.load_profile("kitchen")

PROJECT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("KITCHEN_REAL_DATA", PROJECT.parent / "shared" / "data"))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the configuration of the person who runs it."""
    for name in ("KITCHEN_CONFIG", "LUIGI_CONFIG_PATH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kitchen says reaches every test, whatever a program here made of its logger."""
    logger = logging.getLogger("kitchen")
    monkeypatch.setattr(logger, "propagate", True)
    monkeypatch.setattr(logger, "disabled", False)
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    logger.manager._clear_cache()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real vendor exports; skipped where it is absent, under CI only where none is meant."""
    if os.environ.get("KITCHEN_REAL_DATA") == "":
        pytest.skip("KITCHEN_REAL_DATA names nothing: there are no real exports here")
    if not REAL.is_dir():
        reason = f"no real exports at {REAL}; name their folder in KITCHEN_REAL_DATA"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return REAL


@pytest.fixture(scope="session")
def governance() -> Path:
    """The governance documents that ship with the kitchen."""
    return PROJECT / "governance"


@pytest.fixture(scope="session")
def objects_endpoint() -> Iterator[str]:
    """The address of a real server of objects on loopback, with one bucket."""
    from kit import object_server

    with object_server.running() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(objects_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same, with credentials for it, and a cache of the test's own."""
    from kit import object_server

    for name, value in object_server.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", objects_endpoint)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return objects_endpoint
