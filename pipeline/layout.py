"""Where every file lives: (stage, source, symbol, date) -> path. Nobody else joins paths.

Belongs here: the listing of raw files, prepared folders. The default patterns are `model/feeds.py`, the names
inside a snapshot store `publishing/store.py`.
Does not belong here: reading or writing any of it.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import datetime as dt
import importlib
import os
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from pipeline.model.feeds import FEEDS
from pipeline.model.raw_names import RawPath, spills_to
from pipeline.patterns import beginning, days_told, expression, filled, not_before
from pipeline.settings.config import Kitchen, Symbol
from pipeline.settings.sources import Stamps


@dataclass(slots=True)
class Names:
    """The names in the folders below one, each folder listed once. A folder's path ends with a slash."""

    root: str
    _names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def names(self, folder: str) -> tuple[str, ...]:
        """The sorted names in a folder; none where there is no folder."""
        found = self._names.get(folder)
        if found is None:
            try:
                found = tuple(sorted(os.listdir(os.path.join(self.root, folder))))
            except OSError:
                found = ()
            self._names[folder] = found
        return found

    def beginning(self, prefix: str) -> tuple[str, ...]:
        """The names in a prefix's folder that begin as its last part says."""
        folder, slash, start = prefix.rpartition("/")
        names = self.names(folder + slash)
        return names[bisect_left(names, start) : bisect_left(names, start + _BEHIND_ALL)]

    def dated(
        self, filled: str, before: dt.date | None = None
    ) -> Iterator[tuple[str, list[dt.date]]]:
        """The path of each file that a filled pattern finds, by name, and the days that it tells.

        Args:
            filled: See `patterns.filled`.
            before: Leaves out what certainly tells no earlier day, if the names sort by their days.
        """
        for path in self._matching("", filled.split("/"), before):
            match = expression(filled).fullmatch(path)
            days = days_told(match.groupdict()) if match else []
            is_hidden = path.rpartition("/")[2].startswith(".")
            if days and not is_hidden and os.path.exists(os.path.join(self.root, path)):
                yield path, days

    def _matching(self, folder: str, parts: list[str], before: dt.date | None) -> Iterator[str]:
        part, *below = parts
        start = beginning(part)
        names = self.beginning(folder + start)
        if before and start != part:
            names, before = names[: bisect_left(names, not_before(part, before))], None
        for name in names:
            if name == part or (start != part and expression(part).fullmatch(name)):
                if below:
                    yield from self._matching(f"{folder}{name}/", below, before)
                else:
                    yield folder + name


_BEHIND_ALL = "\U0010ffff"


def raw_candidates(symbol: Symbol, feed: str, day: dt.date) -> list[str]:
    """The names below `paths.raw` under which the feed of that day is looked for.

    The names of files that say from when to when they go have `*` for the ends.
    """
    text, name = day.isoformat(), symbol.vendor_name(feed)
    return [
        pattern.format(
            market=symbol.market,
            symbol=name,
            date=text,
            month=text[:7],
            yyyymmdd=text.replace("-", ""),
            first="*",
            last="*",
        )
        for pattern in symbol.patterns[feed]
    ]


