"""What all tasks are: a unit of the declared graph, complete when it is fresh."""

from __future__ import annotations

import datetime as dt
import importlib
import logging
from collections.abc import Iterator
from html import escape
from types import ModuleType

import luigi

from pipeline import arrivals
from pipeline.errors import ConfigError, ReleaseError, UnstableInputError
from pipeline.free_form import Json
from pipeline.freshness import code, graph
from pipeline.freshness.graph import Unit
from pipeline.model.feeds import FEEDS
from pipeline.publishing import day_state
from pipeline.tasks import context, fetching, messages
from pipeline.tasks.of_kitchen import KitchenTask
from pipeline.tasks.parameters import (
    DayParameter,
    SourceParameter,
    SymbolParameter,
    VendorParameter,
)
from pipeline.tasks.pieces import JOB

logger = logging.getLogger("kitchen")


class RawFeed(KitchenTask, luigi.ExternalTask):
    """A vendor's files of a symbol and day: complete when they are settled, or past their deadline."""

    date = DayParameter(description="UTC date, YYYY-MM-DD")
    symbol = SymbolParameter(description="a configured symbol")
    vendor = VendorParameter(description="binance or atas")

    def complete(self) -> bool:
        """Whether nothing more is to be waited for."""
        kitchen = context.kitchen()
        return arrivals.is_settled(kitchen, kitchen.symbol(self.symbol), self.vendor, self.date)

    def output(self) -> list[luigi.LocalTarget]:
        """The files that are there."""
        kitchen = context.kitchen()
        files = arrivals.vendor_files(kitchen, kitchen.symbol(self.symbol), self.vendor, self.date)
        return [luigi.LocalTarget(str(file.path)) for file in files]


def unsettled_feeds(date: dt.date) -> list[luigi.Task]:
    """The raw data of a date's expected symbols that may still come or change."""
    kitchen = context.kitchen()
    return [
        RawFeed(date=date, symbol=symbol.name, vendor=vendor)
        for symbol in arrivals.expected_symbols(kitchen, date)
        for vendor in arrivals.unsettled(kitchen, symbol, date)
    ]


class RawDay(KitchenTask, luigi.ExternalTask):
    """A date that can be published: some expected symbol has files of the exchange of record."""

    date = DayParameter(description="UTC date, YYYY-MM-DD")

    def complete(self) -> bool:
        """Whether at least one symbol can give rows."""
        return day_state.has_klines(context.kitchen(), self.date)

    def output(self) -> list[luigi.LocalTarget]:
        """Nothing of its own."""
        return []


class UnstableInput(KitchenTask, luigi.ExternalTask):
    """Raw files that changed while they were read: waited for in this run, looked at again in the next.

    Luigi calls a run that ends with such a wait pending, not failed.
    """

    reader = luigi.Parameter(description="what read them")

    def complete(self) -> bool:
        """Never in the run that saw them change."""
        return False


def _note_unstable(task: UnstableInput) -> None:
    """Luigi tells the main process, in which no task may have run."""
    context.unstable().add(task.reader)


UnstableInput.event_handler(luigi.Event.DEPENDENCY_MISSING)(_note_unstable)


class OtherRun(KitchenTask, luigi.ExternalTask):
    """Another run that has a date in hand: waited for, in this run no longer."""

    date = DayParameter(description="UTC date, YYYY-MM-DD")

    def complete(self) -> bool:
        """Never in the run that gave up waiting."""
        return False


def _note_held(task: OtherRun) -> None:
    """Luigi tells the main process, in which no task may have run."""
    context.held().add(task.date)


OtherRun.event_handler(luigi.Event.DEPENDENCY_MISSING)(_note_held)


