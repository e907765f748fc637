"""What is installed, for people: the digest of the code, Python, the libraries.

Belongs here: naming it without a kitchen. What must not build for each other is `freshness/identity.py`'s.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

from pipeline.freshness import code, identity, libraries
from pipeline.locations import user_cache

_BESIDE = ("luigi", "pandas", "pyyaml", "cerberus")
"""Libraries that no result depends on, and without which nothing runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """The digest of all steps' code, as epochs have it; the releases of Python and of the libraries."""

    code: str
    python: str
    libraries: dict[str, str]


def this() -> Installed:
    """What runs."""
    beside = {name: libraries.release(name) for name in _BESIDE}
    return Installed(
        code=identity.short(code.code_digests(user_cache("code") / "digests.json")),
        python=platform.python_version(),
        libraries=dict(sorted((libraries.installed() | beside).items())),
    )