def raw_files(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> list[RawPath]:
    """The feed's files of a day that exist, most trusted first, then by name. Dot names are none."""
    found: dict[str, RawPath] = {}
    wanted, root = symbol.patterns[feed], str(kitchen.raw)
    for rank, name in enumerate(raw_candidates(symbol, feed, day)):
        for match in _matching(kitchen, symbol, feed, day, wanted[rank], name):
            is_hidden = match.rpartition("/")[2].startswith(".")
            if match not in found and not is_hidden and os.path.exists(f"{root}/{match}"):
                found[match] = RawPath(kitchen.raw / match, match, rank)
    return list(found.values())


def _matching(
    kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date, pattern: str, name: str
) -> list[str]:
    """The names below the raw folder that a candidate stands for; one without wildcards for itself."""
    if "{first}" in pattern:
        spans = _spans(kitchen.raw, filled(pattern, symbol.market, symbol.vendor_name(feed)))
        return [path for path, days in spans if day in days]
    if "*" not in name:
        return [name]
    return sorted(path.relative_to(kitchen.raw).as_posix() for path in kitchen.raw.glob(name))


UNDATED_TICKS = "atas/ticks/{symbol}/date={{date}}/**/ticks.jsonl*"
"""A folder that is called `date={date}`, to the letter: a fault of one exporter, any day may lie there."""

_NEIGHBOUR_RANK = 1_000
_PEEK_BYTES = 1 << 16
_STAMP_DATE = re.compile(rb'"ts"\s*:\s*"([0-9]{4}-[0-9]{2}-[0-9]{2})T')


def days_beside(symbol: Symbol, feed: str, day: dt.date) -> list[dt.date]:
    """The other days whose files of klines have rows of a UTC day, by the feed's configured zone and label.

    People cut such files by the dates that their stamps show: those of a zone, or of closes, of which a
    day's last is the next day's 00:00. None where nothing is configured.
    """
    stamps = symbol.stamps[feed] if FEEDS[feed].is_minutes else Stamps()
    if stamps == Stamps():
        return []
    opened = dt.datetime.combine(day, dt.time(), dt.UTC)
    ends = [opened + dt.timedelta(minutes=n + (stamps.label == "close")) for n in (0, 24 * 60 - 1)]
    if stamps.zone is not None:
        zones = importlib.import_module("pipeline.zones")  # slow to load, and few configure one
        ends = [zones.local(stamps.zone, end) for end in ends]
    first, last = (end.date() for end in ends)
    dates = (first + dt.timedelta(days=n) for n in range((last - first).days + 1))
    return [date for date in dates if date != day]


def _neighbour_files(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> list[RawPath]:
    """Files that are not the day's and may hold rows of it.

    Klines: those of `days_beside`. Ticks: an exporter files a whole batch under its first tick's hour, and a
    clock may step back over midnight, see `spills_to`; and the files that lie under no day at all. Other
    feeds have none.
    """
    if not FEEDS[feed].spills:
        own = {file.path for file in raw_files(kitchen, symbol, feed, day)}
        return [
            replace(file, rank=_NEIGHBOUR_RANK + file.rank, neighbour=True)
            for beside in days_beside(symbol, feed, day)
            for file in raw_files(kitchen, symbol, feed, beside)
            if file.path not in own
        ]
    beside = [
        file.path
        for back in (1, -1)
        for file in raw_files(kitchen, symbol, feed, day - dt.timedelta(days=back))
        if back in spills_to(file.name)
    ]
    undated = sorted(kitchen.raw.glob(UNDATED_TICKS.format(symbol=symbol.atas_symbol)))
    by_name = {
        path.relative_to(kitchen.raw).as_posix(): path
        for path in (
            *beside,
            *(path for path in undated if not path.name.startswith(".")),
        )
    }
    return [RawPath(path, name, _NEIGHBOUR_RANK, True) for name, path in sorted(by_name.items())]


def input_files(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> list[RawPath]:
    """Every file whose bytes decide the feed's day: its own, its neighbours, and their checksums."""
    own = raw_files(kitchen, symbol, feed, day)
    beside = _neighbour_files(kitchen, symbol, feed, day)
    sums = [
        RawPath(path, f"{file.name}.CHECKSUM", file.rank)
        for file in (*own, *beside)
        if (path := Path(f"{file.path}.CHECKSUM")).is_file()
    ]
    return [*own, *sums, *beside]


def raw_days(kitchen: Kitchen, symbol: Symbol, feed: str) -> frozenset[dt.date]:
    """Every day for which the feed has a file; a monthly file counts for each day of its month."""
    name = symbol.vendor_name(feed)
    days = _raw_days(kitchen.raw, symbol.patterns[feed], symbol.market, name)
    return days | _undated_days(kitchen.raw, name) if FEEDS[feed].spills else days


def forget_listings() -> None:
    """Looks at the raw folder afresh from now on."""
    _listing.cache_clear()
    _raw_days.cache_clear()
    _undated_days.cache_clear()
    _spans.cache_clear()


_FEEDS_KEPT = 16_384
"""Of so many feeds of symbols the days are remembered: were there more, each question would list them all."""


@lru_cache(maxsize=4)
def _listing(raw: Path) -> Names:
    """The names in the raw folder, which a year of some hundred symbols fills with hundreds of thousands."""
    return Names(str(raw))


@lru_cache(maxsize=_FEEDS_KEPT)
def _raw_days(raw: Path, wanted: tuple[str, ...], market: str, name: str) -> frozenset[dt.date]:
    names = _listing(raw)
    found = (names.dated(filled(pattern, market, name)) for pattern in wanted)
    return frozenset(day for files in found for _, days in files for day in days)


@lru_cache(maxsize=_FEEDS_KEPT)
def _spans(raw: Path, filled: str) -> tuple[tuple[str, frozenset[dt.date]], ...]:
    """The files of many days that a filled pattern finds, by name, and the days that their names tell."""
    return tuple((path, frozenset(days)) for path, days in _listing(raw).dated(filled))


@lru_cache(maxsize=_FEEDS_KEPT)
def _undated_days(raw: Path, name: str) -> frozenset[dt.date]:
    """The days from the first to the last stamp of each tick file that no folder gives a date."""
    days: set[dt.date] = set()
    for path in sorted(raw.glob(UNDATED_TICKS.format(symbol=name))):
        if not path.is_file():
            continue
        with open(path, "rb") as handle:
            text = handle.read(_PEEK_BYTES)
            handle.seek(max(handle.seek(0, os.SEEK_END) - _PEEK_BYTES, 0))
            text += b"\n" + handle.read()
        stamps = [match.decode() for match in _STAMP_DATE.findall(text)]
        if stamps:
            days.update(days_told({"first": min(stamps), "last": max(stamps)}))
    return frozenset(days)


def prepared_folder(kitchen: Kitchen, day: dt.date, symbol: str | None = None) -> Path:
    """Where the steps of a date, or of a symbol's day, have their files: `prepared/date=D[/SYMBOL]`."""
    folder = kitchen.prepared / f"date={day.isoformat()}"
    return folder if symbol is None else folder / symbol
