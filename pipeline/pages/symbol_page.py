"""A symbol over months: figures of its days as lines, and the days themselves."""

from __future__ import annotations

from pipeline.pages import frame
from pipeline.pages.addresses import Leads
from pipeline.pages.known import Known
from pipeline.pages.trends import of_symbol

MOST_DAYS = 1_100
"""Three years are listed; earlier days are on the grid."""


def symbol_page(known: Known, leads: Leads, symbol: str) -> str | None:
    """The page; None where the symbol was never published."""
    if symbol not in known.symbols:
        return None
    days = known.symbols[symbol]
    return frame.page(
        "symbol.html",
        leads,
        scripts=("search.js",),
        symbol=symbol,
        first=days[0],
        last=days[-1],
        total=len(days),
        drawings=of_symbol(known, symbol),
        days=[
            (day, known.days[day].revision, known.days[day].symbols[symbol])
            for day in reversed(days[-MOST_DAYS:])
        ],
    )
