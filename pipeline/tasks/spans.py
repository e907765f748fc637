"""What a range of days is built by: spans of some symbols' days, then the dates.

Luigi's scheduler carries a thousand tasks well, not the steps of every symbol and day. So it sees spans and
dates here; within one, the same units are built by the same functions, in one process, and each keeps its
receipt and its reason. A symbol's days follow each other, so that what one looks back on is in memory.
Belongs here: which spans a window of days has, which units a span or a date is. Does not belong here: how a
unit is built (`job.py`), which days are asked for (`runs/backfill.py`).
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
from collections.abc import Iterator
from itertools import groupby
from types import ModuleType

import luigi

from pipeline import arrivals, asked
from pipeline.errors import KitchenError, StageError
from pipeline.free_form import Json
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.settings.config import Symbol
from pipeline.tasks import context, fetching, messages
from pipeline.tasks.base import JOB, RawDay, unsettled_feeds
from pipeline.tasks.day import Snapshot
from pipeline.tasks.parameters import DayParameter

logger = logging.getLogger("kitchen")

SPAN_SYMBOLS = 50
"""Of so many symbols at most is a span."""

SPANS_A_WORKER = 2
"""So many at least, where there are as many symbols or months: spans differ in length."""


def windows(days: list[dt.date], workers: int) -> Iterator[list[dt.date]]:
    """The days by months; so many months together that each worker has its spans."""
    months = _months(days)
    together = -(-SPANS_A_WORKER * workers // len(_shards(workers))) if workers > 1 else 1
    for first in range(0, len(months), together):
        yield [day for month in months[first : first + together] for day in month]


def spans(days: list[dt.date], workers: int) -> list[luigi.Task]:
    """The spans of a window: of each month, and of each shard of the symbols."""
    return [
        Span(
            start=month[0],
            stop=month[-1],
            symbols=",".join(names),
            first=days[0],
            last=days[-1],
        )
        for month in _months(days)
        for names in _shards(workers)
    ]


def _months(days: list[dt.date]) -> list[list[dt.date]]:
    return [list(month) for _, month in groupby(days, key=lambda day: (day.year, day.month))]


def _shards(workers: int) -> list[list[str]]:
    """The symbols' names by spans."""
    names = list(context.kitchen().symbols)
    size = min(SPAN_SYMBOLS, -(-len(names) // (SPANS_A_WORKER * workers)))
    return [names[first : first + size] for first in range(0, len(names), size)]


class SymbolsTask(luigi.Task):
    """Units of some symbols, built in one process; complete when all of them are fresh."""

    start = DayParameter(description="first UTC date, YYYY-MM-DD")
    stop = DayParameter(description="last UTC date, included")
    symbols = luigi.Parameter(description="comma-separated names of configured symbols")

    def days(self) -> list[dt.date]:
        """The dates, oldest first."""
        first: dt.date = self.start
        return [first + dt.timedelta(days=n) for n in range((self.stop - first).days + 1)]

    def parts(self) -> Iterator[tuple[str, list[Unit]]]:
        """What is built together, in order: what people call it, and its units."""
        raise NotImplementedError

    def output(self) -> list[luigi.LocalTarget]:
        """The file of each of its units."""
        kitchen = context.kitchen()
        units = (unit for _, units in self.parts() for unit in units)
        return [luigi.LocalTarget(str(graph.file(kitchen, unit))) for unit in units]

    def complete(self) -> bool:
        """Whether there is nothing to build."""
        freshness = context.freshness()
        return all(freshness.receipt(unit) for _, units in self.parts() for unit in units)

    def run(self) -> None:
        """Builds part by part; one that cannot be built holds up no other.

        Raises:
            StageError: names the parts that could not be built. Their dates say why.
        """
        job = importlib.import_module(JOB)
        failed, parts = [], list(self.parts())
        for done, (name, units) in enumerate(parts):
            self.set_status_message(f"{name}, {done} of {len(parts)}")
            self.set_progress_percentage(100 * done // len(parts))
            try:
                messages.built(name, job.build(context.freshness(), *units))
            except KitchenError as error:
                logger.debug("%s: %s", name, error)
                failed.append(name)
        if failed:
            raise StageError(
                f"could not build {', '.join(failed)}; what is said of the dates tells why"
            )

    def _symbols(self) -> list[Symbol]:
        return [context.kitchen().symbol(name) for name in asked.names(self.symbols)]


class Groundwork(SymbolsTask):
    """What the spans of some symbols in a range share, so that none of it is built twice.

    The daily statistics that their days look back on; and of the day before each span what its first day
    looks back on, with the neighbours that tell it its clock.
    """

    def parts(self) -> Iterator[tuple[str, list[Unit]]]:
        """Each symbol's statistics, then its days before a span."""
        for symbol in self._symbols():
            yield f"{symbol.name}'s daily statistics", self._history(symbol)
            for after in self.days():
                if after.day == 1 or after == self.start:
                    yield self._day_before(symbol, after)

    def _history(self, symbol: Symbol) -> list[Unit]:
        edges = (
            edge
            for day in (self.start, self.stop)
            for edge in graph.edges(context.kitchen(), Unit("MacroFeatures", day, symbol.name))
        )
        return list(dict.fromkeys(edge.unit for edge in edges))

    def _day_before(self, symbol: Symbol, after: dt.date) -> tuple[str, list[Unit]]:
        kitchen, before = context.kitchen(), after - dt.timedelta(days=1)
        if not arrivals.is_expected(kitchen, symbol, after):
            return f"{symbol.name} {before}", []
        edges = graph.edges(kitchen, Unit("MicroFeatures", after, symbol.name))
        units = dict.fromkeys(edge.unit for edge in edges if edge.unit.day < after)
        return f"{symbol.name} {before}", list(units)


class Span(SymbolsTask):
    """All steps of some symbols on the days of a month, or of a part of it.

    `first` and `last` are the ends of the range whose spans are built together.
    """

    first = DayParameter(description="first UTC date of the range, YYYY-MM-DD")
    last = DayParameter(description="last UTC date of the range, included")

    def requires(self) -> list[luigi.Task]:
        """What is to be fetched, and what the spans of the range share."""
        fetched = [
            task
            for day in self.days()
            for task in fetching.in_front(day, [symbol.name for symbol in self._symbols()])
        ]
        return [*fetched, Groundwork(start=self.first, stop=self.last, symbols=self.symbols)]

    def parts(self) -> Iterator[tuple[str, list[Unit]]]:
        """Each symbol's days whose raw data is settled."""
        kitchen = context.kitchen()
        for symbol in self._symbols():
            for day in self.days():
                if arrivals.is_expected(kitchen, symbol, day) and not any(
                    arrivals.unsettled(kitchen, symbol, day)
                ):
                    yield f"{symbol.name} {day}", graph.published_of(kitchen, symbol, day)


class PublishedDate(Snapshot):
    """A snapshot, with every step that it still lacks built in one process."""

    @property
    def unit(self) -> Unit:
        """The date's snapshot."""
        return Unit("Snapshot", self.date)

    def requires(self) -> list[luigi.Task]:
        """The raw data of the date, fetched first where that is configured."""
        kitchen = context.kitchen()
        expected = [symbol.name for symbol in arrivals.expected_symbols(kitchen, self.date)]
        return [
            *fetching.in_front(self.date, expected),
            RawDay(date=self.date),
            *unsettled_feeds(self.date),
            *self.waits(),
        ]

    def perform(self, job: ModuleType) -> Json:
        """Builds what is missing, then publishes."""
        below = dict.fromkeys(edge.unit for edge in graph.edges(context.kitchen(), self.unit))
        job.build(context.freshness(), *below)
        return super().perform(job)
