"""Several files of one day -> one day: the most trusted file's rows, the others' only in its gaps."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import numpy as np
import pyarrow as pa

from pipeline.model.feeds import FEEDS
from pipeline.tables import arrays
from pipeline.tables.arrays import Ints

VALUES = ("open", "high", "low", "close", "volume", "quote_volume", "trades", "taker_buy_volume")
Values = tuple[float | None, ...]
Named = tuple[Sequence[int], Sequence[str]]


def opens(rows: pa.Table, source: str) -> Ints:
    """The open times in us."""
    return arrays.ints(rows[FEEDS[source].time_column])


def fill(rows: pa.Table, named: Named, known: dict[int, Values]) -> tuple[pa.Table, int]:
    """The rows of a less trusted file that no file before has.

    Args:
        rows: of the file.
        named: their places in the day, and the columns that hold their values.
        known: place -> values of the files before; the rows are added.

    Returns:
        Those rows, and how many of the others differ in a value that both have (B08).
    """
    places, columns = named
    values = zip(*(rows[name].to_pylist() for name in columns), strict=True)
    mine = dict(zip(places, values, strict=True))
    differing = sum(_differ(known[at], values) for at, values in mine.items() if at in known)
    missing = pa.array([at not in known for at in mine], pa.bool_())
    for at, row in mine.items():
        known.setdefault(at, row)
    return rows.filter(missing), differing


def flagged(rows: pa.Table, source: str, *, fallback: bool, conflicts: Container[int]) -> pa.Table:
    """The rows with the flags `fallback_file`, and `kline_conflict` where a file before disagreed."""
    mine = opens(rows, source).tolist()
    disputed = pa.array([at in conflicts for at in mine], pa.bool_())
    rows = rows.append_column("fallback_file", pa.array([fallback] * len(mine), pa.bool_()))
    return rows.append_column("kline_conflict", disputed)


def empty_rows(known: pa.Table, conflicts: Mapping[int, tuple[int, int]], source: str) -> pa.Table:
    """A row without values, flagged `kline_conflict`, for each minute in conflict that no row has.

    `conflicts` maps an open time in us to (file, line) of the first row in conflict.
    """
    have = set(opens(known, source).tolist())
    places = {at: place for at, place in sorted(conflicts.items()) if at not in have}
    given: dict[str, list[object]] = {
        FEEDS[source].time_column: list(places),
        "file": [file for file, _ in places.values()],
        "line": [line for _, line in places.values()],
        "close_time_cut": [False] * len(places),
        "fallback_file": [False] * len(places),
        "kline_conflict": [True] * len(places),
    }
    nothing: list[object] = [None] * len(places)
    columns = [pa.array(given.get(field.name, nothing), field.type) for field in known.schema]
    return pa.Table.from_arrays(columns, schema=known.schema)


def silent_edges(rows: pa.Table, minutes_min: float) -> np.ndarray:
    """Which rows of a day, in the order of time, belong to a run without a trade up to its first or last row.

    Such a run of fewer minutes than `minutes_min` is a quiet market, and none of its rows is.
    """
    silent = np.zeros(rows.num_rows, dtype=bool)
    traded = np.flatnonzero(rows["volume"].to_numpy() != 0)
    first, last = (traded[0], traded[-1] + 1) if len(traded) else (rows.num_rows, 0)
    silent[:first] = first >= minutes_min
    silent[last:] |= rows.num_rows - last >= minutes_min
    return silent


def _differ(one: Values, other: Values) -> bool:
    return any(a != b for a, b in zip(one, other, strict=True) if None not in (a, b))
