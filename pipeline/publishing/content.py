"""What makes two revisions say the same, and which content a rollback took back.

A rollback publishes an older content again and names in its publication what it withdraws: the content of
every later revision. As long as the rolled-back revision is the current one, a withdrawn content is not
published again, however often the day is asked for; any other content is, as a revision like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.publishing import revisions
from pipeline.publishing.revisions import Sealed

if TYPE_CHECKING:
    from pipeline.contracts.manifest import Manifest

WITHDRAWN = "withdrawn"
"""Key of a rollback's `publication.json`: revision and content of all that it takes back."""

ROLLED_BACK_TO = "rolled_back_to"
"""Key of a rollback's `publication.json`: the revision whose content it has."""

_IDENTITY = ("data_manifest_hash", "calibration_hash")


def identity(manifest: Manifest) -> dict[str, str]:
    """Tables, conditions, reasons and applied corrections of a day, as two hashes.

    Different bytes, code, inputs, libraries or governance with the same result are no change.
    """
    return {key: getattr(manifest, key) for key in _IDENTITY}


def says_the_same(sealed: Sealed, manifest: Manifest) -> bool:
    """Whether a revision has the content that a manifest describes."""
    return identity(revisions.read_manifest(sealed)) == identity(manifest)


def is_withdrawn(sealed: Sealed, manifest: Manifest) -> bool:
    """Whether the current revision is a rollback that took the manifest's content back."""
    withdrawn = revisions.read_publication(sealed.path).get(WITHDRAWN) or []
    return identity(manifest) in [{key: entry.get(key) for key in _IDENTITY} for entry in withdrawn]
