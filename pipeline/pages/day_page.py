"""The page of a symbol's day: one file that needs no server, no network and no other file."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.pages import frame
from pipeline.pages.addresses import Leads
from pipeline.pages.day_cells import Cells
from pipeline.pages.day_view import DayView
from pipeline.pages.frame import Link

SCRIPTS = ("unpack.js", "lightweight-charts.js", "footprint.js", "day.js")
TABLE = ("open", "high", "low", "close", "volume", "delta", "cvd", "delta_source")
"""Columns of the table; the page's script fills its rows."""


def day_page(view: DayView, leads: Leads | None = None, links: Sequence[Link] = ()) -> str:
    """The page as HTML. Equal views and links give equal bytes; every text is escaped.

    Args:
        view: What it shows.
        leads: Its place on the site; None of a page that stands alone.
        links: Ways to its neighbours, in the header.
    """
    return frame.page(
        "day.html",
        leads,
        scripts=SCRIPTS if view.columns else (),
        data=view if view.columns else None,
        links=links,
        view=view,
        table=TABLE,
        binned=_binned(view.cells),
    )


def _binned(cells: Cells | None) -> str:
    """The price step of cells that hold several traded levels; empty where each is one."""
    if cells is None or not cells.levels_together:
        return ""
    return f"{cells.step * 10.0**-cells.price_places:.{cells.price_places}f}"
