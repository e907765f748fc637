"""One run of fetching: each wanted file from the first source that has it whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import arrivals, layout
from pipeline.clock import SECOND_US, day_of, parse_day
from pipeline.errors import ConfigError, FetchError, PendingError, SourceError
from pipeline.fetch import aggregates, archive, command, outcome, rest
from pipeline.fetch.http import Http
from pipeline.fetch.outcome import Outcome
from pipeline.fetch.plan import (
    AGGREGATES,
    DAYS,
    NAMES,
    TRADES,
    Item,
    Request,
    days_of,
    items,
    month_of,
)
from pipeline.fetch.waiting import Budget, Waiting
from pipeline.publishing import locks
from pipeline.settings.config import Kitchen

MONTH_CHARS = 7
MONTHLY_DAYS = 20
"""Monthly archives appear from the first to the fifteenth day of the next month."""

Tell = Callable[[Outcome, int, int], None]
"""Told of every outcome, how many files are done, and of how many."""


def fetch(
    kitchen: Kitchen, request: Request, tell: Tell | None = None, waiting: Waiting | None = None
) -> list[Outcome]:
    """Fetches what a request asks for. One file's failure costs no other file.

    Raises:
        ParameterError: the request is wrong.
        ConfigError: the layout in force has no place for an archive.
        LockedError: another run is fetching into the same raw folder.
    """
    waiting = waiting or Waiting()
    today = day_of(int(waiting.now()) * SECOND_US)
    wanted = items(kitchen, request, today)
    kitchen.raw.mkdir(parents=True, exist_ok=True)
    done: list[Outcome] = []
    with (
        locks.held(kitchen.raw / ".fetch.lock"),
        Http(kitchen.fetch, kitchen.raw / ".fetch-pauses.json", waiting) as http,
    ):
        run = _Run(kitchen, request, today, http)
        while len(done) < len(wanted):
            item = wanted[len(done)]
            done.append(run.one(item))
            if item.feed == DAYS and len(item.period) == MONTH_CHARS:
                wanted[len(done) : len(done)] = run.instead(item, done[-1])
            if tell is not None:
                tell(done[-1], len(done), len(wanted))
    layout.forget_listings()
    return done


@dataclass(frozen=True, slots=True)
class _Run:
    kitchen: Kitchen
    request: Request
    today: dt.date
    http: Http
    budgets: dict[str, Budget] = field(default_factory=dict)

    def one(self, item: Item) -> Outcome:
        """The file, from the first source that has it."""
        result, notes = outcome.PENDING, []
        for source in self._sources(item):
            try:
                status, path, note = self._from(source, item)
            except PendingError as error:
                notes.append(str(error))
                continue
            except (FetchError, SourceError) as error:
                result = outcome.FAILED
                notes.append(str(error))
                continue
            except OSError as error:
                result = outcome.FAILED
                notes.append(f"{error.filename}: cannot be written ({error.strerror}); fix that")
                continue
            return self._outcome(
                item,
                status,
                notes=(*notes, note) if note else tuple(notes),
                source=source,
                file=path.relative_to(self.kitchen.raw).as_posix(),
                bytes=path.stat().st_size,
            )
        if result == outcome.PENDING and self._is_overdue(item):
            result = outcome.ABSENT if item.feed == DAYS else outcome.MISSING
        return self._outcome(item, result, notes=tuple(notes))

    def instead(self, month: Item, found: Outcome) -> list[Item]:
        """Daily archives, for a month whose own archive is not there yet."""
        return days_of(month, self.today) if found.status == outcome.PENDING else []

    def _sources(self, item: Item) -> tuple[str, ...]:
        """A zip that is there is compared with the archive alone; a day that goes on is the API's alone."""
        if item.feed == DAYS or self._zip(item).exists():
            return ("archive",)
        use = self.request.use or self.kitchen.fetch.use
        ended = item.last < self.today
        return tuple(source for source in use if ended or source != "archive")

    def _from(self, source: str, item: Item) -> tuple[str, Path, str]:
        """What became of it, the raw file, and what is to be said of it."""
        if source == "archive":
            return self._archived(item)
        if item.feed in (TRADES, AGGREGATES):
            return self._asked_trades(source, item)
        day = parse_day(item.period)
        if source == "command":
            return command.fetch(self.kitchen, item.symbol, day)
        path = self._zip(item).with_suffix(".csv")
        self._refuse_unread(item, path)
        if not self.request.recheck and rest.is_whole(path, day):
            return outcome.UNCHANGED, path, ""
        return rest.write(path, self._exchange(item).klines(item.symbol, day)), path, ""

    def _archived(self, item: Item) -> tuple[str, Path, str]:
        path = self._zip(item)
        self._refuse_unread(item, path)
        young = (self.today - item.last).days <= self.kitchen.fetch.recheck_days
        if archive.is_whole(path) and not (young or self.request.recheck):
            return outcome.UNCHANGED, path, ""
        url = archive.address(
            self.kitchen.fetch.archive, item.symbol, NAMES[item.feed], item.period
        )
        try:
            return archive.fetch(self.http, archive.Archive(url=url, path=path)), path, ""
        except PendingError:
            if path.exists():
                return outcome.UNCHANGED, path, "the archive does not have it"
            month = month_of(item, self.today)
            if month is None:
                raise
        return self._archived(month)

    def _asked_trades(self, source: str, item: Item) -> tuple[str, Path, str]:
        """Of a day of trades, which the API has as aggregates alone."""
        name, day = f"{item.symbol.name} {item.period}", parse_day(item.period)
        if source == "command":
            raise PendingError(f"{name}: fetch.command brings klines alone")
        if item.feed == TRADES:
            raise PendingError(f"{name}: the API has aggregates alone (aggTrades); ask later")
        path = self._zip(item).with_suffix(".json")
        self._refuse_unread(item, path)
        if aggregates.is_whole(path, day):
            return outcome.UNCHANGED, path, ""
        return aggregates.fetch(self._exchange(item), item.symbol, day, path), path, ""

    def _exchange(self, item: Item) -> rest.Exchange:
        market = item.symbol.market
        most = self.kitchen.fetch.weight_per_minute[market]
        budget = self.budgets.setdefault(market, Budget(most, self.http.waiting))
        return rest.Exchange(self.http, market, budget)

    def _zip(self, item: Item) -> Path:
        name = archive.file_name(item.symbol, NAMES[item.feed], item.period)
        return self.kitchen.raw / "binance" / item.symbol.market / name

    def _refuse_unread(self, item: Item, path: Path) -> None:
        """A file that no pattern in force finds would be fetched for nothing."""
        name = path.relative_to(self.kitchen.raw).as_posix()
        found = layout.raw_candidates(item.symbol, item.feed, item.last)
        if name not in found:
            raise ConfigError(
                f"{self.kitchen.file}: sources.{item.feed}: none of its patterns finds {name}, the name"
                " of a fetched file; add one"
            )

    def _is_overdue(self, item: Item) -> bool:
        if len(item.period) == MONTH_CHARS:
            return (self.today - item.last).days > MONTHLY_DAYS
        now_us = int(self.http.waiting.now()) * SECOND_US
        return now_us >= arrivals.deadline_us(self.kitchen, "binance", item.last)

    def _outcome(self, item: Item, status: str, **given: Any) -> Outcome:
        return Outcome(
            symbol=item.symbol.name, feed=item.feed, period=item.period, status=status, **given
        )
