"""How good each feed was, month by month: what a person asks who has to choose between them.

Belongs here: reports of published days -> one card a feed, symbol and month. Judging a day is `quality/`.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.model.feeds import FEEDS
from pipeline.pages.known import Known
from pipeline.pages.reports import Report

MOST_REPORTS = 3_000
"""So many reports are read for a page; the newest days count."""

_VENDORS = {"atas": "A", "binance": "B"}
"""Vendor -> the letter of the codes that tell of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A feed of a symbol in a month. Shares and medians are over its days; None where none was measured.

    Attributes:
        days: Published days that have a file of it.
        of: Published days of the symbol.
        coverage: Mean share of the minutes that were expected of it.
        offsets: Every offset of its clock that was found, in minutes, ascending.
        skew_ms: Median.
        proven: Share of the minutes with a tape that agree with their kline.
        read: Raw lines.
        rejected: Of these, set aside.
        codes: Code of its vendor -> days that it is a reason of.
        revised: Days that have more than one revision.
    """

    vendor: str
    feed: str
    symbol: str
    month: str
    days: int
    of: int
    coverage: float | None
    offsets: tuple[int, ...]
    skew_ms: float | None
    proven: float | None
    read: int
    rejected: int
    codes: dict[str, int]
    revised: int


@dataclass(slots=True)
class _Month:
    """What is gathered of a symbol's month."""

    days: int = 0
    revised: int = 0
    coverage: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    offsets: set[int] = field(default_factory=set)
    skews: list[float] = field(default_factory=list)
    proven: list[float] = field(default_factory=list)
    feeds: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)


def cards(known: Known, since: dt.date | None = None) -> list[Card]:
    """The cards of the newest days, newest month first, then by symbol and feed."""
    months: dict[tuple[str, str], _Month] = {}
    for number, (day, symbol, entry) in enumerate(known.symbol_days()):
        if number == MOST_REPORTS or (since is not None and day < since):
            break
        month = months.setdefault((f"{day:%Y-%m}", symbol), _Month())
        month.days += 1
        month.revised += known.days[day].revision > 1
        month.codes.update(entry.codes)
        if entry.proven is not None:
            month.proven.append(entry.proven)
        _take(month, known.report(day, symbol))
    ordered = sorted(months.items(), key=lambda item: item[0][1])
    ordered.sort(key=lambda item: item[0][0], reverse=True)
    return [card for (name, symbol), month in ordered for card in _cards(name, symbol, month)]


def _take(month: _Month, report: Report) -> None:
    figures = report.header.figures
    for vendor in _VENDORS:
        share = getattr(figures, f"{vendor}_coverage")
        if share is not None:
            month.coverage[vendor].append(share)
    if figures.offset_minutes is not None:
        month.offsets.add(int(figures.offset_minutes))
    if figures.skew_ms is not None:
        month.skews.append(figures.skew_ms)
    month.feeds.update({entry.source for entry in report.conservation})
    for entry in report.conservation:
        month.read[entry.source] += entry.read
        month.rejected[entry.source] += entry.rejected


def _cards(name: str, symbol: str, month: _Month) -> Iterable[Card]:
    for feed in sorted(month.feeds):
        vendor = FEEDS[feed].vendor if feed in FEEDS else ""
        is_atas = vendor == "atas"
        yield Card(
            vendor=vendor,
            feed=feed,
            symbol=symbol,
            month=name,
            days=month.feeds[feed],
            of=month.days,
            coverage=_mean(month.coverage.get(vendor, [])),
            offsets=tuple(sorted(month.offsets)) if is_atas else (),
            skew_ms=statistics.median(month.skews) if is_atas and month.skews else None,
            proven=_mean(month.proven) if feed.endswith(("ticks", "trades")) else None,
            read=month.read[feed],
            rejected=month.rejected[feed],
            codes={
                code: count
                for code, count in sorted(month.codes.items())
                if code[0] in (_VENDORS.get(vendor, ""), "C", "D")
            },
            revised=month.revised,
        )


def _mean(values: list[float]) -> float | None:
    return statistics.fmean(values) if values else None
