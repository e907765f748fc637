"""Templates of the package's pages, one way for all: every text escaped, an unknown name an error.

Belongs here: where a room's templates are read. What a page shows is its room's own.
"""

from __future__ import annotations

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@lru_cache(maxsize=8)
def environment(room: str) -> Environment:
    """The templates below `templates/` of a package, such as `pipeline.pages`."""
    return Environment(
        loader=PackageLoader(room),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
