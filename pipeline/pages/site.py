"""The site: an address -> the page that is there. A server asks for one, the static form for all.

Belongs here: which page an address is, and its neighbours. What a page shows is each page's own module.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from markupsafe import Markup

from pipeline import clock
from pipeline.contracts import control, features_schema
from pipeline.features import registry
from pipeline.pages import addresses, lists, reports
from pipeline.pages.addresses import Leads
from pipeline.pages.day_page import day_page
from pipeline.pages.day_view import day_view
from pipeline.pages.feature_page import feature_page
from pipeline.pages.feeds_page import feeds_page
from pipeline.pages.frame import Link
from pipeline.pages.home import home
from pipeline.pages.known import Known
from pipeline.pages.lineage import lineage
from pipeline.pages.revision_pages import changes_page, date_page
from pipeline.pages.symbol_page import symbol_page
from pipeline.quality.catalogue import DEFECTS

_REVISION = re.compile(r"r([1-9][0-9]{0,8})", re.ASCII)

Whole = Callable[[Known, Leads], str]
Named = Callable[[Known, Leads, str], str | None]

_WHOLE: dict[str, Whole] = {
    addresses.HOME: home,
    addresses.SYMBOLS: lists.symbols,
    addresses.CODES: lists.codes,
    addresses.CHECKS: lists.checks,
    addresses.FEATURES: lists.features,
    addresses.FEEDS: feeds_page,
}

_NAMED: dict[str, Named] = {
    addresses.SYMBOLS: symbol_page,
    addresses.CODES: lists.code,
    addresses.CHECKS: lists.check,
    addresses.FEATURES: feature_page,
}


@dataclass(frozen=True)
class Site:
    """All pages of what is known.

    `as_files`: their links lead from file to file. `tasks`: the address of the scheduler's own page, where
    the site is served beside it.
    """

    known: Known
    as_files: bool = False
    tasks: str = ""

    def page(self, address: str) -> str | None:
        """The page at an address that ends with a slash, or is empty; None where there is none.

        Raises:
            SnapshotCorruptError: what it would show is not what was published.
        """
        leads = Leads(address, self.as_files, self.tasks)
        if address in _WHOLE:
            return _WHOLE[address](self.known, leads)
        first, *parts = [unquote(part) for part in address.rstrip("/").split("/")]
        if len(parts) == 1 and f"{first}/" in _NAMED:
            return _NAMED[f"{first}/"](self.known, leads, parts[0])
        if not 1 <= len(parts) <= 2:
            return None
        try:
            day = clock.parse_day(parts[0])
        except ValueError:
            return None
        return None if day not in self.known.days else self._of_day(leads, first, day, parts[1:])

    def _of_day(self, leads: Leads, kind: str, day: dt.date, rest: list[str]) -> str | None:
        if kind == "revisions":
            number = _REVISION.fullmatch(rest[0]) if rest else None
            if not rest:
                return date_page(self.known, leads, day)
            return changes_page(self.known, leads, day, int(number[1])) if number else None
        if not rest or rest[0] not in self.known.days[day].symbols:
            return None
        if kind == "day":
            view = day_view(self.known.kitchen, self.known.store, day, rest[0])
            return day_page(view, leads, tuple(self._beside(leads, day, rest[0])))
        if kind == "lineage":
            return lineage(self.known, leads, day, rest[0])
        return self._report(leads, day, rest[0]) if kind == "report" else None

    def _report(self, leads: Leads, day: dt.date, symbol: str) -> str | None:
        """The report as it was published, below a way back: it knows of no other page."""
        path = reports.report_file(
            self.known.store, day, self.known.days[day].revision, symbol, "html"
        )
        with suppress(OSError, ValueError):
            text = None if path is None else path.read_text(encoding="utf-8")
            return text and text.replace("<main>", f"<main>\n{self._back(leads, day, symbol)}", 1)
        return None

    def _back(self, leads: Leads, day: dt.date, symbol: str) -> Markup:
        ways = (
            (addresses.HOME, "Days"),
            (addresses.symbol(symbol), symbol),
            (addresses.day(day, symbol), f"{day} as a picture"),
            (addresses.lineage(day, symbol), "lineage"),
        )
        link = Markup('<a href="{}">{}</a>')
        links = Markup(" · ").join(link.format(leads.to(to), words) for to, words in ways)
        return Markup('<nav aria-label="Site">{}</nav>').format(links)

    def _beside(self, leads: Leads, day: dt.date, symbol: str) -> Iterator[Link]:
        """The symbol's days before and after, the date's other symbols, and what else is known of the day."""
        days = self.known.symbols[symbol]
        at = days.index(day)
        if at > 0:
            yield Link(
                href=leads.to(addresses.day(days[at - 1], symbol)),
                words=f"← {days[at - 1]}",
                rel="prev",
            )
        if at + 1 < len(days):
            yield Link(
                href=leads.to(addresses.day(days[at + 1], symbol)),
                words=f"{days[at + 1]} →",
                rel="next",
            )
        names = sorted(self.known.days[day].symbols)
        place = names.index(symbol)
        for other in dict.fromkeys((names[place - 1], names[(place + 1) % len(names)])):
            if other != symbol:
                yield Link(href=leads.to(addresses.day(day, other)), words=other)
        yield Link(href=leads.to(addresses.symbol(symbol)), words=f"{symbol} over months")
        yield Link(href=leads.to(addresses.report(day, symbol)), words="report")
        yield Link(href=leads.to(addresses.lineage(day, symbol)), words="lineage")
        yield Link(href=leads.to(addresses.revisions(day)), words="revisions and files")
        number = self.known.days[day].revision
        if number > 1:
            yield Link(
                href=leads.to(addresses.revision(day, number)), words=f"what r{number} changed"
            )

    @cached_property
    def addresses(self) -> list[str]:
        """Of all pages but those of days, in order."""
        governance = self.known.kitchen.governance
        governed = features_schema.load(governance)
        features = [s.name for of in ("micro", "macro") for s in registry.steps(governed, of)]
        return [
            *_WHOLE,
            *map(addresses.symbol, self.known.symbols),
            *map(addresses.code, DEFECTS),
            *(addresses.check(it.name) for it in control.load(governance).thresholds),
            *map(addresses.feature, features),
        ]

    def of_days(self, days: list[dt.date]) -> Iterator[str]:
        """The addresses of all pages of some published dates."""
        for day in days:
            yield addresses.revisions(day)
            yield from (
                addresses.revision(day, n) for n in range(2, self.known.days[day].revision + 1)
            )
            for symbol in self.known.days[day].symbols:
                yield addresses.day(day, symbol)
                yield addresses.report(day, symbol)
                yield addresses.lineage(day, symbol)
