"""A symbol over months: figures of its days as lines, and the days themselves."""

from __future__ import annotations

import datetime as dt

from pipeline.pages import frame
from pipeline.pages.addresses import Leads
from pipeline.pages.known import Known, badness
from pipeline.pages.trends import of_symbol
from pipeline.publishing.index import SymbolEntry

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
        days=_listed(known, symbol, days[-MOST_DAYS:]),
    )


def _listed(
    known: Known, symbol: str, days: list[dt.date]
) -> list[tuple[dt.date, int, SymbolEntry, int]]:
    """Date, revision, what is so, and the place from the worst day on; newest first."""
    entries = {day: known.days[day].symbols[symbol] for day in reversed(days)}
    worst = sorted(entries, key=lambda day: badness(entries[day]), reverse=True)
    places = {day: place for place, day in enumerate(worst)}
    return [(day, known.days[day].revision, it, places[day]) for day, it in entries.items()]
