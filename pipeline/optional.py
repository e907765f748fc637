"""Libraries that the main job does without, by the extra that installs them.

Belongs here: saying in one sentence which extra is missing. What a library is for is its user's.
"""

from __future__ import annotations

import importlib
import importlib.util
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


def missing(library: str) -> str | None:
    """What to say of a library that is not installed; None where it is."""
    if importlib.util.find_spec(library) is not None:
        return None
    extra = EXTRAS[library]
    return f"{library} is not installed: pip install 'central-data-kitchen[{extra}]' brings it"


def require(library: str) -> Any:
    """The module of a library, imported now.

    Raises:
        ConfigError: it is not installed; names the extra.
    """
    sentence = missing(library)
    if sentence is not None:
        raise ConfigError(sentence)
    return importlib.import_module(library)
