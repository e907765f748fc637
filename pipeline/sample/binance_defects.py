"""Damage to the Binance archive of a day: each function is one defect of the catalogue, exactly injected.

Belongs here: `DayExport -> DayExport` functions that change kline rows or the archive's files.
Does not belong here: damage to ATAS exports (`atas_defects.py`), the list of codes (`defects.py`).
Rows are addressed by their place, so these run in the order in which `defects.py` lists them.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from pipeline.sample.export import DayExport

MISSING = (197, *range(700, 705), *range(1205, 1211))
"""Minutes of the day that B12 removes: 03:17, 11:40 to 11:44, 20:05 to 20:10."""

OFF_GRID = range(568, 598)
"""Rows that B13 moves: 09:28 to 09:57."""

OFF_GRID_MS = 14_789
REPEATED = slice(600, 610)
SWAPPED = slice(180, 240), slice(240, 300)
KEPT_ROWS = 456
NOON = 720

_OPEN_TIME, _HIGH, _LOW, _CLOSE, _CLOSE_TIME = 0, 2, 3, 4, 6
_US_DIGITS = 16


def missing_minutes(export: DayExport) -> DayExport:
    """B12."""
    rows = [row for i, row in enumerate(export.klines) if i not in MISSING]
    return replace(export, klines=tuple(rows))


def impossible_row(export: DayExport) -> DayExport:
    """B26."""
    rows = [list(row) for row in export.klines]
    at = next(i for i in range(NOON, len(rows)) if rows[i][_HIGH] != rows[i][_LOW])
    rows[at][_HIGH], rows[at][_CLOSE] = rows[at][_LOW], rows[at][_HIGH]
    return replace(export, klines=tuple(rows))


def off_grid(export: DayExport) -> DayExport:
    """B13."""
    rows = [_moved(row) if i in OFF_GRID else row for i, row in enumerate(export.klines)]
    return replace(export, klines=tuple(rows))


def mixed_units(export: DayExport) -> DayExport:
    """B01."""
    rows = [_other_unit(row) if i >= NOON else row for i, row in enumerate(export.klines)]
    return replace(export, klines=tuple(rows))


def repeated_rows(export: DayExport) -> DayExport:
    """B15."""
    rows = export.klines
    return replace(export, klines=rows[: REPEATED.stop] + rows[REPEATED] + rows[REPEATED.stop :])


def unsorted_rows(export: DayExport) -> DayExport:
    """B16."""
    rows, (early, late) = export.klines, SWAPPED
    order = rows[: early.start] + rows[late] + rows[early] + rows[late.stop :]
    return replace(export, klines=order)


def truncated(export: DayExport) -> DayExport:
    """B05."""
    return replace(export, klines=export.klines[:KEPT_ROWS])


def flipped_header(export: DayExport) -> DayExport:
    """B02."""
    return replace(export, header=not export.header)


def wrong_checksum(export: DayExport) -> DayExport:
    """B03."""
    return replace(export, edits=(*export.edits, _falsified))


def _falsified(name: str, data: bytes) -> bytes:
    if not name.endswith(".CHECKSUM") or "-1m-" not in name:
        return data
    return hashlib.sha256(data).hexdigest().encode() + data[64:]


def _moved(row: list[str]) -> list[str]:
    step = OFF_GRID_MS * (1_000 if len(row[_OPEN_TIME]) == _US_DIGITS else 1)
    moved = list(row)
    for column in (_OPEN_TIME, _CLOSE_TIME):
        moved[column] = str(int(row[column]) + step)
    return moved


def _other_unit(row: list[str]) -> list[str]:
    """The row's times in the other unit; a close time ends one unit before the next open in both."""
    other = list(row)
    for column, last in ((_OPEN_TIME, 0), (_CLOSE_TIME, 1)):
        edge = int(row[column]) + last
        other[column] = str(int(in_other_unit(str(edge))) - last)
    return other


def in_other_unit(stamp: str) -> str:
    """Milliseconds as microseconds, and the reverse."""
    value = int(stamp)
    return str(value // 1_000 if len(stamp) == _US_DIGITS else value * 1_000)
