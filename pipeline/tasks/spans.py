"""What a range of days is built by: spans of some symbols' days, then the dates.

Luigi's scheduler carries a thousand tasks well, not the steps of every symbol and day. So it sees spans and
dates here; within one, the same units are built by the same functions, in one process, and each keeps its
receipt and its reason. A symbol's days follow each other, so that what one looks back on is in memory.
Belongs here: which spans a window of days has, and their tasks. Does not belong here: which units a span is
and how they are built (`pieces.py`), who builds them (`crew.py`), which days are asked for
(`runs/backfill.py`).
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from itertools import groupby
from types import ModuleType

import luigi

from pipeline import arrivals, asked
from pipeline.errors import LockedError, SnapshotExistsError, StageError
from pipeline.free_form import Json
from pipeline.freshness import graph, identity
from pipeline.freshness.graph import Unit
from pipeline.tasks import context, fetching, messages, pieces, tally
from pipeline.tasks.base import OtherRun, RawDay, unsettled_feeds, waiting_for
from pipeline.tasks.crew import Crew, at_work, hired
from pipeline.tasks.day import Snapshot
from pipeline.tasks.of_kitchen import KitchenTask
from pipeline.tasks.parameters import DayParameter
from pipeline.tasks.pieces import PARTS, Made, Part, Piece

SPANS_A_WORKER = 2
"""So many at least, where there are as many symbols or months: spans differ in length."""


def windows(days: list[dt.date], workers: int) -> Iterator[list[dt.date]]:
    """The days by months; so many months together that each worker has its spans."""
    months, crew = _months(days), at_work()
    at_once = workers if crew is None else crew.width()
    # A crew builds a span's symbols beside each other.
    beside = len(_shards(workers)) if crew is None else len(context.kitchen().symbols)
    together = -(-SPANS_A_WORKER * at_once // beside) if at_once > 1 else 1
    for first in range(0, len(months), together):
        yield [day for month in months[first : first + together] for day in month]


def spans(days: list[dt.date], workers: int) -> list[Span]:
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


def hand_ahead(spans: list[Span], crew: Crew) -> None:
    """Lets those who build begin with spans before Luigi comes to them: it runs one after the other.

    A span whose raw files are fetched first is handed over when it is run.
    """
    following: dict[Piece, list[Piece]] = {}
    for span in spans:
        if span.fetched():
            continue
        for first, piece in zip(span.groundwork().pieces(), span.pieces(), strict=True):
            following.setdefault(first, []).append(piece)
    for first, then in following.items():
        crew.hand_ahead(first, then)


def _months(days: list[dt.date]) -> list[list[dt.date]]:
    return [list(month) for _, month in groupby(days, key=lambda day: (day.year, day.month))]


def _shards(workers: int) -> list[list[str]]:
    """The symbols' names by spans."""
    names, size = list(context.kitchen().symbols), context.kitchen().workers.shard_symbols
    if at_work() is None:
        size = min(size, -(-len(names) // (SPANS_A_WORKER * workers)))
    return [names[first : first + size] for first in range(0, len(names), size)]


class SymbolsTask(KitchenTask):
    """Units of some symbols; complete when all of them are fresh.

    Built in this process, or a symbol each by those whom `workers.executor` says.
    """

    is_counted = False
    """Whether its parts are the symbol-days that people see counted."""

    start = DayParameter(description="first UTC date, YYYY-MM-DD")
    stop = DayParameter(description="last UTC date, included")
    symbols = luigi.Parameter(description="comma-separated names of configured symbols")

    def days(self) -> list[dt.date]:
        """The dates, oldest first."""
        return pieces.days(self.start, self.stop)

    def parts(self) -> Iterator[Part]:
        """What is built together, in order: what people call it, and its units."""
        of, kitchen = PARTS[self.task_family], context.kitchen()
        for name in asked.names(self.symbols):
            yield from of(kitchen, kitchen.symbol(name), self.days())

    def pieces(self) -> list[Piece]:
        """What is handed over where others build: each symbol's share."""
        wanted = identity.of(context.freshness())
        return [
            Piece(
                config=str(context.kitchen().file),
                kind=self.task_family,
                symbol=name,
                start=self.start,
                stop=self.stop,
                wanted=wanted,
            )
            for name in asked.names(self.symbols)
        ]

    def output(self) -> list[luigi.LocalTarget]:
        """The file of each of its units."""
        kitchen = context.kitchen()
        units = (unit for _, units in self.parts() for unit in units)
        return [luigi.LocalTarget(str(graph.file(kitchen, unit))) for unit in units]

    def complete(self) -> bool:
        """Whether there is nothing to build; of what others built by their word, for its dates look again."""
        crew = at_work()
        ready = None if crew is None else crew.is_ready(self.pieces())
        if ready is not None:
            return ready
        freshness = context.freshness()
        return all(freshness.receipt(unit) for _, units in self.parts() for unit in units)

    def run(self) -> None:
        """Builds part by part; one that cannot be built holds up no other.

        Raises:
            StageError: names the parts that could not be built, whose dates say why; or nobody is there to
                build them.
            ConfigError: those who were to build are another release, or have other rules.
        """
        failed = []
        with hired(context.kitchen().workers) as crew:
            for made in self._here() if crew is None else self._by(crew):
                messages.built(made)
                if self.is_counted:
                    tally.add()
                failed += [made.name] if made.failed else []
        if failed:
            raise StageError(
                f"could not build {', '.join(failed)}; what is said of the dates tells why"
            )
        self.set_status_message("done")
        self.set_progress_percentage(100)

    def _here(self) -> Iterator[Made]:
        parts = list(self.parts())
        for done, (name, units) in enumerate(parts):
            self._show(name, done, len(parts))
            yield pieces.make(context.freshness(), name, units)

    def _by(self, crew: Crew) -> Iterator[Made]:
        wanted = self.pieces()
        if crew.link:
            self.set_tracking_url(crew.link)
        self._show("handed over", 0, len(wanted))
        for done, (piece, built) in enumerate(crew.built(wanted), 1):
            self._show(f"{piece.symbol} built in {built.seconds:.0f} s", done, len(wanted))
            yield from built.made

    def _show(self, what: str, done: int, of: int) -> None:
        self.set_status_message(f"{what}, {done} of {of}")
        self.set_progress_percentage(100 * done // max(of, 1))


class Groundwork(SymbolsTask):
    """What the spans of some symbols in a range share, so that none of it is built twice.

    The daily statistics that their days look back on; and of the day before each span what its first day
    looks back on, with the neighbours that tell it its clock.
    """


class Span(SymbolsTask):
    """All steps of some symbols on the days of a month, or of a part of it, whose raw data is settled.

    `first` and `last` are the ends of the range whose spans are built together.
    """

    is_counted = True
    first = DayParameter(description="first UTC date of the range, YYYY-MM-DD")
    last = DayParameter(description="last UTC date of the range, included")

    def requires(self) -> list[luigi.Task]:
        """What is to be fetched, and what the spans of the range share."""
        return [*self.fetched(), self.groundwork()]

    def fetched(self) -> list[luigi.Task]:
        """What is to be fetched."""
        names = list(asked.names(self.symbols))
        return [task for day in self.days() for task in fetching.in_front(day, names)]

    def groundwork(self) -> Groundwork:
        """What its symbols' spans of the range share."""
        return Groundwork(start=self.first, stop=self.last, symbols=self.symbols)


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
        """Builds what is missing, then publishes; while another run does that, waits for it."""
        until = time.monotonic() + context.kitchen().workers.patience_seconds
        while True:
            try:
                return self._published(job)
            except SnapshotExistsError:
                raise  # a second try would follow what was published meanwhile, with what may be older
            except LockedError:
                if time.monotonic() >= until:
                    raise
                self.report("another run publishes it", 90)
                context.forget_days()

    def _published(self, job: ModuleType) -> Json:
        below = dict.fromkeys(edge.unit for edge in graph.edges(context.kitchen(), self.unit))
        job.build(context.freshness(), *below)
        return super().perform(job)

    def follow(self) -> None:
        """Nothing: the views follow a window of dates at once."""

    def run(self) -> Iterator[luigi.Task] | None:
        """As each unit; a date that another run has in hand to the end is that one's, and no failure."""
        try:
            return super().run()
        except LockedError as error:
            messages.held(self.date, error)
            return waiting_for(OtherRun(date=self.date))

    def waits(self) -> list[luigi.Task]:
        """Also another run that has the date in hand."""
        others = [OtherRun(date=self.date)] if self.date in context.held() else []
        return [*super().waits(), *others]
