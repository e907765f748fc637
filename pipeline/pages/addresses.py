"""Where pages are, and how one leads to another. Nobody else joins these addresses.

Every page has a folder of its own, so that the same relative links hold on a server, below any prefix, and
among files; only among files does a folder's name need its `index.html`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from urllib.parse import quote

HOME = ""
CODES, CHECKS, FEATURES, SYMBOLS, FEEDS = "codes/", "checks/", "features/", "symbols/", "feeds/"


def day(date: dt.date, symbol: str) -> str:
    """The picture of a symbol's day."""
    return f"day/{date}/{quote(symbol)}/"


def report(date: dt.date, symbol: str) -> str:
    """Its report, as published."""
    return f"report/{date}/{quote(symbol)}/"


def lineage(date: dt.date, symbol: str) -> str:
    """What its tables are made of, down to raw files."""
    return f"lineage/{date}/{quote(symbol)}/"


def revisions(date: dt.date) -> str:
    """A date's revisions, and its files."""
    return f"revisions/{date}/"


def revision(date: dt.date, number: int) -> str:
    """What a revision changed against the one before."""
    return f"revisions/{date}/r{number}/"


def symbol(name: str) -> str:
    """A symbol over months."""
    return f"{SYMBOLS}{quote(name)}/"


def code(name: str) -> str:
    """A defect's words, and the days that have it."""
    return f"{CODES}{quote(name)}/"


def check(name: str) -> str:
    """A check over time."""
    return f"{CHECKS}{quote(name)}/"


def feature(name: str) -> str:
    """A feature's formula, distribution, coverage."""
    return f"{FEATURES}{quote(name)}/"


@dataclass(frozen=True, slots=True)
class Leads:
    """Links of the page at an address.

    `as_files`: they lead from file to file. `tasks`: the address of the scheduler's own page, where there is
    one.
    """

    page: str
    as_files: bool = False
    tasks: str = ""

    @property
    def suffix(self) -> str:
        """What a link to a page ends with."""
        return "index.html" if self.as_files else ""

    def to(self, address: str) -> str:
        """The relative link to another page."""
        return f"{self.root}{address}{self.suffix}"

    @property
    def root(self) -> str:
        """The way to the site's first page."""
        return "../" * self.page.count("/") or "./"