class UnitTask(KitchenTask):
    """A step of the graph for one unit. Subclasses only name their parameters."""

    date = DayParameter(description="UTC date, YYYY-MM-DD")

    @property
    def unit(self) -> Unit:
        """The unit that the parameters name."""
        return Unit(
            self.task_family,
            self.date,
            getattr(self, "symbol", None),
            getattr(self, "source", None),
        )

    def requires(self) -> list[luigi.Task]:
        """The tasks of all units that this one reads and does not build itself, each once."""
        edges = graph.edges(context.kitchen(), self.unit)
        units = dict.fromkeys(edge.unit for edge in edges if not edge.inline)
        return [*map(task_of, units), *self.waits()]

    def output(self) -> luigi.LocalTarget:
        """The one file of all its outputs."""
        return luigi.LocalTarget(str(graph.file(context.kitchen(), self.unit)))

    def complete(self) -> bool:
        """Whether the outputs are what inputs, code and rules would give now."""
        fresh = context.freshness().receipt(self.unit) is not None and not self.urgent()
        if not fresh:
            end_if_refused()
            # There is work: load the heavy libraries once here, not in every forked worker.
            importlib.import_module(code.RECIPES)
        return fresh

    def waits(self) -> list[luigi.Task]:
        """What a run of the task found it must wait for: Luigi asks for it again when it sums up."""
        reader = str(self.unit)
        return [UnstableInput(reader=reader)] if reader in context.unstable() else []

    def urgent(self) -> list[str]:
        """Why the unit has to run although its receipt is fresh; empty when nothing is."""
        return []

    def run(self) -> Iterator[luigi.Task] | None:
        """Reads, calls, writes, and leaves a receipt; waits where a raw file did not hold still."""
        # The pages that `kitchen luigid` serves beside the dashboard.
        self.set_tracking_url(
            "/".join(["/qc", self.date.isoformat(), *filter(None, [self.unit.symbol])])
        )
        try:
            facts = self.perform(importlib.import_module(JOB))
        except UnstableInputError as error:
            messages.unstable(self.unit, error)
            return waiting_for(UnstableInput(reader=str(self.unit)))
        context.look_again()
        self.report("done", 100)
        messages.ran(self.unit, facts)
        return None

    def perform(self, job: ModuleType) -> Json:
        """Builds the unit, by the module that was loaded for it, and returns its facts."""
        facts: Json = job.perform(context.freshness(), self.unit, self.report, self.urgent())
        return facts

    def report(self, phrase: str, per_cent: int) -> None:
        """Shows on the dashboard what the task is doing. The page renders HTML, so it is escaped."""
        self.set_status_message(escape(phrase))
        self.set_progress_percentage(per_cent)


class RefusedRelease(SystemExit):
    """This one may not build: ends a run in which Luigi would take it for an error of scheduling."""


def end_if_refused() -> None:
    """Ends the process in one sentence where this one may not build; said before anything is built.

    Raises:
        RefusedRelease: so it is.
    """
    try:
        context.refuse_other_release()
    except (ConfigError, ReleaseError) as error:
        logger.error("%s", error)
        raise RefusedRelease(int(error.exit_code)) from None


def waiting_for(task: luigi.Task) -> Iterator[luigi.Task]:
    """The form in which Luigi takes a requirement that is found while a task runs."""
    yield task


class SymbolTask(UnitTask):
    """A step for one symbol and day."""

    symbol = SymbolParameter(description="a configured symbol")


class FeedTask(SymbolTask):
    """A step for one feed of a symbol and day."""

    source = SourceParameter(
        description="binance_1m, binance_1d, binance_funding, binance_metrics, atas_bars, .."
    )

    def requires(self) -> list[luigi.Task]:
        """The raw files, fetched first where that is configured."""
        vendor = FEEDS[self.source].vendor
        fetched = fetching.in_front(self.date, [self.symbol]) if vendor == "binance" else []
        feed = RawFeed(date=self.date, symbol=self.symbol, vendor=vendor)
        return [*fetched, feed, *self.waits()]


def task_of(unit: Unit) -> luigi.Task:
    """The Luigi task of a unit."""
    parameters = {"date": unit.day, "symbol": unit.symbol, "source": unit.source}
    given = {name: value for name, value in parameters.items() if value is not None}
    return luigi.task_register.Register.get_task_cls(unit.stage)(**given)
