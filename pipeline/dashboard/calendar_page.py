"""The calendar of all published days as one self-contained page: `snapshots/index.html`.

Belongs here: which day has which condition, the trends, and the page. Does not belong here: judging a day
(`quality/`). The page reads what was published and is made anew at any time.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from pipeline import markup, storage
from pipeline.errors import SnapshotCorruptError
from pipeline.publishing import index
from pipeline.publishing.side_by_side import each
from pipeline.publishing.store import ALWAYS, Store
from pipeline.quality import page as report_page
from pipeline.quality import plots

FILE = "index.html"
REPORT = "calibration_report"

LEGEND = (
    ("available", "published whole"),
    ("degraded", "published, with reasons"),
    ("missing", "no row published"),
)

TRENDS = (
    ("Coverage of expected minutes", {"Binance": "binance_coverage", "ATAS": "atas_coverage"}, 1.0),
    ("Basis, median, bps", {"ATAS against Binance": "basis_bps_median"}, None),
    ("Clock skew, ms", {"stamps late": "skew_ms"}, None),
)
"""Title, line -> key of a report's figures, and the most that a value can be."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """A day of a month's row; one that is not published leads nowhere."""

    number: int
    href: str = ""
    condition: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfSymbol:
    """A published symbol-day: condition, codes of its reasons, and the figures of its report's head."""

    day: dt.date
    symbol: str
    condition: str
    codes: tuple[str, ...]
    figures: dict[str, float]

    @property
    def words(self) -> str:
        """For a pointer that rests on the day."""
        coverage = self.figures.get("binance_coverage")
        said = f"{self.symbol} {self.day}: {self.condition}"
        said += f", {', '.join(self.codes)}" if self.codes else ""
        return said if coverage is None else f"{said}, Binance {coverage:.2%}"


def published(store: Store) -> tuple[list[DayOfSymbol], bool]:
    """Every symbol's published days in order, and whether any is simulated."""
    store = store.look(ALWAYS)
    days = index.current(store)
    each(lambda it: _bring(store, *it), days.items(), store.at_once)
    found = [
        DayOfSymbol(
            day=day,
            symbol=symbol,
            condition=entry.condition,
            codes=entry.codes,
            figures=_figures(store, day, whole.revision, symbol),
        )
        for day, whole in sorted(days.items())
        for symbol, entry in sorted(whole.symbols.items())
    ]
    return found, any(whole.simulated for whole in days.values())


def page(days: list[DayOfSymbol], *, simulated: bool) -> str:
    """The page, newest month first. Equal days give equal bytes; every text is escaped."""
    dates = sorted({d.day for d in days})
    counts = Counter(d.condition for d in days)
    return (
        markup.environment("pipeline.dashboard")
        .get_template("calendar.html")
        .render(
            total=len(dates),
            first=dates[0] if dates else "none",
            last=dates[-1] if dates else "none",
            counts=", ".join(f"{n} {state}" for state, n in sorted(counts.items()))
            or "none published",
            simulated=simulated,
            legend=LEGEND,
            drawn_style=report_page.style_sheet("drawings.css"),
            months=[_month(days, *month) for month in _months(dates)],
            trends=[(symbol, _trends(days, symbol)) for symbol in _symbols(days)],
        )
    )


def write(store: Store) -> list[DayOfSymbol]:
    """Writes the page into the store, and returns what it shows."""
    days, simulated = published(store)
    store.prepare()
    with store.alone():
        store.write(FILE, page(days, simulated=simulated).encode())
    return days


def _bring(store: Store, day: dt.date, whole: index.Entry) -> None:
    """All reports of a date at once; what cannot be had is missed where it is read."""
    with suppress(SnapshotCorruptError):
        names = [f"qc/{symbol}/{REPORT}.json" for symbol in whole.symbols]
        store.fetch(day, whole.revision, names)


def _figures(store: Store, day: dt.date, number: int, symbol: str) -> dict[str, float]:
    """The numbers of a report's head; none of a report that is not there or of another form."""
    name = f"qc/{symbol}/{REPORT}.json"
    try:
        path = store.fetch(day, number, [name]) / name
        figures = storage.read_json(path)["header"]["figures"].items()
    except (OSError, SnapshotCorruptError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return {name: value for name, value in figures if isinstance(value, (int, float))}


def _symbols(days: list[DayOfSymbol]) -> list[str]:
    return sorted({d.symbol for d in days})


def _months(dates: list[dt.date]) -> list[tuple[int, int]]:
    return sorted({(date.year, date.month) for date in dates}, reverse=True)


def _month(
    days: list[DayOfSymbol], year: int, month: int
) -> tuple[str, list[tuple[str, list[_Cell]]]]:
    """Its name, and each symbol with a cell a day."""
    inside = {(d.symbol, d.day.day): d for d in days if (d.day.year, d.day.month) == (year, month)}
    numbers = range(1, calendar.monthrange(year, month)[1] + 1)
    rows = [
        (symbol, [_cell(inside.get((symbol, n)), n) for n in numbers]) for symbol in _symbols(days)
    ]
    return f"{year}-{month:02d}", rows


def _cell(found: DayOfSymbol | None, number: int) -> _Cell:
    if found is None:
        return _Cell(number)
    href = quote(f"{found.day}/qc/{found.symbol}/{REPORT}.html")
    return _Cell(number, href, found.condition, found.words)


def _trends(days: list[DayOfSymbol], symbol: str) -> list[Markup]:
    """A drawing for each figure that at least two days have."""
    own = [d for d in days if d.symbol == symbol]
    drawings = []
    for title, lines, highest in TRENDS:
        series = {
            name: [(d.day, d.figures[key]) for d in own if key in d.figures]
            for name, key in lines.items()
        }
        if any(len(points) > 1 for points in series.values()):
            drawn = plots.trend(
                title, {n: points for n, points in series.items() if points}, highest
            )
            drawings.append(report_page.drawn(drawn))
    return drawings
