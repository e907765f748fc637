"""Figures of reports by day, as lines.

Belongs here: which values of which days, and no more of them than a page has time for. Drawing is
`quality/plots.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from pipeline.pages.known import Known
from pipeline.pages.reports import Report
from pipeline.quality import plots
from pipeline.quality.svg import Drawing

MOST_REPORTS = 1_100
"""A page reads so many reports at most: three years of a symbol, or a year of three."""

LINES = 3
"""So many lines can be told apart in one drawing."""

SHARES = ("Coverage of expected minutes", "Proven share of minutes")
"""Drawings that end at 1."""

FIGURES: dict[str, dict[str, str]] = {
    SHARES[0]: {"Binance": "binance_coverage", "ATAS": "atas_coverage"},
    "Offset of the clock, minutes": {"offset": "offset_minutes"},
    "Skew of stamps, ms": {"skew": "skew_ms"},
    "Basis, median, bps": {"ATAS against Binance": "basis_bps_median"},
}
"""Title -> line -> key of the figures in a report's header."""


def trends(known: Known, days: list[dt.date], check: str, unit: str) -> list[Drawing]:
    """A check's measured values by day, of all symbols together where they are few, else of the worst.

    Args:
        known: The store.
        days: The dates, ascending; the newest are drawn where all are too many.
        check: Its name in CONTROL.
        unit: Of its values.
    """
    names = sorted(known.symbols, key=lambda name: (-_failing(known, name, check), name))[:LINES]

    def measured(report: Report) -> float | None:
        return next((it.measured for it in report.checks if it.name == check), None)

    kept = days[-(MOST_REPORTS // max(len(names), 1)) :]
    series = {name: _points(known, kept, name, measured) for name in names}
    return _drawn(f"{check}, {unit}" if unit else check, series)


def of_symbol(known: Known, symbol: str) -> list[Drawing]:
    """A symbol's coverage, clock and basis, proven minutes, and revisions by day."""
    days = known.symbols[symbol][-MOST_REPORTS:]
    heads = {day: known.report(day, symbol).header.figures for day in days}
    drawings = []
    for title, lines in FIGURES.items():
        series = {
            name: [
                (day, value)
                for day, found in heads.items()
                if (value := getattr(found, key)) is not None
            ]
            for name, key in lines.items()
        }
        drawings += _drawn(title, series)
    proven = [
        (d, it.proven) for d in days if (it := known.days[d].symbols[symbol]).proven is not None
    ]
    revisions = [(day, float(known.days[day].revision)) for day in days]
    return [
        *drawings,
        *_drawn(SHARES[1], {"proven": proven}),
        *_drawn("Revisions", {"revision": revisions}),
    ]


def _failing(known: Known, symbol: str, check: str) -> int:
    """How many of the newest days have the check among their reasons, by its report."""
    days = known.symbols[symbol][-1:]
    checks = (it for day in days for it in known.report(day, symbol).checks)
    return sum(it.name == check and it.passed is False for it in checks)


def _points(
    known: Known, days: list[dt.date], symbol: str, value: Callable[[Report], float | None]
) -> list[tuple[dt.date, float]]:
    own = set(known.symbols[symbol])
    found = ((day, value(known.report(day, symbol))) for day in days if day in own)
    return [(day, it) for day, it in found if it is not None]


def _drawn(title: str, series: dict[str, list[tuple[dt.date, float]]]) -> list[Drawing]:
    """A drawing of the lines that have two points or more; none where no line has."""
    lines = {name: points for name, points in series.items() if len(points) > 1}
    most = 1.0 if title in SHARES else None
    return [plots.trend(title, lines, most)] if lines else []
