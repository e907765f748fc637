"""One table a dataset out of all symbols' outputs of a day, and the day's condition.

Belongs here: which rows are published, their order, the worst condition. Judging a symbol's day is
`quality/`; writing the files is the task's, sealing them `seal.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.contracts.manifest import DayCondition, SymbolCondition, to_json
from pipeline.contracts.schema import DataSchema, conform, empty
from pipeline.contracts.verdict import Reason, Verdict
from pipeline.errors import ContractError, RefusedError
from pipeline.publishing.datapackage import datapackage

CONDITIONS = ("available", "degraded", "missing")
"""Best first."""

_ORDER = {
    "bars_1m": ("symbol", "ts"),
    "features_micro": ("symbol", "ts"),
    "macro_slow": ("symbol",),
    "footprint": ("symbol", "minute_open", "price"),
    "rejects": ("symbol", "source", "file", "line", "byte_offset", "code"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolDay:
    """What the steps before made of one symbol's day.

    The tables of a missing symbol may have any rows, also none: only its rejects are published.
    """

    symbol: str
    bars: pa.Table
    micro: pa.Table
    macro: pa.Table
    footprint: pa.Table | None
    rejects: list[pa.Table]
    verdict: Verdict

    @property
    def has_rows(self) -> bool:
        """Whether its rows are published."""
        return self.verdict.condition != "missing"


def assemble(day: dt.date, parts: Sequence[SymbolDay], schema: DataSchema) -> dict[str, Any]:
    """The five tables of a day, sorted by symbol and time, what describes them, and `condition`.

    Args:
        day: The UTC date; every published symbol has its 1440 minutes and no other.
        parts: All symbols expected on the day, in any order.
        schema: SCHEMA_data in force.

    Returns:
        `bars_1m`, `features_micro`, `macro_slow`, `footprint` (no rows where there are no ticks),
        `rejects`, `datapackage` (see `datapackage.py`), and `condition` = `{"day": worst, "symbols":
        {S: {"condition", "reasons"}}}`.

    Raises:
        RefusedError: no symbol has rows to publish; names each with its reasons.
        ContractError: a table breaks its schema, or a symbol stands twice or lacks minutes.
    """
    parts = sorted(parts, key=lambda part: part.symbol)
    condition = _condition(day, parts)
    published = [part for part in parts if part.has_rows]
    for part in published:
        _check_minutes(day, part)
    tables = {
        "bars_1m": _governed("bars_1m", [p.bars for p in published], schema),
        "features_micro": _features("features_micro", [p.micro for p in published]),
        "macro_slow": _features("macro_slow", [p.macro for p in published]),
        "footprint": _governed(
            "footprint", [p.footprint for p in published if p.footprint is not None], schema
        ),
        "rejects": _governed("rejects", [t for p in parts for t in p.rejects], schema),
    }
    described = datapackage(day, tables, schema)
    return {**tables, "datapackage": described, "condition": to_json(condition)}


def _condition(day: dt.date, parts: Sequence[SymbolDay]) -> DayCondition:
    names = [part.symbol for part in parts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ContractError(f"assemble {day}: symbol {', '.join(twice)} stands twice; wanted once")
    _refuse_nothing(day, parts)
    return DayCondition(
        day=max((part.verdict.condition for part in parts), key=CONDITIONS.index),
        symbols={
            part.symbol: SymbolCondition(
                condition=part.verdict.condition, reasons=_reasons(part.verdict.reasons)
            )
            for part in parts
        },
    )


def _refuse_nothing(day: dt.date, parts: Sequence[SymbolDay]) -> None:
    if any(part.has_rows for part in parts):
        return
    told = "; ".join(
        f"{part.symbol}: {', '.join(_words(reason) for reason in part.verdict.reasons) or 'no reason'}"
        for part in parts
    )
    raise RefusedError(
        f"{day}: nothing can be published, wanted rows of at least one symbol ({told or 'no symbol'});"
        " fix the raw files or waive the code in CONTROL"
    )


def _words(reason: Reason) -> str:
    return f"{reason.code} {reason.note}".rstrip()


def _reasons(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """In an order that no run can change."""
    return tuple(sorted(reasons, key=lambda reason: (reason.code, reason.first or "", reason.note)))


def _check_minutes(day: dt.date, part: SymbolDay) -> None:
    stamps = part.bars["minute_open"].cast(pa.int64()).to_numpy()
    wanted = day_open_us(day) + MINUTE_US * np.arange(MINUTES_PER_DAY, dtype=np.int64)
    if not np.array_equal(np.sort(stamps), wanted):
        raise ContractError(
            f"bars_1m {part.symbol} {day}: got {len(stamps)} rows, wanted each of the day's"
            f" {MINUTES_PER_DAY} minutes once"
        )
    for name, table in (("bars_1m", part.bars), ("features_micro", part.micro)):
        others = pc.unique(table["symbol"]).to_pylist()
        if others != [part.symbol] or table.num_rows != MINUTES_PER_DAY:
            raise ContractError(
                f"{name} {day}: got {table.num_rows} rows of {others}, wanted {MINUTES_PER_DAY} of"
                f" {part.symbol}"
            )


def _governed(name: str, tables: list[pa.Table], schema: DataSchema) -> pa.Table:
    wanted = schema.table(name)
    tables = [conform(table, wanted, name) for table in tables]
    return _sorted(name, pa.concat_tables([*tables, empty(wanted)]))


def _features(name: str, tables: list[pa.Table]) -> pa.Table:
    """Tables whose schema the feature registry gives: all symbols must agree on it."""
    wanted = tables[0].schema.remove_metadata()
    return _sorted(name, pa.concat_tables([conform(t, wanted, name) for t in tables]))


def _sorted(name: str, table: pa.Table) -> pa.Table:
    return table.sort_by([(key, "ascending") for key in _ORDER[name]]).combine_chunks()
