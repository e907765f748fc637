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
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pipeline.clock import parse_day
from pipeline.model.feeds import FEEDS
from pipeline.model.raw_names import RawPath, spills_to
from pipeline.settings.config import Kitchen, Symbol
from pipeline.settings.sources import Stamps


def patterns(kitchen: Kitchen, symbol: Symbol, feed: str) -> tuple[str, ...]:
    """The patterns in force: the symbol's own, else the configuration's, else the defaults."""
    return symbol.sources.get(feed) or kitchen.sources.get(feed) or FEEDS[feed].patterns


def marked(pattern: str, market: str, name: str) -> str:
    """A pattern of one symbol, with a character of `MARKS` for each part of a date."""
    return pattern.format(
        market=market, symbol=name, **{mark: sign for sign, mark in MARKS.items()}
    )


MARKS = {"\1": "date", "\2": "month", "\3": "yyyymmdd", "\4": "first", "\5": "last"}
"""Characters that stand for the parts of a date in a `marked` pattern, and their names."""


def vendor_name(symbol: Symbol, feed: str) -> str:
    """What the feed's vendor calls the symbol."""
    return symbol.vendor_symbol if FEEDS[feed].vendor == "binance" else symbol.atas_symbol


def raw_candidates(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> list[str]:
    """The names below `paths.raw` under which the feed of that day is looked for.

    The names of files that say from when to when they go have `*` for the ends.
    """
    text, name = day.isoformat(), vendor_name(symbol, feed)
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
        for pattern in patterns(kitchen, symbol, feed)
    ]


