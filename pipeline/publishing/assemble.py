"""One table a dataset out of all symbols' outputs of a day, and the day's condition.

Belongs here: which rows are published, their order, the worst condition. Judging a symbol's day is
`quality/`; writing the files is the task's, sealing them `seal.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.contracts.manifest import DayCondition, SymbolCondition, to_json
from pipeline.contracts.schema import DataSchema, conform
from pipeline.contracts.verdict import Reason, Verdict
from pipeline.errors import ContractError, RefusedError
from pipeline.publishing.datapackage import datapackage
from pipeline.tables.parts import Columns, Part, Parts, as_parts

Rows: TypeAlias = pa.Table | Parts

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
    """What the steps before made of one symbol's day; tables in parts are read when they are needed.

    The tables of a missing symbol may have any rows, also none: only its rejects are published.
    """

    symbol: str
    bars: Rows
    micro: Rows
    macro: Rows
    footprint: Rows | None
    rejects: Sequence[Rows]
    verdict: Verdict

    @property
    def has_rows(self) -> bool:
        """Whether its rows are published."""
        return self.verdict.condition != "missing"


def assemble(day: dt.date, parts: Sequence[SymbolDay], schema: DataSchema) -> dict[str, Any]:
    """The five tables of a day, sorted by symbol and time, what describes them, and `condition`.

    The tables are in parts, each of one symbol, so that no more than one stands in memory at once; but for
    `macro_slow`, of a row a symbol.

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
        "bars_1m": _governed("bars_1m", {p.symbol: [p.bars] for p in published}, schema),
        "features_micro": _features("features_micro", {p.symbol: p.micro for p in published}),
        "macro_slow": _features("macro_slow", {p.symbol: p.macro for p in published}).whole(),
        "footprint": _governed(
            "footprint",
            {p.symbol: [p.footprint] for p in published if p.footprint is not None},
            schema,
        ),
        "rejects": _governed("rejects", {p.symbol: p.rejects for p in parts}, schema),
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
    stamps = _column(part.bars, "minute_open").cast(pa.int64()).to_numpy()
    wanted = day_open_us(day) + MINUTE_US * np.arange(MINUTES_PER_DAY, dtype=np.int64)
    if not np.array_equal(np.sort(stamps), wanted):
        raise ContractError(
            f"bars_1m {part.symbol} {day}: got {len(stamps)} rows, wanted each of the day's"
            f" {MINUTES_PER_DAY} minutes once"
        )
    for name, table in (("bars_1m", part.bars), ("features_micro", part.micro)):
        others = pc.unique(_column(table, "symbol")).to_pylist()
        if others != [part.symbol] or table.num_rows != MINUTES_PER_DAY:
            raise ContractError(
                f"{name} {day}: got {table.num_rows} rows of {others}, wanted {MINUTES_PER_DAY} of"
                f" {part.symbol}"
            )


def _column(table: Rows, name: str) -> pa.ChunkedArray:
    return pa.chunked_array(
        [chunk for part in as_parts(table).tables([name]) for chunk in part[name].chunks]
    )


def _governed(name: str, tables: Mapping[str, Sequence[Rows]], schema: DataSchema) -> Parts:
    return _in_order(name, tables, schema.table(name))


def _features(name: str, tables: Mapping[str, Rows]) -> Parts:
    """Tables whose schema the feature registry gives: all symbols must agree on it."""
    wanted = next(iter(tables.values())).schema.remove_metadata()
    return _in_order(name, {symbol: [table] for symbol, table in tables.items()}, wanted)


def _in_order(name: str, tables: Mapping[str, Sequence[Rows]], wanted: pa.Schema) -> Parts:
    """A part a symbol, ascending, each conforming and sorted."""
    for symbol in tables:
        for table in tables[symbol]:
            conform(table.schema.empty_table(), wanted, name)
    rows = {symbol: sum(table.num_rows for table in tables[symbol]) for symbol in sorted(tables)}
    return Parts(
        schema=wanted,
        parts=tuple(
            Part(num_rows=count, read=partial(_sorted, name, symbol, tables[symbol], wanted))
            for symbol, count in rows.items()
            if count
        ),
    )


def _sorted(
    name: str, symbol: str, tables: Sequence[Rows], wanted: pa.Schema, columns: Columns
) -> pa.Table:
    """One symbol's rows of all its tables.

    Raises:
        ContractError: a value breaks the schema, or a row is another symbol's.
    """
    rows = pa.concat_tables([conform(as_parts(t).whole(), wanted, name) for t in tables])
    others = pc.unique(rows["symbol"]).to_pylist()
    if others != [symbol]:
        raise ContractError(f"{name}: got rows of {others}, wanted rows of {symbol} alone")
    found = rows.sort_by([(key, "ascending") for key in _ORDER[name]]).combine_chunks()
    return found if columns is None else found.select(columns)
