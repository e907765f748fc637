"""What is exported: the revision of each date, chosen once and verified, and what each symbol is called.

Belongs here: from a request to rows. What a tool makes of them is its module's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pyarrow as pa

from pipeline.contracts.manifest import SymbolCondition
from pipeline.errors import ParameterError
from pipeline.publishing import revisions, sums
from pipeline.publishing.opening import open_store
from pipeline.publishing.side_by_side import each
from pipeline.publishing.store import Store
from pipeline.reader import loading, resolved, verified
from pipeline.reader.arguments import instant_of
from pipeline.reader.loading import Choice
from pipeline.reader.resampling import resample
from pipeline.reader.resolved import Question, Resolved
from pipeline.reader.verified import Part, Wanted
from pipeline.settings.config import Kitchen

BARS, FOOTPRINT = "bars_1m", "footprint"
KEYS = ("symbol", "ts", "minute_open", "available_at")
_UNKNOWN = SymbolCondition(condition="missing")


class _Origin(msgspec.Struct):
    """What is asked of a manifest: no more of it is built."""

    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for.

    Args:
        tool: For which tool.
        out: The folder.
        start: First UTC date; None for the first published one.
        stop: Last one, included; None for the last published one.
        symbols: Only these; none means all.
        as_of: What was published at that instant; None: what is now.
        allow: Conditions of symbol-days that are accepted, as `load` has it.
        interval: Of `INTERVALS`.
        trades: The trades of the tapes, not bars.
        names: Symbol -> what the tool is to call it, where that is not by its own rule.
    """

    tool: str
    out: Path
    start: dt.date | None = None
    stop: dt.date | None = None
    symbols: tuple[str, ...] = ()
    as_of: str | None = None
    allow: tuple[str, ...] = ("available",)
    interval: str = "1m"
    trades: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The published dates of an export.

    Attributes:
        kitchen: Its configuration.
        store: Where they are published.
        start: First date that is asked for.
        stop: Last one.
        symbols: Those asked for, by name.
        every: The length of bars, as `resample` takes it.
        days: Of each date with bars its revision.
        files: Date -> the file of its bars.
    """

    kitchen: Kitchen
    store: Store
    start: dt.date
    stop: dt.date
    symbols: tuple[str, ...]
    every: str
    days: tuple[Resolved, ...]
    files: Mapping[dt.date, Part]

    def condition(self, day: Resolved, symbol: str) -> SymbolCondition:
        """A symbol's condition; one that the day does not know is missing."""
        return day.condition.symbols.get(symbol, _UNKNOWN)

    def has(self, day: Resolved, symbol: str) -> bool:
        """Whether a symbol has rows on a date."""
        return self.condition(day, symbol).condition in ("available", "degraded")

    def bars(self, symbol: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A symbol's bars by time, of these columns beside `KEYS`; None: of every one that the files have."""
        parts = [self.files[day.day] for day in self.days if self.has(day, symbol)]
        wanted = None if columns is None else [*KEYS, *columns]
        rows = loading.joined(BARS, parts, [symbol], wanted).sort_by("ts")
        return rows if self.every == "1m" else resample(rows, self.every)

    def footprint(self, day: Resolved, symbol: str) -> pa.Table:
        """A symbol's published price levels of a date; without rows where it has no tape."""
        name = f"{FOOTPRINT}.parquet"
        found = resolved.find(self.store, day.day, day.number, Question(name, (symbol,)))
        entry = found and found[0].entry
        if entry is None:
            return loading.joined(FOOTPRINT, [], [symbol], None)
        part = Part(path=self.store.fetch(day.day, day.number, [name]) / name, entry=entry)
        (rows,) = verified.read([part], Wanted(symbols=[symbol], columns=part.columns))
        return rows

    def manifest(self, day: Resolved) -> tuple[str, bool]:
        """The digest of a date's manifest, and whether it says that the data are simulated.

        Raises:
            SnapshotCorruptError: it is not the one that its publication names.
        """
        path = self.store.fetch(day.day, day.number, [sums.MANIFEST]) / sums.MANIFEST
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        named = revisions.paper(self.store, day.day, day.number)["manifest_sha256"]
        if digest != named:
            raise verified.corrupt(path, f"sha256 is {digest}, its publication says {named}")
        return digest, msgspec.json.decode(data, type=_Origin).simulated

    def absent(self, symbol: str) -> dict[str, str]:
        """Date -> why a symbol has no bars on it."""
        there = {day.day: self.condition(day, symbol).condition for day in self.days}
        dates = (self.start + dt.timedelta(i) for i in range((self.stop - self.start).days + 1))
        found = {date.isoformat(): there.get(date, "not published") for date in dates}
        return {date: why for date, why in found.items() if why not in ("available", "degraded")}


def choose(kitchen: Kitchen, asked: Request) -> Chosen:
    """The revisions behind a request; whatever is published later is not seen.

    Raises:
        ParameterError: nothing is published, or an argument is wrong.
        RefusedError: symbol-days outside `allow`; names them.
    """
    store = open_store(kitchen.snapshots)
    published = store.published_days()
    if not published:
        raise ParameterError(f"export: nothing is published in {store.name}; build a day first")
    start, stop = _span(asked, published)
    names = sorted(asked.symbols) or _known(store, start, stop, asked.as_of)
    choice = Choice(names, asked.as_of, asked.allow, str(kitchen.snapshots))
    store, days = loading.found_in(BARS, start, stop, choice)
    return Chosen(
        kitchen=kitchen,
        store=store,
        start=start,
        stop=stop,
        symbols=tuple(names),
        every=asked.interval,
        days=tuple(days),
        files=_files(store, days),
    )


def _span(asked: Request, published: Sequence[dt.date]) -> tuple[dt.date, dt.date]:
    start, stop = asked.start or published[0], asked.stop or published[-1]
    if start <= stop:
        return start, stop
    if asked.start and asked.stop:
        raise ParameterError(f"--start: {start} is after {stop}, which is --stop; swap them")
    raise ParameterError(
        f"{'--start' if asked.start else '--stop'}: {asked.start or asked.stop} is none of what is published,"
        f" {published[0]} to {published[-1]}; name a date of these"
    )


def _files(store: Store, days: Sequence[Resolved]) -> dict[dt.date, Part]:
    """The file of each date's bars, on this machine."""
    name = f"{BARS}.parquet"
    folders = each(lambda day: store.fetch(day.day, day.number, [name]), days, store.at_once)
    return {
        day.day: Part(path=folder / name, entry=day.entry)
        for day, folder in zip(days, folders, strict=True)
        if day.entry is not None
    }


def _known(store: Store, start: dt.date, stop: dt.date, as_of: str | None) -> list[str]:
    """Every symbol of the range.

    Raises:
        ParameterError: nothing of it is published.
    """
    rows: Sequence[str] = loading.conditions(start, stop, as_of, store.name)["symbol"].to_pylist()
    if not rows:
        instant = None if as_of is None else instant_of(as_of)
        gone = [start + dt.timedelta(i) for i in range((stop - start).days + 1)]
        raise ParameterError(
            f"export: nothing from {start} to {stop} is published;"
            f" {loading.what_is_there(store, instant, gone)}name other dates"
        )
    return sorted(set(rows))
