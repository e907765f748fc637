"""Scorecards of the last days as Prometheus figures.

Belongs here: names and labels of figures. What is counted is `pages/scorecards.py`; the dashboard that draws
them is `configs/examples/grafana.json`.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pipeline.pages.known import Known
from pipeline.pages.scorecards import Card, cards
from pipeline.publishing.opening import open_store
from pipeline.settings.config import Kitchen

DAYS = 30
"""The cards are of so many of the newest published dates."""

_COUNT_EVERY_SECONDS = 300.0

_OF = ("vendor", "feed", "symbol", "month")

FIGURES = {
    "kitchen_feed_days": "published days with a file of the feed",
    "kitchen_feed_coverage_ratio": "mean share of the minutes expected of the vendor",
    "kitchen_feed_offset_minutes": "largest offset of its clock that was found",
    "kitchen_feed_skew_milliseconds": "median skew of its stamps",
    "kitchen_feed_proven_ratio": "share of minutes with a tape that agree with their kline",
    "kitchen_feed_lines": "raw lines",
    "kitchen_feed_rejected_lines": "raw lines set aside",
    "kitchen_feed_revised_days": "days with more than one revision",
}
"""Name of a figure by feed, symbol and month, and what it is."""

CODES = "kitchen_feed_code_days"


class Feeds(Collector):
    """The figures, counted at most every five minutes."""

    def __init__(self, kitchen: Kitchen) -> None:
        """Of a configuration; nothing is counted yet."""
        self._kitchen = kitchen
        self._counted = -math.inf
        self._cards: list[Card] = []

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now; what was not measured has none."""
        if time.monotonic() - self._counted > _COUNT_EVERY_SECONDS:
            self._cards = self._count()
            self._counted = time.monotonic()
        families = {
            name: GaugeMetricFamily(name, words, labels=_OF) for name, words in FIGURES.items()
        }
        codes = GaugeMetricFamily(
            CODES, "days of which the code is a reason", labels=(*_OF, "code")
        )
        for card in self._cards:
            labels = [card.vendor, card.feed, card.symbol, card.month]
            for family, value in zip(families.values(), _values(card), strict=True):
                if value is not None:
                    family.add_metric(labels, value)
            for code, days in card.codes.items():
                codes.add_metric([*labels, code], days)
        yield from (*families.values(), codes)

    def _count(self) -> list[Card]:
        known = Known.of(self._kitchen, open_store(self._kitchen.snapshots))
        since = next(iter(list(known.days)[-DAYS:]), dt.date.max)
        return cards(known, since)


def _values(card: Card) -> tuple[float | None, ...]:
    """In the order of `FIGURES`."""
    return (
        card.days,
        card.coverage,
        max(card.offsets, key=abs, default=None),
        card.skew_ms,
        card.proven,
        card.read,
        card.rejected,
        card.revised,
    )
