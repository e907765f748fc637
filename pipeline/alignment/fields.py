"""Which export fills which ATAS column of a minute.

Belongs here: columns beside prices and volume, which are those of the day's export. Does not belong here:
which exports may be asked at all (`align.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.alignment.grid import Grid
from pipeline.contracts.atas_columns import TOGETHER, preferred
from pipeline.tables.arrays import Bools, Ints

_NO_FEED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What may fill the columns.

    Args:
        feeds: Exports of one instrument and volume unit on the grid, the day's own first.
        present: Minutes in which the day's own export has a row; the others stay null.
        prefer: Column -> exports, the preferred first; no other fills it.
    """

    feeds: dict[str, Grid]
    present: Bools
    prefer: Mapping[str, tuple[str, ...]]


def filled(given: Fill) -> dict[str, pa.Array]:
    """Column -> values. Columns that belong together come from one export in each minute."""
    columns: dict[str, pa.Array] = {}
    for names in TOGETHER:
        feeds = _asked(given, names)
        place = _place(given, names, feeds)
        for name in names:
            by_feed = [given.feeds[feed].column(name) for feed in feeds]
            kind = next(iter(given.feeds.values())).column(name).type
            nothing = pa.nulls(len(place), kind)
            at = pa.array(np.where(place == _NO_FEED, len(by_feed), place))
            columns[name] = pc.choose(at, *by_feed, nothing)
    return columns


def counts(given: Fill) -> dict[str, dict[str, int]]:
    """Columns that belong together, such as `poc, vah, val` -> export -> minutes that it filled."""
    found = {}
    for names in TOGETHER:
        feeds = _asked(given, names)
        place = _place(given, names, feeds)
        known = [_known(given.feeds[feed], names) > 0 for feed in feeds]
        counts = {
            feed: int(((place == number) & known[number]).sum())
            for number, feed in enumerate(feeds)
        }
        found[", ".join(names)] = {feed: count for feed, count in counts.items() if count}
    return found


def _asked(given: Fill, names: tuple[str, ...]) -> list[str]:
    """The exports that may fill these columns, in order."""
    wanted = preferred(given.prefer, names)
    return [feed for feed in wanted or given.feeds if feed in given.feeds]


def _place(given: Fill, names: tuple[str, ...], feeds: list[str]) -> Ints:
    """By minute the position of the export that fills these columns.

    The first that knows any of them where the configuration names exports; else the one that knows most,
    of equals the first.
    """
    if not feeds:
        return np.full(len(given.present), _NO_FEED, dtype=np.int64)
    known = np.array([_known(given.feeds[feed], names) for feed in feeds])
    best = np.argmax(known > 0 if preferred(given.prefer, names) else known, axis=0)
    place: Ints = np.where(given.present, best, _NO_FEED)
    return place


def _known(feed: Grid, names: tuple[str, ...]) -> Ints:
    """How many of the columns are known, by minute."""
    valid = [feed.column(name).is_valid().to_numpy(zero_copy_only=False) for name in names]
    known: Ints = np.sum(valid, axis=0, dtype=np.int64)
    return known
