"""One run of fetching: each wanted file from the first source that has it whole."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from pipeline import arrivals, layout
from pipeline.clock import SECOND_US, day_of, parse_day
from pipeline.errors import ConfigError, FetchError, PendingError, SourceError
from pipeline.fetch import aggregates, archive, command, outcome, rest
from pipeline.fetch.http import Http, TooLargeError
from pipeline.fetch.outcome import Outcome, Unreached
from pipeline.fetch.plan import (
    AGGREGATES,
    DAYS,
    NAMES,
    TRADES,
    Item,
    Request,
    days_of,
    has_place,
    items,
    month_of,
    path_of,
)
from pipeline.fetch.unreached import UnreachedError
from pipeline.fetch.waiting import Budget, Waiting
from pipeline.publishing import locks
from pipeline.settings.config import Kitchen

MONTHLY_DAYS = 20
"""Monthly archives appear from the first to the fifteenth day of the next month."""

Tell = Callable[[int, Outcome, int], None]
"""Told of every outcome when it comes: its place among those wanted, from 0, and of how many."""


def fetch(
    kitchen: Kitchen, request: Request, tell: Tell | None = None, waiting: Waiting | None = None
) -> list[Outcome]:
    """Fetches what a request asks for, `fetch.connections` files side by side.

    One file's failure costs no other file.

    Returns:
        One outcome a file, in the order in which they were wanted, whichever came first.

    Raises:
        ParameterError: the request is wrong.
        ConfigError: the kitchen's data are simulated, or its layout has no place for an archive.
        LockedError: another run is fetching into the same raw folder.
    """
    if kitchen.simulated:
        raise ConfigError(
            f"{kitchen.file}: simulated: true, so its raw files are generated, and what the exchange"
            " has does not belong among them; fetch with another configuration"
        )
    waiting = waiting or Waiting()
    today = day_of(int(waiting.now()) * SECOND_US)
    wanted = items(kitchen, request, today)
    kitchen.raw.mkdir(parents=True, exist_ok=True)
    with (
        locks.held(kitchen.raw / ".fetch.lock"),
        Http(kitchen.fetch, kitchen.raw / ".fetch-pauses.json", waiting) as http,
        _workers(http) as pool,
    ):
        run = _Run(kitchen, request, today, http)
        found = _side_by_side(pool, run, wanted, 0, tell)
        days = [run.instead(item, one) for item, one in zip(wanted, found, strict=True)]
        more = _side_by_side(pool, run, list(chain(*days)), len(wanted), tell)
    layout.forget_listings()
    return _told_once(_in_order(zip(wanted, found, days, strict=True), iter(more)))


@contextmanager
def _workers(http: Http) -> Iterator[Executor]:
    """So many threads as connections; when something ends the run, they end with it."""
    pool = ThreadPoolExecutor(http.settings.connections, thread_name_prefix="fetch")
    try:
        yield pool
    except BaseException:
        http.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _side_by_side(
    pool: Executor, run: _Run, wanted: list[Item], before: int, tell: Tell | None
) -> list[Outcome]:
    """The outcomes in the order of the items; `before` so many others were wanted."""
    places = {pool.submit(run.one, item): place for place, item in enumerate(wanted)}
    for future in as_completed(places):
        if tell is not None:
            tell(before + places[future], future.result(), before + len(wanted))
    return [future.result() for future in places]


def _in_order(
    found: Iterable[tuple[Item, Outcome, list[Item]]], more: Iterator[Outcome]
) -> Iterator[Outcome]:
    """Each month's days behind it; a month of daily klines that is to come later stays in the list itself."""
    for item, one, days in found:
        if item.feed == DAYS or not days:
            yield one
        yield from islice(more, len(days))


