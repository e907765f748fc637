"""The steps of a day as Luigi tasks, in the order of `stages.py`."""

from __future__ import annotations

from types import ModuleType

import luigi

from pipeline.errors import StageError
from pipeline.free_form import Json
from pipeline.publishing import day_state
from pipeline.stages import STAGES
from pipeline.tasks import context, fetching, messages
from pipeline.tasks.base import FeedTask, RawDay, RawFeed, SymbolTask, UnitTask


class CleanFeed(FeedTask):
    """Vendor text -> conforming table; every line not used is set aside with its reason."""


class Footprint(SymbolTask):
    """Ticks -> volume by minute and price, and minute statistics."""


class Calibration(SymbolTask):
    """Lag, identity and units of the vendor's minutes: found, applied or refused, with evidence."""

    def requires(self) -> list[luigi.Task]:
        """Its inputs, and that the ATAS side is settled even where there is no file of it."""
        return [*super().requires(), RawFeed(date=self.date, symbol=self.symbol, vendor="atas")]


class AlignedBars(SymbolTask):
    """The 1440-minute UTC grid, both feeds side by side, with flags."""


class Verdict(SymbolTask):
    """Checks against CONTROL -> condition and reasons; the report."""


class MicroFeatures(SymbolTask):
    """Micro features of the day."""


class DailyStats(SymbolTask):
    """One row of daily aggregates."""


class MacroFeatures(SymbolTask):
    """Macro features known on the day."""


class Assemble(UnitTask):
    """All symbols' outputs: one table a dataset."""

    def requires(self) -> list[luigi.Task]:
        """Its inputs; only the raw day while there is nothing that could be published."""
        raw_day = RawDay(date=self.date)
        if raw_day.complete():
            return [raw_day, *super().requires()]
        return [*fetching.in_front(self.date, list(context.kitchen().symbols)), raw_day]


class Manifest(UnitTask):
    """What the day is: hashes, inputs, calibration, quality, condition."""


class Snapshot(UnitTask):
    """Publishes the day: an immutable revision, and the links that name it."""

    def complete(self) -> bool:
        """Whether the date's stamp says so, or the deep comparison, which then leaves a stamp."""
        if context.finished().holds(self.date):
            return True
        complete = super().complete()
        if complete:
            context.finished().remember(self.date)
        return complete

    def perform(self, job: ModuleType) -> Json:
        """Publishes; then its Delta views follow, or it is said that they do not."""
        facts = super().perform(job)
        self.follow()
        return facts

    def follow(self) -> None:
        """Has the Delta views say what is published now."""
        context.views().follow()

    def urgent(self) -> list[str]:
        """The revision, its date link or LATEST is not as it should be."""
        return day_state.unseen(context.kitchen(), self.date)


_DECLARED = {
    task.__name__: task
    for task in (
        CleanFeed,
        Footprint,
        Calibration,
        AlignedBars,
        Verdict,
        MicroFeatures,
        DailyStats,
        MacroFeatures,
        Assemble,
        Manifest,
        Snapshot,
    )
}
if set(_DECLARED) != set(STAGES):
    raise StageError(
        f"tasks {sorted(_DECLARED)} and stages {sorted(STAGES)} differ; fix one of them"
    )

messages.attach(Snapshot, RawFeed, RawDay)
