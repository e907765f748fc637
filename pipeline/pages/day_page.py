"""The page of a symbol's day: one file that needs no server, no network and no other file."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from pipeline.pages.day_cells import Cells
from pipeline.pages.day_view import DayView

SCRIPTS = ("lightweight-charts.js", "footprint.js", "day.js")
TABLE = ("open", "high", "low", "close", "volume", "delta", "cvd", "delta_source")
"""Columns of the table; the page's script fills its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way to another page. `rel` is the relation, such as `prev`."""

    href: str
    words: str
    rel: str = ""


def day_page(view: DayView, links: tuple[Link, ...] = ()) -> str:
    """The page as HTML. Equal views and links give equal bytes; every text is escaped.

    Args:
        view: What it shows.
        links: Ways to other pages, in the header; none of a page that stands alone.
    """
    style, scripts = _static("day.css"), [_static(name) for name in SCRIPTS]
    return _template().render(
        view=view,
        links=links,
        table=TABLE,
        has_rows=bool(view.columns),
        binned=_binned(view.cells),
        style=style,
        style_digest=_digest(style),
        scripts=scripts,
        script_digests=" ".join(_digest(script) for script in scripts),
        data=Markup(_packed(view)),  # noqa: S704 - letters, digits, + / =
    )


def _binned(cells: Cells | None) -> str:
    """The price step of cells that hold several traded levels; empty where each is one."""
    if cells is None or not cells.levels_together:
        return ""
    return f"{cells.step * 10.0**-cells.price_places:.{cells.price_places}f}"


def _packed(view: DayView) -> str:
    return base64.b64encode(gzip.compress(msgspec.json.encode(view), 6, mtime=0)).decode()


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@lru_cache(maxsize=8)
def _static(name: str) -> Markup:
    text = (files("pipeline.pages") / "static" / name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - the package's own


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pipeline.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("day.html")
