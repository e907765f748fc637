"""Which raw lines each minute of a day came from, for all minutes at once.

Belongs here: numbers of lines by minute and file, and the text of bars' lines. One minute with all its
circumstances is `provenance/explain.py`, by whose readers it is done here too.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.provenance import raw_text
from pipeline.provenance.prepared_day import Prepared, Rows
from pipeline.tables import arrays
from pipeline.tables.arrays import Ints


class Source(msgspec.Struct, frozen=True, array_like=True):
    """A raw file: the feed that read it, and its name below the raw folder."""

    feed: str
    path: str


class MinuteLines(msgspec.Struct, frozen=True, array_like=True):
    """The lines of one file in one minute.

    `minute` counts from 00:00 UTC, `source` in the day's list of files; `first` and `last` are line numbers
    from 1, `count` how many lines between them are the minute's. `text` is the first one's beginning; None of
    a trade, of which a minute has many, or where the file is gone.
    """

    minute: int
    source: int
    first: int
    last: int
    count: int
    text: str | None


class DayLines(msgspec.Struct, frozen=True):
    """The raw files of a day, and what of them is in each minute, by minute and file."""

    sources: list[Source]
    lines: list[MinuteLines]


def day_lines(given: Prepared) -> DayLines:
    """The lines behind all minutes of a symbol's day."""
    sources: dict[Source, int] = {}
    found = [
        line
        for feed, parts in given.rows.items()
        for rows in parts
        for line in _of_feed(given, feed, rows, sources)
    ]
    return DayLines(list(sources), sorted(found, key=lambda line: (line.minute, line.source)))


def _of_feed(
    given: Prepared, feed: str, rows: Rows, sources: dict[Source, int]
) -> Iterator[MinuteLines]:
    minute = (rows.minutes - day_open_us(given.day)) // MINUTE_US
    inside = (minute >= 0) & (minute < MINUTES_PER_DAY)
    minute, file, line = (
        values[inside]
        for values in (minute, arrays.ints(rows.table["file"]), arrays.ints(rows.table["line"]))
    )
    if not len(minute):
        return
    order = np.lexsort((line, minute, file))
    minute, file, line = minute[order], file[order], line[order]
    starts = np.flatnonzero(np.diff(file, prepend=-1) | np.diff(minute, prepend=-1))
    is_bars = len(starts) * 2 > len(minute)
    for number in np.unique(file).tolist():
        own = starts[file[starts] == number]
        path = str(rows.ledger[number].path)
        place = sources.setdefault(Source(feed, path), len(sources))
        text = given.raw.at(path, line[own].tolist()) if is_bars else {}
        for start, stop in zip(own.tolist(), _stops(own, starts, len(line)).tolist(), strict=True):
            first = int(line[start])
            shown = raw_text.shown(text.get(first))
            count = stop - start
            yield MinuteLines(int(minute[start]), place, first, int(line[stop - 1]), count, shown)


def _stops(own: Ints, starts: Ints, end: int) -> Ints:
    """Where each of a file's minutes ends."""
    after = np.append(starts, end)
    stops: Ints = after[np.searchsorted(starts, own) + 1]
    return stops