def _told_once(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """A file that several days wanted came for the first of them, whichever of the workers it was."""
    done = list(outcomes)
    came = {
        one.file: one.status for one in done if one.status in (outcome.FETCHED, outcome.REISSUED)
    }
    return [
        replace(one, status=came.pop(one.file, outcome.UNCHANGED)) if one.file else one
        for one in done
    ]


@dataclass(frozen=True, slots=True)
class _Run:
    kitchen: Kitchen
    request: Request
    today: dt.date
    http: Http
    budgets: dict[str, Budget] = field(default_factory=dict)
    locks: dict[str, threading.Lock] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Addresses of what the archive does not have."""

    def one(self, item: Item) -> Outcome:
        """The file, from the first source that has it."""
        result, notes = outcome.PENDING, []
        away: list[Unreached] = []
        for source in self._sources(item):
            try:
                status, path, note = self._from(source, item)
            except PendingError as error:
                notes.append(str(error))
                continue
            except UnreachedError as error:
                away.append(error.of)
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
        if result == outcome.PENDING and away:
            return self._outcome(item, outcome.FAILED, notes=tuple(notes), unreached=tuple(away))
        if result == outcome.PENDING and self._is_overdue(item):
            result = outcome.ABSENT if item.feed == DAYS else outcome.MISSING
        return self._outcome(item, result, notes=tuple(notes))

    def instead(self, item: Item, found: Outcome) -> list[Item]:
        """Daily archives, for a month that has none of its own; daily klines of long ago have none either."""
        states = {outcome.PENDING, *((outcome.MISSING,) if item.feed != DAYS else ())}
        return days_of(item, self.today) if item.is_month and found.status in states else []

    def _sources(self, item: Item) -> tuple[str, ...]:
        """A zip that is there is compared with the archive alone; a day that goes on is the API's alone."""
        if item.feed == DAYS or item.is_month or path_of(self.kitchen, item).exists():
            return ("archive",)
        use = self.request.use or self.kitchen.fetch.use
        ended = item.last < self.today
        return tuple(source for source in use if ended or source != "archive")

    def _from(self, source: str, item: Item) -> tuple[str, Path, str]:
        """What became of it, the raw file, and what is to be said of it."""
        if source == "archive":
            settings = self.kitchen.fetch
            instead_of_days = item.is_month and item.feed != DAYS
            most = settings.month_bytes if instead_of_days else settings.archive_bytes
            return self._archived(item, most)
        if item.feed in (TRADES, AGGREGATES):
            return self._asked_trades(source, item)
        day = parse_day(item.period)
        if source == "command":
            with self._alone("fetch.command"):
                return command.fetch(self.kitchen, item.symbol, day, self.http.waiting.stopped)
        path = path_of(self.kitchen, item).with_suffix(".csv")
        self._refuse_unread(item, path)
        if not self.request.recheck and rest.is_whole(path, day):
            return outcome.UNCHANGED, path, ""
        return rest.write(path, self._exchange(item).klines(item.symbol, day)), path, ""

    def _archived(self, item: Item, most: int) -> tuple[str, Path, str]:
        path = path_of(self.kitchen, item)
        self._refuse_unread(item, path)
        url = archive.address(
            self.kitchen.fetch.archive, item.symbol, NAMES[item.feed], item.period
        )
        try:
            with self._alone(url):
                return self._zip(item, url, path, most), path, ""
        except PendingError:
            if path.exists():
                return outcome.UNCHANGED, path, "the archive does not have it"
            month = month_of(item, self.today) if item.feed in (TRADES, AGGREGATES) else None
            if month is None or not has_place(self.kitchen, month, path_of(self.kitchen, month)):
                raise
        return self._archived(month, self.kitchen.fetch.archive_bytes)

    def _zip(self, item: Item, url: str, path: Path, most: int) -> str:
        """Several days without an archive of their own want the same month, which is asked for once."""
        young = (self.today - item.last).days <= self.kitchen.fetch.recheck_days
        if archive.is_whole(path) and not (young or self.request.recheck):
            return outcome.UNCHANGED
        if url in self.gone:
            raise PendingError(f"{url}: not published; ask again later")
        try:
            return archive.fetch(self.http, archive.Archive(url=url, path=path), most)
        except TooLargeError as error:
            if most == self.kitchen.fetch.archive_bytes:
                raise
            raise PendingError(f"{error}; its days are fetched") from error
        except PendingError:
            self.gone.add(url)
            raise

    def _alone(self, name: str) -> threading.Lock:
        """So that no two workers do it at once."""
        return self.locks.setdefault(name, threading.Lock())

    def _asked_trades(self, source: str, item: Item) -> tuple[str, Path, str]:
        """Of a day of trades, which the API has as aggregates alone."""
        name, day = f"{item.symbol.name} {item.period}", parse_day(item.period)
        if source == "command":
            raise PendingError(f"{name}: fetch.command brings klines alone")
        if item.feed == TRADES:
            raise PendingError(f"{name}: the API has aggregates alone (aggTrades); ask later")
        path = path_of(self.kitchen, item).with_suffix(".json")
        self._refuse_unread(item, path)
        if aggregates.is_whole(path, day):
            return outcome.UNCHANGED, path, ""
        return aggregates.fetch(self._exchange(item), item.symbol, day, path), path, ""

    def _exchange(self, item: Item) -> rest.Exchange:
        market = item.symbol.market
        most = self.kitchen.fetch.weight_per_minute[market]
        budget = self.budgets.setdefault(market, Budget(most, self.http.waiting))
        return rest.Exchange(self.http, market, budget)

    def _refuse_unread(self, item: Item, path: Path) -> None:
        """A file that no pattern in force finds would be fetched for nothing."""
        if not has_place(self.kitchen, item, path):
            name = path.relative_to(self.kitchen.raw).as_posix()
            raise ConfigError(
                f"{self.kitchen.file}: sources.{item.feed}: none of its patterns finds {name}, the name"
                " of a fetched file; add one"
            )

    def _is_overdue(self, item: Item) -> bool:
        if item.is_month:
            return (self.today - item.last).days > MONTHLY_DAYS
        now_us = int(self.http.waiting.now()) * SECOND_US
        return now_us >= arrivals.deadline_us(self.kitchen, "binance", item.last)

    def _outcome(self, item: Item, status: str, **given: Any) -> Outcome:
        return Outcome(
            symbol=item.symbol.name, feed=item.feed, period=item.period, status=status, **given
        )
