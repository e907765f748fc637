"""A date's revisions: when and why each was made, its files, and what it changed cell by cell."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.free_form import Json
from pipeline.pages import addresses, frame
from pipeline.pages.addresses import Leads
from pipeline.pages.changed_candles import PRICES, changed_candles
from pipeline.pages.frame import Link
from pipeline.pages.known import Known
from pipeline.publishing import changes, diff, revisions
from pipeline.publishing.diff import TableDiff
from pipeline.publishing.revisions import Sealed
from pipeline.quality.svg import Drawing
from pipeline.tables import parquet

MOST_ROWS = 200
"""So many changed rows of a table are shown; their counts are whole."""

MOST_DRAWINGS = 12
"""And so many symbols' candles are drawn."""

BARS = "bars_1m.parquet"
FEATURES = ("features_micro.parquet", "macro_slow.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A revision's paper, for people."""

    number: int
    paper: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A row on both sides: what names it, and column, value before, value after of each cell that differs.

    `href` leads to its minute on the day's picture.
    """

    href: str
    key: tuple[str, ...]
    cells: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """How a table's rows differ; `rows` are the first of `changed`."""

    name: str
    added: int
    removed: int
    changed: int
    columns: dict[str, int]
    rows: tuple[Changed, ...]


def date_page(known: Known, leads: Leads, day: dt.date) -> str | None:
    """The revisions of a date, newest first, and the files of the current one; None without a revision."""
    sealed = revisions.current(known.store, day)
    if sealed is None:
        return None
    manifest = revisions.read_manifest(sealed)
    return frame.page(
        "revisions.html",
        leads,
        links=_beside(known, leads, day),
        day=day,
        current=sealed.revision,
        papers=_papers(known, day),
        manifest=manifest,
        files=sorted(manifest.files.items()),
    )


def changes_page(known: Known, leads: Leads, day: dt.date, number: int) -> str | None:
    """What a revision changed against the one before it; None where there is no such revision."""
    after = revisions.find(known.store, day, number)
    paper = revisions.paper(known.store, day, number)
    if after is None:
        return None
    parent = paper.get("parent")
    before = None if parent is None else revisions.find(known.store, day, parent)
    found, drawings, conditions = [], [], {}
    if before is not None:
        manifests = revisions.read_manifest(before), revisions.read_manifest(after)
        found = changes.between(known.store, (before, after), manifests)
        drawings = _moved(day, (before, after), found)
        conditions = diff.conditions(manifests)
    return frame.page(
        "changes.html",
        leads,
        links=[Link(href=leads.to(addresses.revisions(day)), words=f"revisions of {day}")],
        day=day,
        number=number,
        parent=parent,
        gone=before is None and parent is not None,
        paper=paper,
        tables=[_table(it, leads, day) for it in found],
        drawings=drawings,
        conditions=conditions,
        following=_following(found),
    )


def _papers(known: Known, day: dt.date) -> list[Revision]:
    numbers = reversed(known.store.numbers(day))
    papers = ((number, revisions.paper(known.store, day, number)) for number in numbers)
    return [Revision(number=number, paper=paper) for number, paper in papers if paper]


def _beside(known: Known, leads: Leads, day: dt.date) -> list[Link]:
    days = list(known.days)
    at = days.index(day) if day in known.days else None
    if at is None:
        return []
    links = []
    if at > 0:
        links.append(
            Link(
                href=leads.to(addresses.revisions(days[at - 1])),
                words=f"← {days[at - 1]}",
                rel="prev",
            )
        )
    if at + 1 < len(days):
        links.append(
            Link(
                href=leads.to(addresses.revisions(days[at + 1])),
                words=f"{days[at + 1]} →",
                rel="next",
            )
        )
    return links


def _table(found: TableDiff, leads: Leads, day: dt.date) -> Table:
    rows = [
        Changed(
            href=_minute(leads, day, key),
            key=tuple(map(_said, key)),
            cells=tuple((name, _said(old), _said(new)) for name, (old, new) in cells.items()),
        )
        for key, cells in islice(found.changed(), MOST_ROWS)
    ]
    return Table(
        name=found.name,
        added=len(found.added),
        removed=len(found.removed),
        changed=len(found.touched),
        columns=found.columns,
        rows=tuple(rows),
    )


def _minute(leads: Leads, day: dt.date, key: tuple[Any, ...]) -> str:
    """Every key begins with the symbol; that of a minute has its instant next."""
    at = f"#{key[1]:%H:%M}/60" if len(key) > 1 and isinstance(key[1], dt.datetime) else ""
    return leads.to(addresses.day(day, str(key[0]))) + at


def _said(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return f"{value:%H:%M}"
    return "–" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def _moved(day: dt.date, sides: tuple[Sealed, Sealed], found: list[TableDiff]) -> list[Drawing]:
    """The candles of symbols whose prices differ."""
    bars = next((it for it in found if it.name == BARS and {*PRICES} & {*it.columns}), None)
    if bars is None:
        return []
    one, other = (parquet.read(side.path / BARS) for side in sides)
    drawings = (
        changed_candles(day, symbol, _of(one, symbol), _of(other, symbol))
        for symbol in sorted({str(key[0]) for key in bars.touched})[:MOST_DRAWINGS]
    )
    return [drawing for drawing in drawings if drawing]


def _of(bars: pa.Table, symbol: str) -> pa.Table:
    return bars.filter(pc.equal(bars["symbol"], symbol))


def _following(found: list[TableDiff]) -> list[tuple[str, int]]:
    """Features whose values differ, and in how many rows, most first."""
    counts = Counter[str]()
    for it in found:
        if it.name in FEATURES:
            counts.update(it.columns)
    return counts.most_common()
