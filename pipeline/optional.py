"""Libraries that the main job does without, by the extra that installs them; and any other that is missing.

Belongs here: saying in one sentence what to install. What a library is for is its user's.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.errors import ConfigError

EXTRAS = {
    "apprise": "alerts",
    "boto3": "s3",
    "deltalake": "delta",
    "distributed": "cluster",
    "httpx": "fetch",
    "polars": "lazy",
    "sqlalchemy": "history",
    "tenacity": "fetch",
}
"""Library -> the extra of setup.cfg that installs it."""


_PACKAGES = {"yaml": "pyyaml"}
"""Library of the base -> what installs it, where that has another name."""


def missing(library: str) -> str | None:
    """What to say of a library that is not installed; None where it is."""
    if importlib.util.find_spec(library) is not None:
        return None
    return _brought(library)


def _brought(library: str) -> str:
    extra, itself = EXTRAS.get(library), _PACKAGES.get(library, library)
    package = itself if extra is None else f"'central-data-kitchen[{extra}]'"
    return f"{library} is not installed: pip install {package} brings it"


def require(library: str) -> Any:
    """The module of a library, imported now.

    Raises:
        ConfigError: it is not installed; names what installs it.
    """
    sentence = missing(library)
    if sentence is not None:
        raise ConfigError(sentence)
    return importlib.import_module(library)


@contextmanager
def all_there() -> Iterator[None]:
    """For a block that a machine with the reader's own libraries alone may come to.

    Raises:
        ConfigError: the block imports one that is not installed; names what installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in ("", "pipeline"):
            raise
        raise ConfigError(_brought(library)) from None
