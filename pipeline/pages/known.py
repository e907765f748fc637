"""What the pages know of a store at one look: every published date and symbol, from the index.

Belongs here: what several pages ask of the index and of reports. Reading a day's tables is each page's own.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cached_property

from pipeline.contracts.verdict import Condition
from pipeline.pages import reports
from pipeline.pages.reports import Report
from pipeline.publishing import index
from pipeline.publishing.index import Entry, SymbolEntry
from pipeline.publishing.store import ALWAYS, Store
from pipeline.settings.config import Kitchen

CONDITIONS: tuple[Condition, ...] = ("available", "degraded", "missing")
"""From the best to the worst."""


@dataclass(frozen=True)
class Known:
    """The configuration, the store, and what the index says of every published date, ascending."""

    kitchen: Kitchen
    store: Store
    days: dict[dt.date, Entry]

    @classmethod
    def of(cls, kitchen: Kitchen, store: Store) -> Known:
        """As it is now."""
        store = store.look(ALWAYS)
        return cls(kitchen, store, dict(sorted(index.current(store).items())))

    def within(self, days: Container[dt.date]) -> Known:
        """The same of some of the dates alone."""
        return Known(self.kitchen, self.store, {d: it for d, it in self.days.items() if d in days})

    @cached_property
    def symbols(self) -> dict[str, list[dt.date]]:
        """Symbol -> its dates, ascending; symbols by name."""
        found = defaultdict[str, list[dt.date]](list)
        for day, entry in self.days.items():
            for name in entry.symbols:
                found[name].append(day)
        return dict(sorted(found.items()))

    @property
    def simulated(self) -> bool:
        """Whether any date is of generated data."""
        return any(entry.simulated for entry in self.days.values())

    def symbol_days(self) -> Iterator[tuple[dt.date, str, SymbolEntry]]:
        """Every symbol's published day, newest date first, symbols by name."""
        for day in reversed(self.days):
            for name, entry in sorted(self.days[day].symbols.items()):
                yield day, name, entry

    def with_code(self, code: str) -> list[tuple[dt.date, str, SymbolEntry]]:
        """The symbol-days that are as they are for this reason."""
        return [found for found in self.symbol_days() if code in found[2].codes]

    def report(self, day: dt.date, symbol: str) -> Report:
        """The report of a symbol's day; one that says nothing where it has none."""
        return reports.report(self.store, day, self.days[day].revision, symbol)


def badness(entry: SymbolEntry) -> tuple[int, int, float]:
    """Greater of a worse day: by condition, then by how many reasons, then by what is not proven."""
    return (
        CONDITIONS.index(entry.condition),
        len(entry.codes),
        -1.0 if entry.proven is None else -entry.proven,
    )
