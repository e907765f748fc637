"""A feature: formula, edges and source, and how its values lie on the newest published days."""

from __future__ import annotations

import datetime as dt

import numpy as np

from pipeline.contracts import features_schema
from pipeline.contracts.features_schema import Table
from pipeline.features import registry
from pipeline.features.step import Step
from pipeline.pages import frame
from pipeline.pages.addresses import Leads
from pipeline.pages.known import Known
from pipeline.quality.svg import Drawing, Panel, Scale, strokes
from pipeline.quality.wording import number
from pipeline.reader.loading import CONDITIONS, load
from pipeline.tables import arrays
from pipeline.tables.arrays import Floats

DAYS = 3
"""Values of so many of the newest days are looked at."""

SYMBOLS = 20
"""And of so many symbols at most."""

_BINS, _STEP, _HEIGHT = 48, 15, 100
_TAILS = (0.5, 99.5)
"""Percentiles between which values are drawn; a lonely extreme would leave one bar."""


def feature_page(known: Known, leads: Leads, name: str) -> str | None:
    """The page; None where there is no such feature."""
    governed = features_schema.load(known.kitchen.governance)
    tables: tuple[Table, ...] = ("micro", "macro")
    found = {s.name: (of, s) for of in tables for s in registry.steps(governed, of)}
    if name not in found:
        return None
    table, step = found[name]
    days = list(known.days)[-DAYS:]
    values = _values(known, days, table, step)
    return frame.page(
        "feature.html",
        leads,
        step=step,
        table=table,
        facts=registry.facts(step),
        days=days,
        rows=[_row(symbol, found) for symbol, found in values.items()],
        drawing=_histogram(step, np.concatenate([*values.values(), np.empty(0)])),
    )


def _values(known: Known, days: list[dt.date], table: Table, step: Step) -> dict[str, Floats]:
    """Symbol -> its values on the days, NaN where null; empty of a column that those days do not have."""
    if not days:
        return {}
    names = sorted({name for day in days for name in known.days[day].symbols})[:SYMBOLS]
    dataset = "features_micro" if table == "micro" else "macro_slow"
    root = known.store.name
    rows = load(
        dataset,
        days[0],
        days[-1],
        names,
        columns=["symbol", step.name],
        allow=CONDITIONS,
        root=root,
    )
    if step.name not in rows.column_names:
        return {}
    symbols = np.asarray(rows["symbol"].to_pylist(), dtype=object)
    values = arrays.floats(rows[step.name].cast("float64"))
    return {name: values[symbols == name] for name in names}


def _row(symbol: str, values: Floats) -> tuple[str, ...]:
    known = values[np.isfinite(values)]
    share = f"{known.size / values.size:.1%}" if values.size else ""
    if not known.size:
        return (symbol, f"{values.size:,}", share, *[""] * 5)
    quantiles = np.percentile(known, (0, 5, 50, 95, 100))
    return (symbol, f"{values.size:,}", share, *map(number, quantiles.tolist()))


def _histogram(step: Step, values: Floats) -> Drawing | None:
    known = values[np.isfinite(values)]
    if known.size < _BINS or known.min() == known.max():
        return None
    low, high = np.percentile(known, _TAILS)
    if low == high:
        low, high = known.min(), known.max()
    counts, _ = np.histogram(known, bins=_BINS, range=(low, high))
    scale = Scale.over(np.append(counts, 0).astype(float), _HEIGHT)
    tops = scale.at(np.where(counts > 0, counts, np.nan))
    middles = range(_STEP // 2, _BINS * _STEP, _STEP)
    return Drawing(
        title=f"{step.name}: how often each value, all symbols",
        panels=(
            Panel(
                words=f"values between the percentiles {_TAILS[0]} and {_TAILS[1]}",
                shapes=(
                    scale.grid(_BINS * _STEP),
                    ("bars", strokes(middles, tops, np.full(_BINS, float(_HEIGHT)))),
                ),
                width=_BINS * _STEP,
                height=_HEIGHT,
                size="high",
                scale=scale.labels,
            ),
        ),
        along=tuple(number(value) for value in (low, (low + high) / 2, high)),
    )
