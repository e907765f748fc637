"""One symbol's minute features of one UTC day.

Belongs here: aligned bars of two days -> a frame of 2880 minutes -> 1440 rows. The formulas are in the
families' files, what a table looks like in `governance/SCHEMA_features.json`.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.contracts.features_schema import FeatureRules, FeaturesSchema
from pipeline.contracts.schema import conform
from pipeline.errors import ContractError
from pipeline.features import registry
from pipeline.features.evaluate import evaluate
from pipeline.features.frame import Frame
from pipeline.features.levels import PREFIX, Levels, no_levels, on_grid
from pipeline.features.step import Step
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats, Ints

_GRID = 2 * MINUTES_PER_DAY
_SIDES = {
    "bar_vpo_side": {"bull": 1.0, "neutral": 0.0, "bear": -1.0},
    "absorption_side": {"buy": 1.0, "sell": -1.0},
}
_TAPE, _IS_ARCHIVE = "ticks.", "is_archive"
_NO_TRADE = ("volume", "src_span_ok")
_SAME_BAR = (("atas_high", "high"), ("atas_low", "low"), ("atas_close", "close"))
_OF_TAPE = {
    **{
        name: name for name in ("poc", "vah", "val", "bar_vpo_price", "bar_vpo_vol", "bar_vpo_side")
    },
    **{f"atas_{name}": name for name in ("high", "low", "volume")},
}
"""Columns of the bars that the exchange's tape has too, where ATAS has no row -> its name for them."""


LEVEL_COLUMNS = ["minute_open", "price", "buy", "sell", "volume"]
"""What the steps read of `footprint`."""


class Tape(NamedTuple):
    """What the tapes say of the same days: one row a minute, one row a minute and price."""

    tape_stats: pa.Table | None = None
    footprint: pa.Table | None = None


def micro(
    day: dt.date,
    bars: pa.Table,
    tape_stats: pa.Table | None,
    features: FeaturesSchema,
    footprint: pa.Table | None = None,
) -> pa.Table:
    """Every registered minute feature of a day.

    A row's values use minutes that closed at or before its ts, at most 1440 before it.

    Args:
        day: The UTC day `[00:00, 24:00)`, by minute_open.
        bars: `bars_1m` rows of one symbol: the day's 1440, and the day before's where there are any;
            rows of other days are left aside.
        tape_stats: `minute_stats` rows of the same days, or None; if of several tapes, whether each
            `is_archive`. A row of the exchange's tape counts, for only proven ones are taken. One of
            ATAS's counts where its high, low and close are the bar's ATAS prices: so a tape that
            alignment shifted or refused adds nothing.
        features: SCHEMA_features in force.
        footprint: `footprint` rows of the same tape, `LEVEL_COLUMNS` from `levels_from_us(day)` on, or
            None. The levels of a minute count where its minute statistics do.

    Returns:
        1440 rows: symbol, ts, available_at, then the features; null where not known. No rows where
        the day has none, because the exchange of record is absent.

    Raises:
        ContractError: the day has some of its 1440 minutes.
        ConfigError: SCHEMA_features.json and the registry differ.
    """
    steps = registry.steps(features, "micro")
    today = _of_day(bars, day_open_us(day))
    if today.num_rows == 0:
        return features.schema("micro").empty_table()
    if today.num_rows != MINUTES_PER_DAY:
        raise ContractError(
            f"bars_1m of {day}: got {today.num_rows} rows of the day, wanted {MINUTES_PER_DAY};"
            " build AlignedBars of that day first"
        )
    tape = Tape(tape_stats, footprint)
    frame = frame_of(day, bars, tape, steps, features.rules)
    keys = {name: today[name] for name in ("symbol", "ts", "available_at")}
    table = pa.table({**keys, **evaluate(steps, frame)})
    return conform(table, features.schema("micro"), "features_micro")


