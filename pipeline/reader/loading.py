"""`load()`, `files()`, `scan()` and `urls()`: published tables over a range of days, verified and whole.

Each day's revision is resolved once, so that a publisher at work is never seen half-way, and every file
is held against its manifest before a row of it is used. Polars, DuckDB and pandas may read the same files
directly (`snapshots/2*/bars_1m.parquet`); they check neither hashes nor conditions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.errors import ContractError, ParameterError
from pipeline.model.datasets import DATASETS as DATASETS
from pipeline.optional import require
from pipeline.publishing.side_by_side import each
from pipeline.publishing.store import Store
from pipeline.reader import described, resolved, verified
from pipeline.reader.arguments import CONDITIONS as CONDITIONS
from pipeline.reader.arguments import (
    allowed,
    dataset_of,
    instant_of,
    names_of,
    range_of,
    symbols_of,
)
from pipeline.reader.place import store_at
from pipeline.reader.refusing import Day, instead, refuse
from pipeline.reader.resolved import Question, Resolved
from pipeline.reader.verified import Part, Wanted

if TYPE_CHECKING:
    import polars


def load(
    dataset: str,
    start: dt.date | str,
    end: dt.date | str,
    symbols: Sequence[str] | None = None,
    as_of: dt.datetime | str | None = None,
    columns: Sequence[str] | None = None,
    allow: Sequence[str] = ("available",),
    root: Path | str | None = None,
) -> pa.Table:
    """The rows of a dataset for each day of `[start, end]`, both included.

    Args:
        dataset: `bars_1m`, `features_micro`, `macro_slow`, `footprint` or `rejects`.
        start: First date, UTC; a date, `YYYY-MM-DD`, or the UTC midnight with which it begins.
        end: Last date, UTC, included.
        symbols: Only these, or this one; None means all.
        as_of: An aware datetime or ISO text with a zone: what was published at that instant.
        columns: Only these, in this order; None means all.
        allow: Conditions of symbol-days that are accepted, of `available`, `degraded`, `missing` and
            `pending`. A missing one has no rows, nor has a date that is not published: it is `pending`.
        root: The snapshot store, a folder or `s3://bucket/prefix`; None means the configured one.

    Returns:
        By date, then as in the files: by symbol and time. Null means not measured. A column that some
        days' files do not have is null on those days.

    Raises:
        ParameterError: an argument is wrong, there is no store, or no day knows a symbol.
        RefusedError: symbol-days outside `allow`; names them.
        SnapshotCorruptError: bytes differ from their manifest.
    """
    names = symbols_of(symbols)
    parts = _parts(dataset, start, end, Choice(names, as_of, allow, root))
    return joined(dataset, parts, names, columns)


def files(
    dataset: str,
    start: dt.date | str,
    end: dt.date | str,
    symbols: Sequence[str] | None = None,
    as_of: dt.datetime | str | None = None,
    allow: Sequence[str] = ("available",),
    root: Path | str | None = None,
) -> list[Path]:
    """The verified files behind `load()`, oldest day first, for tools that read Parquet themselves.

    Each lies in a revision that never changes, so that a query over them sees what was verified. They
    hold all symbols of their days; filter by symbol. Arguments and errors as in `load()`.
    """
    names = symbols_of(symbols)
    return verified.check_all(_parts(dataset, start, end, Choice(names, as_of, allow, root)))


def scan(
    dataset: str,
    start: dt.date | str,
    end: dt.date | str,
    symbols: Sequence[str] | None = None,
    as_of: dt.datetime | str | None = None,
    allow: Sequence[str] = ("available",),
    root: Path | str | None = None,
) -> polars.LazyFrame:
    """As `load()`, as a Polars LazyFrame: files are verified now, columns and rows read when collected.

    Needs Polars, which the kitchen itself does not. Arguments and errors as in `load()`; without Polars a
    ConfigError.
    """
    pl = require("polars")
    names = symbols_of(symbols)
    parts = _parts(dataset, start, end, Choice(names, as_of, allow, root))
    frames = [pl.scan_parquet(path, glob=False) for path in verified.check_all(parts)]
    empty = pl.from_arrow(described.columns(dataset).empty_table()).lazy()
    frame = pl.concat(frames, how="diagonal") if frames else empty
    found: polars.LazyFrame = (
        frame if names is None else frame.filter(pl.col("symbol").is_in(names))
    )
    return found


def conditions(
    start: dt.date | str,
    end: dt.date | str,
    as_of: dt.datetime | str | None = None,
    root: Path | str | None = None,
) -> pa.Table:
    """`date`, `symbol`, `condition`, `codes` of every symbol on every published date of `[start, end]`.

    Arguments and errors as in `load()`; no table of any date is opened.
    """
    first, last = range_of(start, end)
    store = store_at(root).look((first, last))
    instant = None if as_of is None else instant_of(as_of)
    question = Question(f"{_WITH_A_ROW_A_MINUTE}.parquet", ())
    dates = [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]
    found = each(lambda day: _resolve(store, day, instant, question), dates, store.at_once)
    rows = [
        {
            "date": day,
            "symbol": name,
            "condition": it.condition,
            "codes": [r.code for r in it.reasons],
        }
        for day, said in zip(dates, found, strict=True)
        if said is not None
        for name, it in sorted(said.condition.symbols.items())
    ]
    return pa.Table.from_pylist(rows, _CONDITIONS)


_WITH_A_ROW_A_MINUTE = "bars_1m"
_CONDITIONS = pa.schema(
    [
        ("date", pa.date32()),
        ("symbol", pa.string()),
        ("condition", pa.string()),
        ("codes", pa.list_(pa.string())),
    ]
)


def days(as_of: dt.datetime | str | None = None, root: Path | str | None = None) -> list[dt.date]:
    """Every date of which `load()` finds a revision, ascending: now, or as of an instant."""
    return _published(store_at(root), None if as_of is None else instant_of(as_of))


def _published(store: Store, instant: dt.datetime | None) -> list[dt.date]:
    store = store.look()
    published = store.published_days()
    if instant is None:
        return published
    known = each(lambda day: resolved.was_published(store, day, instant), published, store.at_once)
    return [day for day, was in zip(published, known, strict=True) if was]


def what_is_there(store: Store, instant: dt.datetime | None, gone: Sequence[dt.date]) -> str:
    """For a sentence about dates that are not published: which are, and what builds others."""
    when = "" if instant is None else f" as of {instant.isoformat()}"
    return instead(_published(store, instant), gone, store.name, when)


def urls(
    dataset: str,
    start: dt.date | str,
    end: dt.date | str,
    symbols: Sequence[str] | None = None,
    as_of: dt.datetime | str | None = None,
    allow: Sequence[str] = ("available",),
    root: Path | str | None = None,
) -> list[str]:
    """Where the files behind `load()` lie in the store, oldest day first: paths, or `s3://` addresses.

    For tools that read from a bucket themselves. Nothing is copied, and no byte is held against its digest;
    what lies there never changes. Arguments as in `load()`; errors too, but for other bytes.
    """
    names = symbols_of(symbols)
    store, found = found_in(dataset, start, end, Choice(names, as_of, allow, root))
    return [store.url(it.day, it.number, f"{dataset}.parquet") for it in found]


@dataclass(frozen=True, slots=True)
class Choice:
    """What of a range is asked for, as the caller wrote it."""

    names: list[str] | None
    as_of: dt.datetime | str | None
    allow: Sequence[str]
    root: Path | str | None


def _parts(dataset: str, start: dt.date | str, end: dt.date | str, choice: Choice) -> list[Part]:
    """The file of each of `found_in`, on this machine."""
    store, found = found_in(dataset, start, end, choice)
    name = f"{dataset}.parquet"
    folders = each(lambda it: store.fetch(it.day, it.number, [name]), found, store.at_once)
    pairs = zip(folders, found, strict=True)
    return [Part(path=folder / name, entry=it.entry) for folder, it in pairs if it.entry]


def found_in(
    dataset: str, start: dt.date | str, end: dt.date | str, choice: Choice
) -> tuple[Store, list[Resolved]]:
    """The revision of each date that has the dataset, once nothing in the range is refused.

    A day without ticks has no footprint.
    """
    dataset_of(dataset)
    first, last = range_of(start, end)
    allow = allowed(choice.allow)
    store = store_at(choice.root).look((first, last))
    instant = None if choice.as_of is None else instant_of(choice.as_of)
    names = None if choice.names is None else tuple(choice.names)
    question = Question(f"{dataset}.parquet", names)
    dates = [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]
    found = each(lambda day: _resolve(store, day, instant, question), dates, store.at_once)
    days = [Day(day=day, resolved=it) for day, it in zip(dates, found, strict=True)]
    gone = [it.day for it in days if it.resolved is None]
    refuse(days, choice.names, allow, lambda: what_is_there(store, instant, gone))
    return store, [it for it in found if it is not None and it.entry is not None]


def _resolve(
    store: Store, day: dt.date, instant: dt.datetime | None, question: Question
) -> Resolved | None:
    """The revision of a date, decided here once: whatever is published later is not seen."""
    number = store.named_revision(day)
    if number is None:
        return None
    candidates = [number] if instant is None else store.numbers(day)[::-1]
    for candidate in candidates:
        found = resolved.find(store, day, candidate, question)
        if found is None and instant is None:
            raise verified.corrupt(store.url(day, candidate), "its papers are missing or damaged")
        if found is not None and (instant is None or found[1] <= instant):
            return found[0]
    return None


def joined(
    dataset: str, parts: list[Part], symbols: list[str] | None, columns: Sequence[str] | None
) -> pa.Table:
    """The files' rows below one another, in the columns asked for."""
    known = list(dict.fromkeys(name for part in parts for name in part.columns))
    known = known or described.columns(dataset).names
    wanted = known if columns is None else names_of(columns, "columns")
    unknown = [c for c in wanted if c not in known]
    if unknown:
        raise ParameterError(described.no_column(dataset, unknown[0], known))
    tables = verified.read(parts, Wanted(symbols=symbols, columns=wanted))
    try:
        return pa.concat_tables(
            tables or [described.columns(dataset).empty_table()], promote_options="default"
        ).select(wanted)
    except pa.ArrowException as error:
        raise ContractError(
            f"{dataset} changed a column's type within the range ({error}); load its parts apart"
        ) from error
