"""A date's revisions: when and why each was made, its files, and what it changed cell by cell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.free_form import Json
from pipeline.pages import addresses, frame
from pipeline.pages.addresses import Leads
from pipeline.pages.frame import Link
from pipeline.pages.known import Known
from pipeline.publishing import changes, diff, revisions
from pipeline.publishing.revisions import Sealed
from pipeline.quality.picture import on_day
from pipeline.quality.svg import HOURS, Drawing, Panel, Scale, line
from pipeline.tables import parquet

MOST_ROWS = 200
"""So many changed rows of a table are shown; their counts are whole."""

_WIDTH, _HEIGHT = 720, 140


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A revision's paper, for people."""

    number: int
    paper: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A row on both sides: what names it, and column, value before, value after of each cell that differs."""

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
    tables, drawings = [], []
    if before is not None:
        manifests = revisions.read_manifest(before), revisions.read_manifest(after)
        found = changes.between(known.store, (before, after), manifests)
        tables = [_table(it) for it in found]
        drawings = [_closes(day, symbol, *sides) for symbol, sides in _moved(before, after, found)]
    return frame.page(
        "changes.html",
        leads,
        links=[Link(href=leads.to(addresses.revisions(day)), words=f"revisions of {day}")],
        day=day,
        number=number,
        parent=parent,
        gone=before is None and parent is not None,
        paper=paper,
        tables=tables,
        drawings=drawings,
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


def _table(found: diff.TableDiff) -> Table:
    rows = [
        Changed(
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


def _said(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return f"{value:%H:%M}"
    return "–" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def _moved(
    before: Sealed, after: Sealed, found: list[diff.TableDiff]
) -> Iterator[tuple[str, tuple[pa.Table, pa.Table]]]:
    """Symbols whose closes differ, with their bars on both sides."""
    bars = next(
        (it for it in found if it.name == "bars_1m.parquet" and "close" in it.columns), None
    )
    if bars is None:
        return
    one, other = (parquet.read(side.path / bars.name) for side in (before, after))
    for symbol in sorted({str(key[0]) for key in bars.touched}):
        yield symbol, (_of(one, symbol), _of(other, symbol))


def _of(bars: pa.Table, symbol: str) -> pa.Table:
    return bars.filter(pc.equal(bars["symbol"], symbol))


def _closes(day: dt.date, symbol: str, before: pa.Table, after: pa.Table) -> Drawing:
    """The closes of both sides over each other."""
    lines = [on_day(side, day, "close") for side in (before, after)]
    scale = Scale.over(np.concatenate(lines), _HEIGHT)
    xs = np.linspace(0, _WIDTH, len(lines[0])).astype(int).tolist()
    old, new = (line(xs, scale.at(values)) for values in lines)
    return Drawing(
        title=f"{symbol}, close before and after",
        panels=(
            Panel(
                words="closes before and after",
                shapes=(scale.grid(_WIDTH), ("second dashed", old), ("first", new)),
                width=_WIDTH,
                height=_HEIGHT,
                size="high",
                scale=scale.labels,
            ),
        ),
        along=HOURS,
        legend=(("second dashed", "before"), ("first", "after")),
    )
