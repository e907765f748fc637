"""What a process builds by, in a few short words: two that differ must not build for each other.

Belongs here: naming it, and telling two apart. Standard library only.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields

from pipeline import storage
from pipeline.freshness import stamp
from pipeline.freshness.check import Freshness

_SHOWN = 12
"""So many digits of a digest tell two apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Digests of the steps' code, of governance and settings; the releases of Python and the libraries."""

    code: str
    python: str
    libraries: str
    governance: str
    settings: str

    def against(self, wanted: Identity) -> str:
        """In which words it differs from another; empty where it does not."""
        pairs = [(f.name, getattr(self, f.name), getattr(wanted, f.name)) for f in fields(Identity)]
        return "; ".join(
            f"{name} is {own}, wanted {other}" for name, own, other in pairs if own != other
        )


def of(freshness: Freshness) -> Identity:
    """By what these comparisons, and what is built by them, go."""
    kitchen = freshness.kitchen
    return Identity(
        code=_short(freshness.code),
        python=".".join(map(str, sys.version_info[:2])),
        libraries=", ".join(f"{name} {no}" for name, no in sorted(freshness.libraries.items())),
        governance=_short(stamp.rules_digests(kitchen)),
        settings=_short(stamp.settings_of(kitchen)),
    )


def _short(value: object) -> str:
    return storage.digest(value)[:_SHOWN]
