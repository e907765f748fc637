"""Today's partial day, prepared again and again, apart from what is published.

A day that is not settled is never published: its condition is `pending`. Its bars and report are of use
all the same, so they are prepared in a folder of their own, `paths.prepared/.intraday`. Nothing of it is
seen by the tasks that lead to a snapshot: a step that was built from half a day can never count as done
there, and the rule that a feed must be settled first stays whole.
"""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import arrivals, layout, storage
from pipeline.clock import DAY_US, day_open_us, parse_day
from pipeline.contracts.verdict import from_json
from pipeline.errors import KitchenError, ParameterError
from pipeline.free_form import Json
from pipeline.freshness import graph
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.publishing import day_state
from pipeline.runs.state_folder import Places
from pipeline.settings.config import Kitchen
from pipeline.tasks import job

LAST_STEP = "Verdict"
CONDITION = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """A symbol's day so far.

    Args:
        symbol: Its name.
        day: The date.
        ran: Steps that ran now; none when no raw file changed since.
        coverage: The part of the whole day's expected minutes that the exchange of record has so far.
        so_far: What the verdict would be if nothing more came; the condition itself is `pending`.
        folder: Where bars and report lie.
        error: Why the steps could not be run, one sentence; empty when they could.
    """

    symbol: str
    day: dt.date
    ran: tuple[str, ...] = ()
    coverage: float = 0.0
    so_far: str = ""
    folder: Path
    error: str = ""

    def facts(self) -> Json:
        """For `--json` and `pending.json`."""
        return {
            "symbol": self.symbol,
            "date": self.day.isoformat(),
            "condition": CONDITION,
            "so_far": self.so_far,
            "coverage": self.coverage,
            "ran": list(self.ran),
            "folder": str(self.folder),
            "error": self.error,
        }

    def __str__(self) -> str:
        if self.error:
            return f"{self.symbol} {self.day} is pending: {self.error}"
        return (
            f"{self.symbol} {self.day} is pending: {self.coverage:.1%} of the day so far,"
            f" {len(self.ran)} steps ran, {self.folder}"
        )


def apart(kitchen: Kitchen) -> Kitchen:
    """The same kitchen with a prepared folder of its own for days that are not settled."""
    return replace(kitchen, prepared=kitchen.prepared / ".intraday")


def open_days(kitchen: Kitchen, now: dt.datetime) -> list[dt.date]:
    """Yesterday and today, as far as a feed of theirs is not settled."""
    today = now.astimezone(dt.UTC).date()
    return [d for d in (today - dt.timedelta(days=1), today) if day_state.unsettled(kitchen, d)]


def prepare(
    kitchen: Kitchen, now: dt.datetime, day: dt.date | None = None, symbol: str | None = None
) -> list[Partial]:
    """Prepares what is there of the open days up to the verdict, and forgets days that have settled.

    Args:
        kitchen: The configuration.
        now: The present instant, aware.
        day: This day alone.
        symbol: This symbol alone.

    Raises:
        ParameterError: the day is settled, or lies in the future: there is nothing partial about it.
        LockedError: another run is preparing.
    """
    layout.forget_listings()
    days = [day] if day else open_days(kitchen, now)
    if day and day_open_us(day) > now.timestamp() * 1e6:
        raise ParameterError(
            f"--date: {day} has not begun, wanted today or a day that waits for data"
        )
    if day and not day_state.unsettled(kitchen, day):
        raise ParameterError(
            f"--date: {day} is settled; luigi --module pipeline Snapshot --date {day} publishes it"
        )
    with Places.of(kitchen.prepared).locked("intraday"):
        _forget_settled(kitchen, now)
        return [
            _prepare(kitchen, name, each) for each in days for name in _names(kitchen, each, symbol)
        ]


def _names(kitchen: Kitchen, day: dt.date, only: str | None) -> list[str]:
    if only is not None:
        return [kitchen.symbol(only).name]
    return [symbol.name for symbol in arrivals.expected_symbols(kitchen, day)]


def _prepare(kitchen: Kitchen, symbol: str, day: dt.date) -> Partial:
    """One symbol and day. A raw file that grows meanwhile is read by the next round."""
    partial = apart(kitchen)
    unit = Unit(LAST_STEP, day, symbol)
    folder = graph.folder(partial, unit)
    if not arrivals.vendor_files(kitchen, kitchen.symbol(symbol), "binance", day):
        return Partial(symbol=symbol, day=day, folder=folder, error="no klines yet")
    try:
        facts = job.build(Freshness(partial), unit)
        ran = tuple(str(each) for each, told in facts.items() if told["reason"] != "fresh")
    except KitchenError as error:
        return Partial(symbol=symbol, day=day, folder=folder, error=str(error))
    verdict = from_json(storage.json_in(graph.stored(partial, unit, "verdict")))
    made = Partial(
        symbol=symbol,
        day=day,
        folder=folder,
        ran=ran,
        so_far=verdict.condition,
        coverage=verdict.measured.get("binance_coverage") or 0.0,
    )
    storage.write_json(folder / "pending.json", made.facts())
    return made


def _forget_settled(kitchen: Kitchen, now: dt.datetime) -> None:
    """Removes the folders of days that need no partial form any more."""
    keep = {f"date={d.isoformat()}" for d in open_days(kitchen, now)}
    root = apart(kitchen).prepared
    for folder in root.glob("date=*") if root.is_dir() else ():
        with suppress(ValueError):
            day = parse_day(folder.name.removeprefix("date="))
            old = day_open_us(day) + 3 * DAY_US < now.timestamp() * 1e6
            if folder.name not in keep and (old or not day_state.unsettled(kitchen, day)):
                shutil.rmtree(folder, ignore_errors=True)