def _of_day(bars: pa.Table, start: int) -> pa.Table:
    """The rows of the day that starts there."""
    rows = np.flatnonzero(arrays.ints(bars["minute_open"]) // DAY_US == start // DAY_US)
    together = rows.size == 0 or rows[-1] - rows[0] + 1 == rows.size
    first = int(rows[0]) if rows.size else 0
    return bars.slice(first, rows.size) if together else bars.take(arrays.column(rows))


def frame_of(
    day: dt.date,
    bars: pa.Table,
    tape: Tape,
    steps: tuple[Step, ...],
    rules: FeatureRules,
) -> Frame:
    """The minutes of the day before and the day, with the columns that the steps read.

    Raises:
        ContractError: a minute stands twice or off the grid.
    """
    start = day_open_us(day) - DAY_US
    rows, places = _places(bars, start, "bars_1m")
    needed = {name for step in steps for name in step.inputs if not name.startswith(PREFIX)}
    wanted = {name for name in needed if not name.startswith(_TAPE)}
    wanted.update((*(atas for atas, _ in _SAME_BAR), *_NO_TRADE))
    columns = {name: _on_grid(_coded(bars, name)[rows], places) for name in sorted(wanted)}
    found, same = _tape_columns(tape.tape_stats, sorted(needed - wanted), columns, start)
    columns |= _of_archive(tape.tape_stats, columns, start)
    return Frame(
        start_us=start,
        step_us=MINUTE_US,
        since=int(places.min(initial=_GRID)),
        rows=MINUTES_PER_DAY,
        windows_since=_GRID - MINUTES_PER_DAY,
        rules=rules,
        columns={**columns, **found},
        levels=_levels(tape, same & (_minutes(start)[:-1] >= levels_from_us(day)), columns, start),
    )


def _coded(table: pa.Table, name: str) -> Floats:
    """A column, NaN where null; of words their codes, NaN where unknown."""
    codes = _SIDES.get(name)
    if codes is None:
        return arrays.floats(table[name])
    return np.array([codes.get(word, np.nan) for word in table[name].to_pylist()])


def _of_archive(
    tape_stats: pa.Table | None, bars: dict[str, Floats], start: int
) -> dict[str, Floats]:
    """The bars' columns that the exchange's tape has too, filled from it in minutes without an ATAS row."""
    if tape_stats is None:
        return {}
    rows, places = _places(tape_stats, start, "tape_stats")
    missing = _is_archive(tape_stats, rows, places) & np.isnan(bars["atas_close"])
    return {
        name: np.where(missing, _on_grid(_coded(tape_stats, own)[rows], places), bars[name])
        for name, own in _OF_TAPE.items()
        if name in bars
    }


def _is_archive(tape_stats: pa.Table, rows: Ints, places: Ints) -> Bools:
    """Minutes taken from the exchange's tape; none where the table does not tell tapes apart."""
    found = np.zeros(_GRID, dtype=np.bool_)
    if _IS_ARCHIVE in tape_stats.column_names:
        found[places] = arrays.truths(tape_stats[_IS_ARCHIVE])[rows]
    return found


def _tape_columns(
    tape_stats: pa.Table | None, names: list[str], bars: dict[str, Floats], start: int
) -> tuple[dict[str, Floats], Bools]:
    """The named columns, NaN where the tape's minute is not the bar's; and where it is."""
    if tape_stats is None:
        return {name: np.full(_GRID, np.nan) for name in names}, np.zeros(_GRID, dtype=np.bool_)
    rows, places = _places(tape_stats, start, "tape_stats")

    def measured(name: str) -> Floats:
        return _on_grid(arrays.floats(tape_stats[name])[rows], places)

    same = np.logical_and.reduce([bars[atas] == measured(own) for atas, own in _SAME_BAR])
    same |= _is_archive(tape_stats, rows, places)
    found = {name: measured(name.removeprefix(_TAPE)) for name in names}
    return {name: np.where(same, x, np.nan) for name, x in found.items()}, same


def levels_from_us(day: dt.date) -> int:
    """The instant from which on a step may need levels: the day's, and before it a rolling window's."""
    reading = [s for s in registry.MICRO if any(name.startswith(PREFIX) for name in s.inputs)]
    return day_open_us(day) - MINUTE_US * (max(step.warm_up for step in reading) - 1)


def _levels(tape: Tape, same: Bools, bars: dict[str, Floats], start: int) -> Levels:
    """The footprint of the minutes that count; minutes without a trade have no levels."""
    if tape.footprint is None or tape.tape_stats is None:
        return no_levels(np.zeros(_GRID, dtype=np.bool_))
    volume, inside = (bars[name] for name in _NO_TRADE)
    _, taped = _places(tape.tape_stats, start, "tape_stats")
    silent = (volume == 0) & (inside == 1)
    silent[taped] = False
    return on_grid(tape.footprint, _minutes(start), same, same | silent)


def _minutes(start: int) -> Ints:
    """Where each minute of the grid opens, and where the last one ends."""
    return start + MINUTE_US * np.arange(_GRID + 1)


def _places(table: pa.Table, start: int, name: str) -> tuple[Ints, Ints]:
    """Rows of the table that lie on the grid, and their places there."""
    elapsed = arrays.ints(table["minute_open"]) - start
    rows = np.flatnonzero((elapsed >= 0) & (elapsed < _GRID * MINUTE_US))
    places, rest = np.divmod(elapsed[rows], MINUTE_US)
    if rest.any() or np.bincount(places).max(initial=0) > 1:
        raise ContractError(
            f"{name}: got a minute_open off the minute grid or twice, wanted each minute once;"
            " run the step that writes it again"
        )
    return rows, places


def _on_grid(values: Floats, places: Ints) -> Floats:
    grid = np.full(_GRID, np.nan)
    grid[places] = values
    return grid
