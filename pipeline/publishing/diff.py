"""What differs between two revisions, row by row and column by column.

Belongs here: tables against tables by their keys. What makes a new revision is `changes.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import parquet

KEYS: dict[str, tuple[str, ...]] = {
    "bars_1m.parquet": ("symbol", "ts"),
    "features_micro.parquet": ("symbol", "ts"),
    "macro_slow.parquet": ("symbol",),
    "footprint.parquet": ("symbol", "minute_open", "price"),
    "rejects.parquet": ("symbol", "source", "file", "line", "code"),
}
"""Published table -> the columns that name a row. Rows with equal keys are paired in their order."""

_NTH = "nth"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDiff:
    """How a table's rows differ.

    Attributes:
        name: File name.
        keys: The columns that name a row.
        columns: Column -> how many rows that are on both sides differ in it; and columns that only one
            side has, for every such row.
        added: Keys of rows that only the later side has, in its order.
        removed: Keys of rows that only the earlier side has.
        changed: Keys of rows on both sides that differ, each with column -> (before, after).
    """

    name: str
    keys: tuple[str, ...]
    columns: dict[str, int]
    added: list[tuple[Any, ...]]
    removed: list[tuple[Any, ...]]
    changed: list[tuple[tuple[Any, ...], dict[str, tuple[Any, Any]]]]

    def summary(self) -> dict[str, Any]:
        """The counts, as they stand in `publication.json`."""
        return {
            "added": len(self.added),
            "removed": len(self.removed),
            "changed": len(self.changed),
            "columns": self.columns,
        }


def diff_tables(name: str, before: pa.Table, after: pa.Table) -> TableDiff:
    """The rows and columns in which two versions of a published table differ."""
    keys = tuple(k for k in KEYS[name] if k in before.column_names and k in after.column_names)
    left, right = _positions(before, keys), _positions(after, keys)
    both = [key for key in right if key in left]
    rows = (
        np.array([left[key] for key in both], np.int64),
        np.array([right[key] for key in both], np.int64),
    )
    masks = dict(_changed_columns(before.take(rows[0]), after.take(rows[1]), keys))
    touched = np.flatnonzero(np.logical_or.reduce([*masks.values(), np.zeros(len(both), bool)]))
    return TableDiff(
        name=name,
        keys=keys,
        columns={column: int(mask.sum()) for column, mask in masks.items() if mask.any()},
        added=[key[:-1] for key in right if key not in left],
        removed=[key[:-1] for key in left if key not in right],
        changed=[
            (both[i][:-1], dict(_values(before, after, (rows[0][i], rows[1][i]), masks, int(i))))
            for i in touched
        ],
    )


def _positions(table: pa.Table, keys: tuple[str, ...]) -> dict[tuple[Any, ...], int]:
    """Key, and which of the rows of that key it is -> row number, in the table's order."""
    seen: dict[tuple[Any, ...], int] = {}
    found: dict[tuple[Any, ...], int] = {}
    columns = [table[key].to_pylist() for key in keys]
    for row in range(table.num_rows):
        key = tuple(column[row] for column in columns)
        nth = seen[key] = seen.get(key, -1) + 1
        found[*key, nth] = row
    return found


def _changed_columns(
    before: pa.Table, after: pa.Table, keys: tuple[str, ...]
) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Column -> which of the paired rows differ in it."""
    names = dict.fromkeys([*before.column_names, *after.column_names])
    for name in names:
        if name in keys:
            continue
        if name not in before.column_names or name not in after.column_names:
            yield name, np.ones(before.num_rows, bool)
        else:
            yield name, _unequal(before[name], after[name])


def _unequal(before: pa.ChunkedArray, after: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Where two columns differ: in value, in being null, or everywhere when their types do."""
    if before.type != after.type:
        return np.ones(len(before), bool)
    # A comparison with a null is null; so is nothing that has two values.
    values = pc.fill_null(pc.not_equal(before, after), False)
    nulls = pc.not_equal(before.is_null(), after.is_null())
    found = np.asarray(pc.or_(values, nulls).to_numpy(), dtype=bool)
    if pa.types.is_floating(before.type):
        nans = (pc.fill_null(pc.is_nan(c), False).to_numpy() for c in (before, after))
        found &= ~np.logical_and(*nans)
    return found


def _values(
    before: pa.Table,
    after: pa.Table,
    rows: tuple[int, int],
    masks: dict[str, npt.NDArray[np.bool_]],
    pair: int,
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name, mask in masks.items():
        if mask[pair]:
            yield (
                name,
                (
                    before[name][rows[0]].as_py() if name in before.column_names else None,
                    after[name][rows[1]].as_py() if name in after.column_names else None,
                ),
            )


def diff_folders(
    before: Path, after: Path, manifests: tuple[dict[str, Any], dict[str, Any]]
) -> list[TableDiff]:
    """Every table whose content differs between two revisions; one that a side lacks is without rows.

    Args:
        before: The folder of the earlier one.
        after: The folder of the later one.
        manifests: Their manifests, by whose content hashes equal tables are left out.
    """
    old, new = (found["files"] for found in manifests)
    found = []
    for name in KEYS:
        hashes = [files.get(name, {}).get("content_hash") for files in (old, new)]
        if hashes[0] == hashes[1]:
            continue
        there = [
            parquet.read(place / name)
            for place, h in zip((before, after), hashes, strict=True)
            if h
        ]
        tables = [there.pop(0) if h else None for h in hashes]
        shape = next(t for t in tables if t is not None).schema.empty_table()
        found.append(diff_tables(name, *(shape if t is None else t for t in tables)))
    return found


def conditions(
    manifests: tuple[dict[str, Any], dict[str, Any]],
) -> dict[str, list[str | None]]:
    """Symbol -> condition before and after, of each symbol whose condition or reasons differ."""
    old, new = (found["condition"]["symbols"] for found in manifests)
    return {
        symbol: [side.get(symbol, {}).get("condition") for side in (old, new)]
        for symbol in sorted({*old, *new})
        if old.get(symbol) != new.get(symbol)
    }
