"""What all pages of the site share: the header with the ways to all others, the style, the policy.

Belongs here: a template with its values -> HTML that asks nothing of anybody else. What a page shows is each
page's own module.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment
from markupsafe import Markup

from pipeline import markup
from pipeline.pages import addresses
from pipeline.pages.addresses import Leads
from pipeline.quality import page as report_page

MENU = (
    (addresses.HOME, "Days"),
    (addresses.SYMBOLS, "Symbols"),
    (addresses.CHECKS, "Checks"),
    (addresses.CODES, "Codes"),
    (addresses.FEATURES, "Features"),
    (addresses.FEEDS, "Feeds"),
)

_LEVEL = 4
"""Of packing: the next ones take five times as long to save a fifteenth of a large day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way to another page. `rel` is the relation, such as `prev`."""

    href: str
    words: str
    rel: str = ""


def page(
    template: str,
    leads: Leads | None = None,
    *,
    scripts: Sequence[str] = (),
    data: object = None,
    links: Sequence[Link] = (),
    **values: Any,
) -> str:
    """A page as HTML. Equal values give equal bytes; every text is escaped.

    Args:
        template: Its file's name.
        leads: The page's place on the site; None of a page that stands alone.
        scripts: Files of the package that it runs, in order.
        data: What the scripts show; it travels packed in the page.
        links: Ways to its neighbours, in the header.
        values: What the template shows.
    """
    style = report_page.style_sheet("drawings.css") + static("pages.css")
    texts = [static(name) for name in scripts]
    return (
        _environment()
        .get_template(template)
        .render(
            leads=leads,
            menu=MENU,
            links=links,
            style=style,
            style_digest=_digest(style),
            scripts=texts,
            script_digests=" ".join(_digest(text) for text in texts) or "'none'",
            data=None if data is None else Markup(_packed(data)),  # noqa: S704 - base64
            **values,
        )
    )


def _packed(data: object) -> str:
    return base64.b64encode(gzip.compress(msgspec.json.encode(data), _LEVEL, mtime=0)).decode()


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@lru_cache(maxsize=16)
def static(name: str) -> Markup:
    """A file of the package that is shipped with pages."""
    text = (files("pipeline.pages") / "static" / name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - the package's own


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = markup.environment("pipeline.pages")
    environment.globals |= {"addresses": addresses, "drawn": report_page.drawn}
    return environment