def raw_files(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> list[RawPath]:
    """The feed's files of a day that exist, most trusted first, then by name. Dot names are none."""
    found: dict[Path, RawPath] = {}
    wanted = patterns(kitchen, symbol, feed)
    for rank, name in enumerate(raw_candidates(kitchen, symbol, feed, day)):
        if "{first}" in wanted[rank]:
            filled = marked(wanted[rank], symbol.market, vendor_name(symbol, feed))
            matches = [path for path, days in _spans(kitchen.raw, filled) if day in days]
        else:
            matches = sorted(kitchen.raw.glob(name)) if "*" in name else [kitchen.raw / name]
        for path in matches:
            if path not in found and path.exists() and not path.name.startswith("."):
                found[path] = RawPath(path, path.relative_to(kitchen.raw).as_posix(), rank)
    return list(found.values())


UNDATED_TICKS = "atas/ticks/{symbol}/date={{date}}/**/ticks.jsonl*"
"""A folder that is called `date={date}`, to the letter: a fault of one exporter, any day may lie there."""

_NEIGHBOUR_RANK = 1_000
_PEEK_BYTES = 1 << 16
_STAMP_DATE = re.compile(rb'"ts"\s*:\s*"([0-9]{4}-[0-9]{2}-[0-9]{2})T')


def days_beside(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> list[dt.date]:
    """The other days whose files of klines have rows of a UTC day, by the feed's configured zone and label.

    People cut such files by the dates that their stamps show: those of a zone, or of closes, of which a
    day's last is the next day's 00:00. None where nothing is configured.
    """
    stamps = kitchen.stamps_of(symbol, feed) if FEEDS[feed].is_minutes else Stamps()
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


def neighbour_files(kitchen: Kitchen, symbol: Symbol, feed: str, day: dt.date) -> list[RawPath]:
    """Files that are not the day's and may hold rows of it.

    Klines: those of `days_beside`. Ticks: an exporter files a whole batch under its first tick's hour, and a
    clock may step back over midnight, see `spills_to`; and the files that lie under no day at all. Other
    feeds have none.
    """
    if not FEEDS[feed].spills:
        own = {file.path for file in raw_files(kitchen, symbol, feed, day)}
        return [
            replace(file, rank=_NEIGHBOUR_RANK + file.rank, neighbour=True)
            for beside in days_beside(kitchen, symbol, feed, day)
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
    beside = neighbour_files(kitchen, symbol, feed, day)
    sums = [
        RawPath(path, f"{file.name}.CHECKSUM", file.rank)
        for file in (*own, *beside)
        if (path := Path(f"{file.path}.CHECKSUM")).is_file()
    ]
    return [*own, *sums, *beside]


def raw_days(kitchen: Kitchen, symbol: Symbol, feed: str) -> frozenset[dt.date]:
    """Every day for which the feed has a file; a monthly file counts for each day of its month."""
    name = vendor_name(symbol, feed)
    days = _raw_days(kitchen.raw, patterns(kitchen, symbol, feed), symbol.market, name)
    return days | _undated_days(kitchen.raw, name) if FEEDS[feed].spills else days


def forget_listings() -> None:
    """Looks at the raw folder afresh from now on."""
    _raw_days.cache_clear()
    _undated_days.cache_clear()
    _spans.cache_clear()


_DAY_DIGITS = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
DIGITS = {
    **dict.fromkeys(("date", "first", "last"), _DAY_DIGITS),
    "month": "[0-9]{4}-[0-9]{2}",
    "yyyymmdd": "[0-9]{8}",
}
"""Part of a date -> what it looks like in a name."""


def _days_of(raw: Path, path: Path, filled: str) -> list[dt.date]:
    """The days that the name of a file tells, by the marked pattern that it may have; none without it."""
    match = re.fullmatch(_date_expression(filled), path.relative_to(raw).as_posix())
    return _days_named(match.groupdict()) if match else []


def _date_expression(filled: str) -> str:
    expression = re.escape(filled).replace(r"\*", "[^/]*")
    for sign, name in MARKS.items():
        mark, digits = re.escape(sign), DIGITS[name]
        expression = expression.replace(mark, f"(?P<{name}>{digits})", 1).replace(mark, digits)
    return expression


@lru_cache(maxsize=512)
def _raw_days(raw: Path, wanted: tuple[str, ...], market: str, name: str) -> frozenset[dt.date]:
    days: set[dt.date] = set()
    for pattern in wanted:
        filled = marked(pattern, market, name)
        for path in raw.glob(re.sub("[\1-\5]+", "*", filled)):
            if not path.name.startswith("."):
                days.update(_days_of(raw, path, filled))
    return frozenset(days)


@lru_cache(maxsize=512)
def _spans(raw: Path, filled: str) -> tuple[tuple[Path, frozenset[dt.date]], ...]:
    """The files of many days that a marked pattern finds, by name, and the days that their names tell."""
    found = sorted(raw.glob(re.sub("[\1-\5]+", "*", filled)))
    return tuple((path, frozenset(_days_of(raw, path, filled))) for path in found)


@lru_cache(maxsize=512)
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
            first, last = (_days_named({"date": stamp}) for stamp in (min(stamps), max(stamps)))
            span = (last[0] - first[0]).days if first and last else -1
            days.update(first[0] + dt.timedelta(days=n) for n in range(span + 1))
    return frozenset(days)


def _days_named(groups: dict[str, str | None]) -> list[dt.date]:
    try:
        if groups.get("date"):
            return [parse_day(str(groups["date"]))]
        if groups.get("yyyymmdd"):
            text = str(groups["yyyymmdd"])
            return [parse_day(f"{text[:4]}-{text[4:6]}-{text[6:]}")]
        if groups.get("first"):
            first, last = parse_day(str(groups["first"])), parse_day(str(groups["last"]))
            return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
        first = parse_day(f"{groups['month']}-01")
    except ValueError:
        return []
    return [
        day for day in (first + dt.timedelta(days=i) for i in range(31)) if day.month == first.month
    ]


def prepared_folder(
    kitchen: Kitchen, stage: str, day: dt.date, symbol: str | None = None, source: str | None = None
) -> Path:
    """The folder of one step's outputs: `prepared/date=D[/SYMBOL]/stage[.source]`."""
    folder = kitchen.prepared / f"date={day.isoformat()}"
    if symbol is not None:
        folder /= symbol
    return folder / (stage if source is None else f"{stage}.{source}")
