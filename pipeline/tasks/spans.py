"""What a range of days is built by: spans of some symbols' days, then the dates.

Luigi's scheduler carries a thousand tasks well, not the steps of every symbol and day. So it sees spans and
dates here; within one, the same units are built by the same functions, in one process, and each keeps its
receipt and its reason. A symbol's days follow each other, so that what one looks back on is in memory.
Belongs here: which units a span or a date is. Does not belong here: how a unit is built (`job.py`), which
days are asked for (`runs/backfill.py`).
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
from collections.abc import Iterator
from typing import Any

import luigi

from pipeline import arrivals, asked
from pipeline.errors import KitchenError, StageError, UnstableInputError
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.settings.config import Symbol
from pipeline.tasks import context, fetching, messages
from pipeline.tasks.base import JOB, RawDay, RawFeed, UnstableInput, waiting_for
from pipeline.tasks.day import Snapshot
from pipeline.tasks.parameters import DayParameter

logger = logging.getLogger("kitchen")


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

    def complete(self) -> bool:
        """Whether there is nothing to build."""
        freshness = context.freshness()
        return all(freshness.receipt(unit) for _, units in self.parts() for unit in units)

    def run(self) -> None:
        """Builds part by part; one that cannot be built holds up no other.

        Raises:
            StageError: names the parts that could not be built. Their dates say why.
        """
        job: Any = importlib.import_module(JOB)
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


class DailyHistory(SymbolsTask):
    """The daily statistics that the days of a span look back on, and their own."""

    def parts(self) -> Iterator[tuple[str, list[Unit]]]:
        """Each symbol's."""
        kitchen = context.kitchen()
        for symbol in self._symbols():
            units = [
                edge.unit
                for day in dict.fromkeys((self.start, self.stop))
                for edge in graph.edges(kitchen, Unit("MacroFeatures", day, symbol.name))
            ]
            yield f"{symbol.name}'s daily statistics", list(dict.fromkeys(units))


class DayBefore(SymbolsTask):
    """What the first day of a span looks back on of the day before: built once, whichever span is first."""

    def parts(self) -> Iterator[tuple[str, list[Unit]]]:
        """Each symbol's."""
        kitchen, last = context.kitchen(), self.days()[-1]
        after = last + dt.timedelta(days=1)
        for symbol in self._symbols():
            if arrivals.is_expected(kitchen, symbol, after):
                edges = graph.edges(kitchen, Unit("MicroFeatures", after, symbol.name))
                units = dict.fromkeys(edge.unit for edge in edges if edge.unit.day < after)
                yield f"{symbol.name} {self.stop}", list(units)


class Span(SymbolsTask):
    """All steps of some symbols on the days of a month, or of a part of it."""

    def requires(self) -> list[luigi.Task]:
        """What is to be fetched; the history; the day before, and the last day where a span follows."""
        fetched = [
            task
            for day in self.days()
            for task in fetching.in_front(day, [symbol.name for symbol in self._symbols()])
        ]
        edges = (self.start - dt.timedelta(days=1), self.stop)
        return [
            *fetched,
            DailyHistory(start=self.start, stop=self.stop, symbols=self.symbols),
            *(DayBefore(start=day, stop=day, symbols=self.symbols) for day in edges),
        ]

    def parts(self) -> Iterator[tuple[str, list[Unit]]]:
        """Each symbol's days whose raw data is settled."""
        kitchen = context.kitchen()
        for symbol in self._symbols():
            for day in self.days():
                if arrivals.is_expected(kitchen, symbol, day) and all(
                    arrivals.is_settled(kitchen, symbol, vendor, day)
                    for vendor in ("binance", "atas")
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
        expected = arrivals.expected_symbols(kitchen, self.date)
        unsettled = [
            RawFeed(date=self.date, symbol=symbol.name, vendor=vendor)
            for symbol in expected
            for vendor in ("binance", "atas")
            if not arrivals.is_settled(kitchen, symbol, vendor, self.date)
        ]
        fetched = fetching.in_front(self.date, [symbol.name for symbol in expected])
        return [*fetched, RawDay(date=self.date), *unsettled, *self.waits()]

    def run(self) -> Iterator[luigi.Task] | None:
        """Builds what is missing, then publishes; waits where a raw file did not hold still."""
        job: Any = importlib.import_module(JOB)
        freshness = context.freshness()
        below = dict.fromkeys(edge.unit for edge in graph.edges(context.kitchen(), self.unit))
        try:
            job.build(freshness, *below)
        except UnstableInputError as error:
            messages.unstable(self.unit, error)
            return waiting_for(UnstableInput(reader=str(self.unit)))
        messages.ran(self.unit, job.perform(freshness, self.unit, self.report, self.urgent()))
        context.look_again()
        return None
