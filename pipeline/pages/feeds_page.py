"""Scorecards of the feeds: which one can be trusted, since when."""

from __future__ import annotations

from pipeline.pages import frame
from pipeline.pages.addresses import Leads
from pipeline.pages.known import Known
from pipeline.pages.scorecards import cards


def feeds_page(known: Known, leads: Leads) -> str:
    """A line a feed, symbol and month."""
    return frame.page("feeds.html", leads, scripts=("search.js",), cards=cards(known))
