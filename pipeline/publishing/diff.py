"""What differs between two revisions, row by row and column by column.

Belongs here: tables against tables by their keys. What makes a new revision is `changes.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contracts.manifest import Manifest
from pipeline.errors import SnapshotCorruptError
from pipeline.free_form import Json
from pipeline.tables import parquet
from pipeline.tables.arrays import Bools
from pipeline.tables.parquet import BySymbols

KEYS: dict[str, tuple[str, ...]] = {
    "bars_1m.parquet": ("symbol", "ts"),
    "features_micro.parquet": ("symbol", "ts"),
    "macro_slow.parquet": ("symbol",),
    "footprint.parquet": ("symbol", "minute_open", "price"),
    "rejects.parquet": ("symbol", "source", "file", "line", "code"),
}
"""Published table -> the columns that name a row. Rows with equal keys are paired in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDiff:
    """How a table's rows differ.

    Attributes:
        name: File name.
        keys: The columns that name a row.
        columns: Column -> how many rows that are on both sides differ in it; every such row, where only
            one side has the column.
        added: Keys of rows that only the later side has, in its order.
        removed: Keys of rows that only the earlier side has, in its order.
        touched: Keys of rows on both sides that differ.
        sides: Those rows before and after.
        masks: Column -> which of those rows differ in it.
    """

    name: str
    keys: tuple[str, ...]
    columns: dict[str, int]
    added: list[tuple[Any, ...]]
    removed: list[tuple[Any, ...]]
    touched: list[tuple[Any, ...]]
    sides: tuple[pa.Table, pa.Table]
    masks: dict[str, Bools]

    def summary(self) -> Json:
        """The counts, as they stand in `publication.json`."""
        return {
            "added": len(self.added),
            "removed": len(self.removed),
            "changed": len(self.touched),
            "columns": self.columns,
        }

    def changed(self) -> Iterator[tuple[tuple[Any, ...], dict[str, tuple[Any, Any]]]]:
        """Each row that differs: its key, and column -> value before and after."""
        pairs = {
            name: [_column(side, name) for side in self.sides]
            for name, mask in self.masks.items()
            if mask.any()
        }
        for row, key in enumerate(self.touched):
            yield (
                key,
                {
                    name: (before[row], after[row])
                    for name, (before, after) in pairs.items()
                    if self.masks[name][row]
                },
            )


def _column(table: pa.Table, name: str) -> list[Any]:
    """A column's values; nothing but None where the table does not have it."""
    there = name in table.column_names
    return list(table[name].to_pylist()) if there else [None] * table.num_rows


def diff_tables(name: str, before: pa.Table, after: pa.Table) -> TableDiff:
    """The rows and columns in which two versions of a published table differ."""
    keys = tuple(k for k in KEYS[name] if k in before.column_names and k in after.column_names)
    left, right = _positions(before, keys), _positions(after, keys)
    both = [key for key in right if key in left]
    sides = before.take(_rows(left, both)), after.take(_rows(right, both))
    masks = dict(_changed_columns(*sides, keys))
    touched = np.flatnonzero(np.logical_or.reduce([*masks.values(), np.zeros(len(both), bool)]))
    return TableDiff(
        name=name,
        keys=keys,
        columns={column: int(mask.sum()) for column, mask in masks.items() if mask.any()},
        added=[key[:-1] for key in right if key not in left],
        removed=[key[:-1] for key in left if key not in right],
        touched=[both[i][:-1] for i in touched],
        sides=(sides[0].take(touched), sides[1].take(touched)),
        masks={column: mask[touched] for column, mask in masks.items()},
    )


def _rows(positions: dict[tuple[Any, ...], int], keys: list[tuple[Any, ...]]) -> pa.Array:
    return pa.array([positions[key] for key in keys], pa.int64())


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
) -> Iterator[tuple[str, Bools]]:
    """Column -> which of the paired rows differ in it."""
    names = dict.fromkeys([*before.column_names, *after.column_names])
    for name in names:
        if name in keys:
            continue
        if name not in before.column_names or name not in after.column_names:
            yield name, np.ones(before.num_rows, bool)
        else:
            yield name, _unequal(before[name], after[name])


def _unequal(before: pa.ChunkedArray, after: pa.ChunkedArray) -> Bools:
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


def diff_folders(
    before: Path, after: Path, manifests: tuple[Manifest, Manifest]
) -> list[TableDiff]:
    """Every table whose content differs between two revisions; one that a side lacks is without rows.

    Args:
        before: The folder of the earlier one.
        after: The folder of the later one.
        manifests: Their manifests, by whose content hashes equal tables are left out.

    Raises:
        SnapshotCorruptError: a table cannot be read.
    """
    found = []
    for name in differing(manifests):
        tables = [_read(at / name) if at else None for at in _sides(name, before, after, manifests)]
        empty = next(t.schema.empty_table() for t in tables if t is not None)
        found.append(diff_tables(name, *(empty if t is None else t for t in tables)))
    return found


def _read(path: Path) -> pa.Table:
    try:
        return parquet.read(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise SnapshotCorruptError(
            f"{path}: cannot be read ({error}); run `kitchen verify`,"
            " and `kitchen copy --repair` from a copy of the store"
        ) from error


def counts(before: Path, after: Path, manifests: tuple[Manifest, Manifest]) -> dict[str, Json]:
    """Table -> the counts of `diff_folders`, where no more than one symbol's rows stand in memory at once."""
    found = {}
    for name in differing(manifests):
        sides = _sides(name, before, after, manifests)
        found[name] = _counted(
            name, *(parquet.by_symbols(at / name) if at else None for at in sides)
        )
    return found


def differing(manifests: tuple[Manifest, Manifest]) -> list[str]:
    """The tables whose content two manifests give another hash, or that only one of them has."""
    old, new = ({n: e.content_hash for n, e in m.files.items()} for m in manifests)
    return [name for name in KEYS if old.get(name) != new.get(name)]


def _sides(
    name: str, before: Path, after: Path, manifests: tuple[Manifest, Manifest]
) -> list[Path | None]:
    """The folders of a table on both sides; None where a side lacks it."""
    places = zip((before, after), manifests, strict=True)
    return [place if name in manifest.files else None for place, manifest in places]


def _counted(name: str, before: BySymbols | None, after: BySymbols | None) -> Json:
    """Every key begins with the symbol, so that the counts of a table are the sums of its symbols'."""
    schema = next(side.schema for side in (before, after) if side is not None)
    sides = [side or BySymbols(schema=schema, parts={}) for side in (before, after)]
    rows, columns = Counter[str](), Counter[str]()
    for symbol in dict.fromkeys(symbol for side in sides for symbol in side.parts):
        summary = diff_tables(name, *(side.read(symbol) for side in sides)).summary()
        columns.update(summary.pop("columns"))
        rows.update(summary)
    return {**dict.fromkeys(("added", "removed", "changed"), 0), **rows, "columns": dict(columns)}


def conditions(
    manifests: tuple[Manifest, Manifest],
) -> dict[str, list[str | None]]:
    """Symbol -> condition before and after, of each symbol whose condition or reasons differ."""
    old, new = (manifest.condition.symbols for manifest in manifests)
    return {
        symbol: [side[symbol].condition if symbol in side else None for side in (old, new)]
        for symbol in sorted({*old, *new})
        if old.get(symbol) != new.get(symbol)
    }
