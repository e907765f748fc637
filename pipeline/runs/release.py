"""What is installed: by what one kitchen is told from another.

Belongs here: naming it for people. What must not build for each other is `freshness/identity.py`'s.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

from pipeline import storage
from pipeline.freshness import code, libraries
from pipeline.locations import user_cache
from pipeline.stages import STAGES

_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The beginning of the digest of all steps' code; releases of Python and of the libraries of results."""

    code: str
    python: str
    libraries: dict[str, str]


def this() -> Release:
    """The one that runs."""
    names = sorted(
        {name for stage in STAGES.values() for name in stage.libraries} | {"luigi", "pandas"}
    )
    digests = code.code_digests(user_cache("code") / "digests.json")
    return Release(
        code=storage.digest(digests)[:_DIGITS],
        python=platform.python_version(),
        libraries={name: libraries.release(name) for name in names},
    )
