"""The grid of all days and symbols: the site's first page."""

from __future__ import annotations

import datetime as dt
from itertools import groupby

import msgspec

from pipeline.pages import frame
from pipeline.pages.addresses import Leads
from pipeline.pages.known import CONDITIONS, Known

SCRIPTS = ("unpack.js", "grid.js")


class Kind(msgspec.Struct, frozen=True):
    """What is so of a symbol's day: its condition and why."""

    condition: str
    codes: tuple[str, ...]


class Row(msgspec.Struct, frozen=True):
    """A symbol: the number of a kind and of how many days it is so, again and again; -1: not published."""

    name: str
    runs: list[int]


class Grid(msgspec.Struct, frozen=True):
    """All symbols on the `days` days from `first` on."""

    first: dt.date
    days: int
    kinds: list[Kind]
    symbols: list[Row]


def home(known: Known, leads: Leads) -> str:
    """The page."""
    made = grid(known) if known.days else None
    kinds = made.kinds if made else []
    return frame.page(
        "home.html",
        leads,
        scripts=SCRIPTS if made else (),
        data=made,
        known=known,
        codes=sorted({code for kind in kinds for code in kind.codes}),
        conditions=[c for c in CONDITIONS if any(k.condition == c for k in kinds)],
        dates=list(known.days),
    )


def grid(known: Known) -> Grid:
    """Every published symbol-day; at least one date is there."""
    dates = list(known.days)
    first, count = dates[0], (dates[-1] - dates[0]).days + 1
    kinds: dict[Kind, int] = {}
    cells = {name: [-1] * count for name in known.symbols}
    for day, name, entry in known.symbol_days():
        kind = Kind(entry.condition, entry.codes)
        cells[name][(day - first).days] = kinds.setdefault(kind, len(kinds))
    rows = [Row(name, _runs(row)) for name, row in cells.items()]
    return Grid(first=first, days=count, kinds=list(kinds), symbols=rows)


def _runs(row: list[int]) -> list[int]:
    return [number for kind, same in groupby(row) for number in (kind, len(list(same)))]
