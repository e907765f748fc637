"""One symbol's slow features on one day, from completed UTC days alone."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, SECOND_US, day_open_us
from pipeline.contracts.features_schema import FeatureRules, FeaturesSchema
from pipeline.contracts.ledger import SlowEntry
from pipeline.contracts.schema import conform
from pipeline.features import derivatives, registry
from pipeline.features.evaluate import evaluate
from pipeline.features.frame import Frame
from pipeline.features.levels import no_levels
from pipeline.features.step import Step
from pipeline.tables import arrays
from pipeline.tables.arrays import Ints


def macro(
    symbol: str, day: dt.date, history: pa.Table, latency_seconds: float, features: FeaturesSchema
) -> pa.Table:
    """Every registered slow feature, as known at the day's start.

    Args:
        symbol: Its name, for the key column.
        day: The UTC day D on which the row holds.
        history: `daily_stats` rows of days before D, gaps possible. Rows of other days, and of days
            that no step reaches, are left aside.
        latency_seconds: How long after 00:00 of D the last completed day is published.
        features: SCHEMA_features in force.

    Returns:
        One row: symbol, day, valid_from (D 00:00 + latency), computed_through (the newest completed
        day used, null when there is none), days_in_history, then the features. A feature that needs
        day D - 1 is null when that day is missing: no older value stands in for it.

    Raises:
        ConfigError: SCHEMA_features.json and the registry differ.
    """
    steps = registry.steps(features, "macro")
    opened = day_open_us(day)
    rows, places = _places(history, day, reach(steps))
    newest = opened + (int(places.max()) - reach(steps)) * DAY_US if rows.size else None
    frame = frame_of(day, history, steps, features.rules)
    instant = pa.timestamp("us", tz="UTC")
    keys = {
        "symbol": pa.array([symbol]),
        "day": pa.array([opened], type=instant),
        "valid_from": pa.array([opened + round(latency_seconds * SECOND_US)], type=instant),
        "computed_through": pa.array([newest], type=instant),
        "days_in_history": pa.array([rows.size], type=pa.int32()),
    }
    table = pa.table({**keys, **evaluate(steps, frame)})
    return conform(table, features.schema("macro"), "macro_slow")


def derived_from(day: dt.date, history: pa.Table) -> list[SlowEntry]:
    """The raw files of funding and open interest that the day's features look back on, by path.

    Args:
        day: As in `macro`.
        history: As in `macro`.

    Returns:
        Ledger entries; `lines` are those of all the days in reach.
    """
    back = {
        feed: max(s.look_back + 1 for s in registry.MACRO if column in s.inputs)
        for column, feed in derivatives.FEEDS.items()
    }
    opens = history["day_open"].cast(pa.int64()).to_pylist()
    ago = [(day_open_us(day) - opened) // DAY_US for opened in opens]
    return derivatives.files_of(zip(ago, history["derived_from"].to_pylist(), strict=True), back)


def reach(steps: tuple[Step, ...]) -> int:
    """Completed days that the steps read, the last one included."""
    return max(step.look_back for step in steps) + 1


def frame_of(
    day: dt.date, history: pa.Table, steps: tuple[Step, ...], rules: FeatureRules
) -> Frame:
    """The completed days before `day`, the newest last, with the columns that the steps read."""
    length = reach(steps)
    rows, places = _places(history, day, length)
    columns = {}
    for name in sorted({name for step in steps for name in step.inputs}):
        grid = np.full(length, np.nan)
        grid[places] = arrays.floats(history[name])[rows]
        columns[name] = grid
    return Frame(
        start_us=day_open_us(day) - length * DAY_US,
        step_us=DAY_US,
        since=int(places.min(initial=length)),
        rows=1,
        rules=rules,
        columns=columns,
        levels=no_levels(np.zeros(length, dtype=np.bool_)),
    )


def _places(history: pa.Table, day: dt.date, length: int) -> tuple[Ints, Ints]:
    """Rows of the days in reach, and their places on the grid that ends with the day before."""
    start = day_open_us(day) - length * DAY_US
    places = (arrays.ints(history["day_open"]) - start) // DAY_US
    rows = np.flatnonzero((places >= 0) & (places < length))
    return rows, places[rows]
